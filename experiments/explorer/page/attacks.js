// Attacks at one eps: who withstands all of them, which one is the strongest, and where two disagree.

function attacksCard() {
  const byLevel = new Map();
  for (const column of columns.values()) {
    if (column.kind !== "attack") continue;
    if (!byLevel.has(column.level)) byLevel.set(column.level, []);
    byLevel.get(column.level).push(column);
  }
  const levels = [...byLevel]
    .filter(([, found]) => found.length > 1)
    .map(([level]) => level)
    .sort((a, b) => a - b);
  if (!levels.length) return null;
  const eps = el(
    "select",
    {
      id: "eps",
      "aria-label": "eps of the attacks",
      onchange: () => change({ eps: Number(eps.value), pair: ["", ""] }),
    },
    ...levels.map((level) => el("option", { value: level, text: `eps ${level}/255` })),
  );
  const choose = [0, 1].map((i) =>
    el("select", {
      "aria-label": `${i ? "second" : "first"} of two attacks`,
      onchange: (event) => change({ pair: state.pair.map((name, j) => (i === j ? event.target.value : name)) }),
    }),
  );
  const lead = el("p", { class: "said strong" });
  const robust = el("div", { class: "scroll" });
  const gaps = el("div", { class: "scroll" });
  const agree = el("p", { class: "said strong" });
  const show = el("button", {
    type: "button",
    class: "small",
    text: "in the scatter",
    onclick: () => change({ x2: state.pair[0], y2: state.pair[1], zoom: [state.zoom[0], null], brush: null }),
  });
  views.push({
    settle: (keys) => {
      if (!["where", "pick", "brush", "x", "y", "x2", "y2", "eps", "pair"].some((key) => keys.has(key))) return;
      if (!levels.includes(state.eps)) state.eps = levels.includes(1) ? 1 : levels[0];
      const attacks = byLevel.get(state.eps);
      const held = attacks.map((column) => column.name);
      if (!state.pair.every((name) => held.includes(name)) || state.pair[0] === state.pair[1]) {
        const wanted = [`pgd@${state.eps}`, `apgd@${state.eps}`];
        state.pair = wanted.every((name) => held.includes(name)) ? wanted : held.slice(0, 2);
      }
      eps.value = state.eps;
      choose.forEach((select, i) => {
        select.replaceChildren(...attacks.map((column) => el("option", { value: column.name, text: column.of })));
        select.value = state.pair[i];
      });
      const known = sets.set.filter((row) => attacks.every((column) => column.values[row] === column.values[row]));
      lead.textContent = robustText(attacks, known);
      robust.replaceChildren(robustTable(attacks, known));
      const [first, second] = state.pair.map(columnOf);
      agree.textContent = agreement(first, second, known);
      gaps.replaceChildren(gapTable(first, second, known));
    },
  });
  return card(
    "Attacks",
    "Who is robust to all attacks, and where do two of them disagree?",
    el("div", { class: "axis" }, eps),
    lead,
    robust,
    el(
      "div",
      { class: "axis" },
      el("span", { class: "dim", text: "disagreement of" }),
      choose[0],
      el("span", { class: "dim", text: "and" }),
      choose[1],
      el("span", { class: "gap" }),
      show,
    ),
    agree,
    gaps,
  );
}

const worstOf = (attacks, row) => Math.min(...attacks.map((column) => column.values[row]));

function robustText(attacks, rows) {
  if (!rows.length) return "No network here has a number under all of them.";
  const strongest = attacks.map((column) => rows.filter((row) => column.values[row] === worstOf(attacks, row)).length);
  const order = attacks.map((column, i) => [column, strongest[i]]).sort((a, b) => b[1] - a[1]);
  return `Strongest attack: ${order
    .filter(([, n]) => Math.round((100 * n) / rows.length))
    .map(([column, n]) => `${column.of} on ${Math.round((100 * n) / rows.length)} %`)
    .join(", ")} of ${plural(rows.length, "network")}.`;
}

function robustTable(attacks, rows) {
  const worst = new Map(rows.map((row) => [row, worstOf(attacks, row)]));
  const top = [...rows].sort((a, b) => worst.get(b) - worst.get(a)).slice(0, 8);
  const head = el(
    "tr",
    {},
    el("th", { text: "robust to all" }),
    el("th", { text: "worst" }),
    ...attacks.map((column) => el("th", { text: column.of })),
  );
  const line = (row) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, networkLink(row)),
      el("td", {}, el("b", { text: written(attacks[0], worst.get(row)) })),
      ...attacks.map((column) =>
        el("td", {
          class: column.values[row] === worst.get(row) ? "strongest" : "",
          text: written(column, column.values[row]),
        }),
      ),
    );
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...top.map(line)));
}

/** What the difference of two attacks usually is, and how alike they order the networks. */
function agreement(first, second, rows) {
  if (rows.length < 3) return "";
  const sorted = ordered(rows.map((row) => first.values[row] - second.values[row]));
  const [low, middle, high] = [0.05, 0.5, 0.95].map((share) => quantile(sorted, share));
  return `${first.of} − ${second.of}: ${difference(first, middle)} points in the median, ${difference(first, low)} to ${difference(first, high)} for 90 %; rank correlation ${plain(rankCorrelation(first, second, rows).toFixed(2))}.`;
}

function ranksAmong(column, rows) {
  const order = [...rows].sort((a, b) => column.values[a] - column.values[b]);
  const ranks = new Map();
  for (let i = 0; i < order.length;) {
    let j = i;
    while (j < order.length && column.values[order[j]] === column.values[order[i]]) j += 1;
    for (let k = i; k < j; k += 1) ranks.set(order[k], (i + j - 1) / 2);
    i = j;
  }
  return ranks;
}

/** Spearman's: the correlation of ranks, ties by their mean. */
function rankCorrelation(first, second, rows) {
  const [a, b] = [ranksAmong(first, rows), ranksAmong(second, rows)];
  const mean = (rows.length - 1) / 2;
  let [cross, left, right] = [0, 0, 0];
  for (const row of rows) {
    const [x, y] = [a.get(row) - mean, b.get(row) - mean];
    cross += x * y;
    left += x * x;
    right += y * y;
  }
  return left && right ? cross / Math.sqrt(left * right) : NaN;
}

function gapTable(first, second, rows) {
  const [a, b] = [ranksAmong(first, rows), ranksAmong(second, rows)];
  const off = (row) => Math.abs(a.get(row) - b.get(row));
  const top = [...rows].sort((x, y) => off(y) - off(x)).slice(0, 8);
  const head = el(
    "tr",
    {},
    ...["ranked most apart", first.of, "rank", second.of, "rank"].map((text) => el("th", { text })),
  );
  const line = (row) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, networkLink(row)),
      el("td", { text: written(first, first.values[row]) }),
      el("td", { class: "dim", text: whole(rows.length - a.get(row)) }),
      el("td", { text: written(second, second.values[row]) }),
      el("td", { class: "dim", text: whole(rows.length - b.get(row)) }),
    );
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...top.map(line)));
}
