// Who is left, and what those share: a where-clause, and choices with their options, each against its base rate.

function toolbar() {
  const input = el("input", {
    id: "where",
    type: "text",
    spellcheck: "false",
    autocomplete: "off",
    "aria-describedby": "where-said",
    placeholder: `${exampleClause()}`,
    oninput: (event) => change({ where: event.target.value }),
  });
  const said = el("span", { id: "where-said", class: "said", role: "status" });
  const clear = el("button", {
    type: "button",
    class: "small",
    text: "clear",
    title: "Clear filters and brush",
    onclick: () => change({ where: "", pick: new Map(), brush: null, zoom: [null, null] }),
  });
  views.push({
    live: () => {
      if (input.value !== state.where) input.value = state.where;
      input.toggleAttribute("aria-invalid", Boolean(sets.error));
      said.classList.toggle("wrong", Boolean(sets.error));
      const left =
        sets.kept.length === facts.n
          ? plural(facts.n, "network")
          : `${whole(sets.kept.length)} of ${plural(facts.n, "network")} left`;
      const sample = facts.n < facts.n_known ? `, a sample of ${whole(facts.n_known)}` : "";
      said.textContent = sets.error || left + sample + (state.brush ? `, ${whole(sets.set.length)} brushed` : "");
      clear.disabled = !(state.where || state.pick.size || state.brush || state.zoom.some(Boolean));
    },
  });
  return el("div", { class: "toolbar" }, el("label", { for: "where", text: "where" }), input, clear, said);
}

function exampleClause() {
  const cost =
    columns.get("params") ?? [...columns.values()].find((column) => column.minimised && column.kind !== "sum");
  const score = columns.get("pgd@1") ?? [...columns.values()].find((column) => !column.minimised);
  const parts = [
    cost && `${cost.name} < ${Number(quantile(cost.sorted, 0.5).toPrecision(2))}`,
    score && `${score.name} >= ${Number(quantile(score.sorted, 0.8).toPrecision(2))}`,
  ];
  return parts.filter(Boolean).join(" and ");
}

/** Options that every choice has: then choices are rows and options columns, else each choice has a row of its own. */
const sharedOptions = () => {
  const [first, ...others] = facts.choices.map((choice) => choice.options.join("\n"));
  return others.length && facts.choices[0].options.length <= 8 && others.every((options) => options === first)
    ? facts.choices[0].options
    : null;
};

const MOST_OPTIONS = 16;

/** The options of a choice that tables show: all; of many, those that most networks have. */
function shownOptions(c) {
  const { options } = facts.choices[c];
  const all = options.map((_, o) => o);
  if (options.length <= MOST_OPTIONS) return all;
  const counts = new Int32Array(options.length);
  for (let row = 0; row < facts.n; row += 1) counts[codeOf(row, c)] += 1;
  return all
    .sort((a, b) => counts[b] - counts[a])
    .slice(0, MOST_OPTIONS)
    .sort((a, b) => a - b);
}

/** Columns of one width for the options of a choice, wide enough for the longest and some more letters. */
const columnsFor = (c, more) =>
  `grid-template-columns:repeat(auto-fit,minmax(${Math.min(14, Math.max(...facts.choices[c].options.map((option) => option.length))) + more}ch,1fr))`;

