// Puts the page together.

const facts = JSON.parse(byId("facts").textContent);

/** A view: its title, whose numbers it shows, what it answers. */
function card(title, answers, ...children) {
  const id = `title-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return el(
    "section",
    { class: "card", id: `view-${id.slice(6)}`, "aria-labelledby": id },
    el(
      "header",
      {},
      el("h2", { id, text: title, title: answers }),
      el("span", {
        class: `source${facts.source.measured ? "" : " caution"}`,
        text: facts.source.word,
        title: facts.source.sentence,
      }),
    ),
    el("p", { class: "answers", text: answers }),
    ...children,
  );
}

/** What the page opens with: the usual two metrics, and PGD against APGD. */
function firstMetrics() {
  const own = facts.columns.map((about) => about.name);
  const has = (...wanted) => wanted.find((name) => columns.has(name));
  const scored = own.filter((name) => !columns.get(name).minimised);
  const attacks = facts.columns.filter((about) => about.kind === "attack").map((about) => about.name);
  const first = has("clean") ?? scored[0] ?? own[0];
  const second = has("pgd@1") ?? attacks[0] ?? scored.find((name) => name !== first);
  const cost =
    own.find((name) => columns.get(name).minimised && name !== first) ??
    own.find((name) => name !== first && name !== second);
  const y = second ?? first;
  const x = second ? first : (cost ?? RANK);
  const [x2, y2] = has("pgd@1") && has("apgd@1") ? ["pgd@1", "apgd@1"] : [x === cost ? RANK : (cost ?? RANK), y];
  return { x, y, x2, y2, metric: y };
}

/** The network of a front whose worst metric, scaled to the table, is best. */
function mostBalanced(on, front) {
  const scaled = (column, row) =>
    (column.sign * (column.values[row] - (column.minimised ? column.high : column.low))) /
    (column.high - column.low || 1);
  const worst = (row) => Math.min(...on.map((column) => scaled(column, row)));
  return [...front].sort((a, b) => worst(b) - worst(a))[0] ?? -1;
}

async function main() {
  const section = await unpacked();
  addColumns(decodedColumns(section));
  addNetworks(section);
  addRuns(section);
  readColours();
  Object.assign(state, firstMetrics());
  const scatters = [
    new Scatter(0, "Front", "Which networks are best on two or three metrics at once, and what does noise leave open?"),
    new Scatter(1, "A second look", "The same networks on other metrics; a brush marks them in both."),
  ];
  const left = [scatters[0].node, choicesCard(), attacksCard(), exportCard()];
  const right = [scatters[1].node, searchesCard(), tradeCard(), twinsCard()];
  const side = [networkCard(), curvesCard(), neighboursCard()];
  byId("tools").append(toolbar());
  byId("stage").replaceChildren(
    el(
      "div",
      { class: "main" },
      el("div", { class: "column" }, ...left.filter(Boolean)),
      el("div", { class: "column" }, ...right.filter(Boolean)),
    ),
    el("aside", { class: "side", "aria-label": "One network" }, ...side.filter(Boolean)),
  );
  filter();
  state.a = mostBalanced(axesOf(0), frontOf(axesOf(0), sets.kept));
  const everything = {
    where: state.where,
    pick: state.pick,
    brush: state.brush,
    zoom: state.zoom,
    x: state.x,
    y: state.y,
    z: state.z,
    x2: state.x2,
    y2: state.y2,
    metric: state.metric,
    a: state.a,
    b: state.b,
    eps: state.eps,
    run: state.run,
    theme: 0,
  };
  change(everything);
  readFragment();
  addEventListener("hashchange", readFragment);
  isDark.addEventListener("change", () => {
    readColours();
    change({ theme: 0 });
  });
  document.documentElement.dataset.ready = "yes";
}

main().catch((error) => {
  byId("stage").textContent = `This page needs a browser of 2023 or later: ${error.message}`;
  throw error;
});
