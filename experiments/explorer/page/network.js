// One network, or two side by side: pictures, names in every notation, scores with noise, ranks.

/** The metrics that every table of the page has: what a table is usually judged by. */
function keyColumns(most = 9) {
  const wanted = ["clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "worst@1", "corruption"];
  const found = wanted.filter((name) => columns.has(name)).map((name) => columns.get(name));
  const own = [...columns.values()].filter(
    (column) => column.kind !== "sum" || facts.sums.some((sum) => sum.name === column.name && sum.worst),
  );
  const rest = own.filter(
    (column) =>
      !found.includes(column) &&
      (column.kind !== "corruption" || found.length < 2) &&
      column.kind !== "cost" &&
      (found.length < 4 || !column.name.includes("@")),
  );
  return [...found, ...rest].slice(0, most);
}

function rankText(column, value) {
  if (value !== value) return "–";
  const noise = noiseAt(column, value);
  const best = column.rank(value);
  if (!(noise > 0)) return `rank ${whole(best)}`;
  return `rank ${whole(column.rank(value + column.sign * noise))}–${whole(column.rank(value - column.sign * noise))}`;
}

function networkCard() {
  const find = el("input", {
    type: "search",
    class: "find",
    id: "find",
    placeholder: facts.cells ? "#13433, arch string, (4, 0, 3, 1, 4, 3)" : "text, JSON or index:17",
    "aria-label": "Find a network by any of its names",
    spellcheck: "false",
  });
  const notFound = el("span", { class: "said wrong" });
  find.addEventListener("change", () => {
    const row = find.value.trim() ? rowOf(find.value) : -1;
    notFound.textContent = find.value.trim() && row < 0 ? "no such network here" : "";
    if (row >= 0) change({ a: row });
  });
  const pictures = el("div", { class: "pictures" });
  const scores = el("div", { class: "scroll" });
  const notations = el("div", { class: "notations" });
  const said = el("p", { class: "said" });
  const buttons = el(
    "span",
    { class: "buttons" },
    el("button", {
      type: "button",
      class: "small",
      id: "pin",
      text: "put beside",
      title: "Keep this network as B",
      onclick: () => change({ b: state.a }),
    }),
    el("button", {
      type: "button",
      class: "small",
      id: "swap",
      text: "A ⇄ B",
      title: "Swap the two",
      onclick: () => change({ a: state.b >= 0 ? state.b : state.a, b: state.b >= 0 ? state.a : -1 }),
    }),
    el("button", {
      type: "button",
      class: "small",
      id: "unpin",
      text: "only A",
      title: "Put B away",
      onclick: () => change({ b: -1 }),
    }),
  );
  views.push({
    settle: (keys) => {
      if (!["a", "b", "x", "y", "z", "x2", "y2"].some((key) => keys.has(key))) return;
      byId("swap").disabled = byId("unpin").disabled = state.b < 0;
      const rows = [
        ["a", state.a],
        ["b", state.b],
      ].filter(([, row]) => row >= 0);
      const differing =
        rows.length === 2
          ? new Set(facts.choices.map((_, c) => c).filter((c) => codeOf(state.a, c) !== codeOf(state.b, c)))
          : null;
      pictures.replaceChildren(
        ...rows.map(([key, row]) =>
          el(
            "figure",
            { class: key },
            el("figcaption", {}, el("b", { class: key, text: `${key.toUpperCase()}  ${labels[row]}` }), twinNote(row)),
            drawn(row, differing),
          ),
        ),
      );
      scores.replaceChildren(scoreTable(state.a, state.b));
      notations.replaceChildren(...rows.map(([key, row]) => notationList(key, row)));
      const same =
        differing &&
        (differing.size
          ? `${plural(differing.size, facts.cells ? "edge differs" : "choice differs", facts.cells ? "edges differ" : "choices differ")}.`
          : "The same network.");
      said.textContent =
        rows.length === 2
          ? `${same} σ: deviations of the noise of a difference; bold beyond 1.96, which two trainings of one function exceed in 5 of 100 cases.`
          : "Ranks among all networks, as one noise deviation more and less would have it. Shift-click a second network to put it beside.";
    },
  });
  return card(
    "Network",
    "What does one network score, and where does it rank? Two side by side.",
    el("div", { class: "finding" }, find, buttons),
    notFound,
    pictures,
    scores,
    said,
    el("details", { id: "notations" }, el("summary", { text: "In every notation" }), notations),
  );
}

function twinNote(row) {
  const group = facts.twins.find((members) => members.includes(row));
  if (!group) return null;
  const others = group.filter((other) => other !== row);
  return el(
    "span",
    { class: "dim" },
    ` ${plural(others.length, "functional twin")}: `,
    ...others.slice(0, 4).map((other) => networkLink(other)),
    others.length > 4 ? " …" : "",
  );
}

function networkLink(row, text = labels[row]) {
  return el("button", {
    type: "button",
    class: "link",
    text,
    title: `Look at ${labels[row]}; with Shift beside A`,
    onclick: (event) => change({ [event.shiftKey ? "b" : "a"]: row }),
  });
}

function scoreTable(a, b) {
  const axes = [...axesOf(0), thirdColumn(), ...axesOf(1)].filter((column) => column && column.kind !== "rank");
  const costs = ["params", "flops"].map((name) => columns.get(name)).filter(Boolean);
  const attached = [...columns.values()].filter((column) => column.kind === "attached").slice(0, 4);
  const listed = [...new Set([...keyColumns(), ...axes, ...costs, ...attached])];
  const two = a >= 0 && b >= 0;
  const head = el(
    "tr",
    {},
    el("th", { text: "" }),
    el("th", { text: "A" }),
    ...(two ? ["B", "B − A", "σ"] : ["rank"]).map((text) => el("th", { text })),
  );
  const short = (column, value) => (two && Math.abs(value) >= 1e6 ? tickText(column, value) : written(column, value));
  const line = (column) => {
    const [first, second] = [a, b].map((row) => (row >= 0 ? column.values[row] : NaN));
    const gap = second - first;
    const beyond =
      two && noiseAt(column, first) > 0 && (beyondNoise(column, second, first) || beyondNoise(column, first, second));
    const noise = two ? noiseOfDifference(column, first, second) : NaN;
    return el(
      "tr",
      { title: `${column.name}, ${column.minimised ? "smaller" : "larger"} is better` },
      el("th", { scope: "row", text: shortTitle(column) + (column.share ? " %" : "") }),
      el("td", { title: rankText(column, first) }, short(column, first), two ? null : spread(column, first)),
      ...(two
        ? [
            el("td", { title: rankText(column, second), text: short(column, second) }),
            el("td", {
              class: beyond ? "beyond" : "",
              text: gap === gap ? (gap > 0 ? "+" : "") + short(column, gap) : "–",
            }),
            el("td", { class: "dim", text: noise > 0 && gap === gap ? Math.abs(gap / noise).toFixed(1) : "" }),
          ]
        : [el("td", { class: "dim", text: a >= 0 ? rankText(column, first).replace("rank ", "") : "" })]),
    );
  };
  return el("table", { class: "scores" }, el("thead", {}, head), el("tbody", {}, ...listed.map(line)));
}

function spread(column, value) {
  const noise = noiseAt(column, value);
  return noise > 0 ? el("small", { text: ` ± ${writtenNoise(column, noise)}` }) : null;
}

function notationList(key, row) {
  return el(
    "dl",
    {},
    ...Object.entries(names).flatMap(([notation, texts]) => {
      const button = el("button", {
        type: "button",
        class: "small",
        text: "copy",
        onclick: () => copied(texts[row], button),
      });
      return [
        el("dt", { text: `${key.toUpperCase()}, ${notation}` }),
        el("dd", {}, el("code", { text: texts[row] }), button),
      ];
    }),
  );
}