function choicesCard() {
  const shared = sharedOptions();
  const cells = [];
  const counts = facts.choices.map((choice) => new Int32Array(choice.options.length));
  const base = facts.choices.map((choice, c) => {
    const found = new Int32Array(choice.options.length);
    for (let row = 0; row < facts.n; row += 1) found[codeOf(row, c)] += 1;
    return found;
  });
  const cell = (c, o) => {
    const bar = el("i", { class: "share" });
    const tick = el("i", { class: "base", style: `left:${((100 * base[c][o]) / facts.n).toFixed(1)}%` });
    const number = el("span");
    const button = el(
      "button",
      { type: "button", class: "cell", "data-pick": `${c}.${o}`, onclick: () => cycle([`${c}.${o}`], [0, 1, -1]) },
      bar,
      tick,
      shared ? null : el("em", { text: facts.choices[c].options[o] }),
      number,
    );
    cells.push({ c, o, bar, number, button, last: "" });
    return button;
  };
  const head =
    shared &&
    el(
      "tr",
      {},
      el("th", { text: facts.cells ? "edge" : "choice" }),
      ...shared.map((option, o) =>
        el(
          "th",
          { scope: "col" },
          el("button", {
            type: "button",
            class: "head",
            "data-option": o,
            title: `Leave out ${option} everywhere, or not`,
            onclick: () =>
              cycle(
                facts.choices.map((_, c) => `${c}.${o}`),
                [0, -1],
              ),
            text: shortOption(option),
          }),
        ),
      ),
    );
  const body = facts.choices.map((choice, c) =>
    shared
      ? el(
          "tr",
          {},
          el("th", { scope: "row", text: choice.name }),
          ...choice.options.map((_, o) => el("td", {}, cell(c, o))),
        )
      : el(
          "tr",
          {},
          el("th", { scope: "row", text: cut(choice.name, 18), title: choice.name }),
          el("td", { class: "several", style: columnsFor(c, 6) }, ...shownOptions(c).map((o) => cell(c, o))),
        ),
  );
  const many = facts.choices.some((choice) => choice.options.length > MOST_OPTIONS);
  const said = el("p", { class: "said" });
  const lines = el("p", { class: "said strong" });
  views.push({
    live: (keys) => {
      if (!["brush", "where", "pick", "x", "y", "x2", "y2"].some((key) => keys.has(key))) return;
      counts.forEach((count) => count.fill(0));
      counts.forEach((count, c) => {
        const start = c * facts.n;
        for (const row of sets.set) count[codes[start + row]] += 1;
      });
      const n = Math.max(1, sets.set.length);
      for (const item of cells) {
        const share = counts[item.c][item.o] / n;
        const sign = state.pick.get(`${item.c}.${item.o}`) ?? 0;
        const rate = base[item.c][item.o] / facts.n;
        const strong = sets.set.length && Math.abs(share - rate) > 3 * Math.sqrt((rate * (1 - rate)) / n) + 0.02;
        const text = `${Math.round(100 * share)}|${sign}|${strong}`;
        if (text === item.last) continue;
        item.last = text;
        item.bar.style.transform = `scaleX(${share.toFixed(3)})`;
        item.number.textContent = String(Math.round(100 * share));
        item.button.className = `cell${sign > 0 ? " only" : sign < 0 ? " without" : ""}${strong ? (share > rate ? " more" : " less") : ""}`;
      }
    },
    settle: () => {
      for (const item of cells) {
        const sign = state.pick.get(`${item.c}.${item.o}`) ?? 0;
        const name = `${facts.choices[item.c].name}: ${facts.choices[item.c].options[item.o]}`;
        const rate = ((100 * base[item.c][item.o]) / facts.n).toFixed(0);
        item.button.title = `${name}\n${item.number.textContent} % of these, ${rate} % of all. Click: only with it, without it, either.`;
        item.button.setAttribute(
          "aria-label",
          `${name}, ${item.number.textContent} percent, base rate ${rate}${sign > 0 ? ", only with it" : sign < 0 ? ", without it" : ""}`,
        );
      }
      lines.textContent = sharedText(cells, counts, base);
      said.textContent = `Bars and numbers: % of ${state.brush ? "the brushed" : "the"} ${plural(sets.set.length, "network")}; ticks: all ${whole(facts.n)}. Click an option to keep only networks with it, again for those without it${shared ? "; a heading leaves it out everywhere" : ""}.${many ? " Of many options, the most frequent are shown." : ""}`;
    },
  });
  const answers = `What have the brushed networks in common, ${facts.cells ? "edge by edge" : "choice by choice"}, against the base rate?`;
  return card(
    "What they share",
    answers,
    lines,
    el(
      "div",
      { class: "scroll" },
      el("table", { class: `choices${shared ? "" : " own"}` }, head && el("thead", {}, head), el("tbody", {}, ...body)),
    ),
    said,
  );
}

function cycle(keys, signs) {
  const pick = new Map(state.pick);
  const now = keys.every((key) => (pick.get(key) ?? 0) === (pick.get(keys[0]) ?? 0)) ? (pick.get(keys[0]) ?? 0) : 0;
  const next = signs[(signs.indexOf(now) + 1) % signs.length];
  for (const key of keys) {
    if (next) pick.set(key, next);
    else pick.delete(key);
  }
  change({ pick });
}

/** The options that differ most from their base rate, in words. */
function sharedText(cells, counts, base) {
  const n = sets.set.length;
  if (!n) return "There is no network to share anything.";
  if (n === facts.n) return "Brush a region of a scatter, or filter, to see what its networks share.";
  const gaps = cells.map(({ c, o }) => ({ c, o, share: counts[c][o] / n, rate: base[c][o] / facts.n }));
  const found = gaps
    .filter(({ share, rate }) => Math.abs(share - rate) > 0.1)
    .sort((a, b) => Math.abs(b.share - b.rate) - Math.abs(a.share - a.rate));
  if (!found.length) return "Nothing: every option is about as frequent as among all networks.";
  const words = ({ c, o, share, rate }) =>
    `${facts.choices[c].options[o]} on ${facts.choices[c].name} ${Math.round(100 * share)} % (of all ${Math.round(100 * rate)} %)`;
  return found.slice(0, 3).map(words).join("; ") + ".";
}
