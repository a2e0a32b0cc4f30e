// Where searches went: the runs of a comparison, drawn through the scatters.

const RUN_COLOURS = ["#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7a5195", "#0072b2", "#d55e00"];
const RUN_DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
let runs = []; // { objective, searcher, seed, queries, improved }

function addRuns(section) {
  if (!facts.runs) return;
  const all = integers(section("queries"));
  let start = 0;
  runs = facts.runs.runs.map(([objective, searcher, seed, length]) => {
    const part = all.subarray(start, start + length);
    start += length;
    return {
      objective,
      searcher,
      seed,
      queries: Int32Array.from(part, (code) => code >> 1),
      improved: Uint8Array.from(part, (code) => (code < 0 ? 0 : code & 1)),
    };
  });
  const first = facts.runs.searchers.filter((name) => runs.some((run) => run.searcher === name)).slice(0, 2);
  const seeds = runs.map((run) => run.seed);
  state.run = {
    objective: runs[0]?.objective ?? "",
    searchers: new Set(first),
    seed: seeds.length ? Math.min(...seeds) : null,
    steps: 0,
  };
}

const runColour = (searcher) => RUN_COLOURS[facts.runs.searchers.indexOf(searcher) % RUN_COLOURS.length];
const runDash = (searcher) => RUN_DASHES[facts.runs.searchers.indexOf(searcher) % RUN_DASHES.length];
const longest = () =>
  Math.max(1, ...runs.filter((run) => run.objective === state.run.objective).map((run) => run.queries.length));

/** The runs that are shown: what they queried so far, and the way of their best. */
function shownRuns() {
  const { objective, searchers, seed, steps } = state.run;
  return runs
    .filter((run) => run.objective === objective && searchers.has(run.searcher) && (seed === null || run.seed === seed))
    .map((run) => {
      const n = steps ? Math.min(steps, run.queries.length) : run.queries.length;
      const queries = [];
      const line = [];
      for (let i = 0; i < n; i += 1) {
        if (run.queries[i] < 0) continue;
        queries.push(run.queries[i]);
        if (run.improved[i]) line.push(run.queries[i]);
      }
      return {
        ...run,
        queries,
        line,
        n,
        colour: runColour(run.searcher),
        dash: runDash(run.searcher),
        several: facts.runs.several.includes(objective),
      };
    });
}

function searchesCard() {
  if (!facts.runs) return null;
  const set = (patch) => change({ run: { ...state.run, ...patch } });
  const objective = el(
    "select",
    { "aria-label": "Objective of the searches", onchange: () => set({ objective: objective.value, steps: 0 }) },
    ...facts.runs.objectives.map((name) => el("option", { value: name, text: name })),
  );
  const seeds = [...new Set(runs.map((run) => run.seed))].sort((a, b) => a - b);
  const seed = el(
    "select",
    { "aria-label": "Seed", onchange: () => set({ seed: seed.value === "" ? null : Number(seed.value) }) },
    el("option", { value: "", text: "all seeds" }),
    ...seeds.map((number) => el("option", { value: number, text: `seed ${number}` })),
  );
  const boxes = facts.runs.searchers.map((name) => {
    const box = el("input", {
      type: "checkbox",
      onchange: () => {
        const searchers = new Set(state.run.searchers);
        if (box.checked) searchers.add(name);
        else searchers.delete(name);
        set({ searchers });
      },
    });
    return {
      name,
      box,
      label: el(
        "label",
        { class: "searcher" },
        box,
        el("span", { class: "swatch", style: `background:${runColour(name)}` }),
        name,
      ),
    };
  });
  const slider = el("input", {
    type: "range",
    min: "1",
    "aria-label": "Queries so far",
    oninput: () => set({ steps: Number(slider.value) }),
  });
  const sliderText = el("span", { class: "dim" });
  const table = el("div", { class: "scroll" });
  views.push({
    live: (keys) => {
      if (!keys.has("run") && !keys.has("theme")) return;
      objective.value = state.run.objective;
      seed.value = state.run.seed ?? "";
      for (const { name, box } of boxes) box.checked = state.run.searchers.has(name);
      slider.max = longest();
      slider.value = state.run.steps || longest();
      sliderText.textContent = `after ${plural(Number(slider.value), "query", "queries")}`;
    },
    settle: (keys) => {
      if (!["run", "x", "y"].some((key) => keys.has(key))) return;
      const on = axesOf(0).filter((column) => column.kind !== "rank");
      const head = el(
        "tr",
        {},
        ...["searcher", "seed", "queries", "found"].map((text) => el("th", { text })),
        ...on.map((column) => el("th", { text: shortTitle(column) + (column.share ? " %" : "") })),
      );
      const line = (run) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, el("span", { class: "swatch", style: `background:${run.colour}` }), run.searcher),
          el("td", { text: run.seed }),
          el("td", { text: whole(run.n) }),
          el(
            "td",
            {},
            run.several
              ? plural(frontOf(axesOf(0), [...new Set(run.queries)]).length, "network")
              : run.line.length
                ? networkLink(run.line.at(-1))
                : "–",
          ),
          ...on.map((column) =>
            el("td", {
              text: written(
                column,
                run.several ? column.values[bestOf(column, run.queries)] : column.values[run.line.at(-1)],
              ),
            }),
          ),
        );
      const shown = shownRuns();
      table.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...shown.slice(0, 24).map(line))));
    },
  });
  const other =
    facts.runs.dataset !== facts.dataset
      ? ` The runs were on ${facts.runs.dataset}; the numbers here are those of ${facts.dataset}.`
      : "";
  const fewer =
    facts.runs.runs.length < facts.runs.n_runs
      ? ` ${whole(facts.runs.runs.length)} of ${plural(facts.runs.n_runs, "run")} are on this page.`
      : "";
  return card(
    "Searches",
    "Where did a search go?",
    el("div", { class: "axis" }, objective, seed),
    el("div", { class: "searchers" }, ...boxes.map(({ label }) => label)),
    el("div", { class: "axis" }, slider, sliderText),
    table,
    el("p", {
      class: "said",
      text: `Squares in the scatters: networks queried; lines: the way of the best, which ends in a dot${facts.runs.several.length ? "; of several objectives, the front found" : ""}.${other}${fewer}`,
    }),
  );
}
