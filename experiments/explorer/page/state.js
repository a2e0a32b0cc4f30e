// What the page shows, in one object; views redraw when it changes, and the URL's fragment holds it.

const state = {
  x: "",
  y: "",
  z: "",
  x2: "",
  y2: "", // metrics of the two scatters, z is the third of the first one
  metric: "", // that of neighbours and twins
  eps: null, // that of attacks
  pair: ["", ""], // the attacks that are compared
  where: "", // a where-clause
  pick: new Map(), // "choice.option" -> 1 only with it, -1 without it
  brush: null, // { plot, x: [low, high], y: [low, high] }
  zoom: [null, null], // the shown ranges of each scatter, { x, y }
  a: -1,
  b: -1, // the networks looked at, by row
  run: { objective: "", searchers: new Set(), seed: null, steps: 0 },
};

const sets = {
  all: [], // every row
  kept: [], // rows that pass the filters
  inKept: new Uint8Array(0),
  set: [], // the brushed rows of them; all of them without a brush
  error: "", // what is wrong with the where-clause
};

const views = []; // { live(changed), settle(changed) }: drawn in the next frame, and once things have come to rest
let changed = new Set();
let unsettled = new Set();
let frame = 0;

function change(patch) {
  Object.assign(state, patch);
  for (const key of Object.keys(patch)) {
    changed.add(key);
    unsettled.add(key);
  }
  frame ||= requestAnimationFrame(drawFrame);
  resting(false);
}

const waiting = new Map(); // views to be drawn once things have come to rest, each with what changed since it was

const settle = settled(() => {
  for (const view of views) {
    if (!view.settle) continue;
    if (!waiting.has(view)) waiting.set(view, new Set());
    for (const key of unsettled) waiting.get(view).add(key);
  }
  unsettled = new Set();
  writeFragment();
  settleNext();
});

/** Draw one view that waits, and the next one in a task of its own, so that the pointer is never kept waiting for all. */
function settleNext() {
  if (unsettled.size) return; // it changes again
  const [next] = waiting;
  if (!next) return resting(true);
  const [view, keys] = next;
  waiting.delete(view);
  view.settle(keys);
  setTimeout(settleNext);
}

/** Say on the page whether all is drawn, for who waits for it. */
function resting(yes) {
  const { dataset } = document.documentElement;
  if (dataset.rest !== String(yes)) dataset.rest = yes;
  if (yes) once("views drawn");
}

/** Note when something was first drawn. */
function once(name) {
  if (!performance.getEntriesByName(name).length) performance.mark(name);
}

function drawFrame() {
  frame = 0;
  const keys = changed;
  changed = new Set();
  if (keys.has("where") || keys.has("pick")) filter();
  if (["where", "pick", "brush", "x", "y", "x2", "y2"].some((key) => keys.has(key))) brushed();
  for (const view of views) view.live?.(keys);
  once("scatters drawn");
  settle();
}

function filter() {
  let comparisons = [];
  sets.error = "";
  try {
    comparisons = parsedClause(state.where);
  } catch (error) {
    sets.error = error.message;
  }
  const wanted = facts.choices.map(() => new Set());
  const unwanted = facts.choices.map(() => new Set());
  for (const [key, sign] of state.pick) {
    const [choice, option] = key.split(".").map(Number);
    (sign > 0 ? wanted : unwanted)[choice].add(option);
  }
  const fits = (row) => {
    for (let choice = 0; choice < wanted.length; choice += 1) {
      const code = codeOf(row, choice);
      if ((wanted[choice].size && !wanted[choice].has(code)) || unwanted[choice].has(code)) return false;
    }
    return comparisons.every(({ column, holds, bound }) => holds(column.values[row], bound));
  };
  sets.kept = sets.all.filter(fits);
  sets.inKept = new Uint8Array(facts.n);
  for (const row of sets.kept) sets.inKept[row] = 1;
}

function brushed() {
  sets.set = sets.kept;
  if (!state.brush) return;
  const { plot, x, y } = state.brush;
  const [horizontal, vertical] = axesOf(plot).map((column) => column.values);
  sets.set = [];
  for (const row of sets.kept) {
    const a = horizontal[row];
    const b = vertical[row];
    if (a >= x[0] && a <= x[1] && b >= y[0] && b <= y[1]) sets.set.push(row);
  }
}

const RANK = "rank"; // what the other axis of a scatter is ordered by: something to look at where there is one column

function rankColumn(column) {
  const values = Float64Array.from(column.values, (value) => (value === value ? column.rank(value) : NaN));
  const about = {
    name: RANK,
    title: `rank by ${column.title}`,
    minimised: true,
    share: false,
    noise: null,
    kind: "rank",
  };
  return (column.cache.ranked ??= new Column(about, values));
}

/** The columns of a scatter, across and up. */
function axesOf(plot) {
  const [x, y] = plot === 0 ? [state.x, state.y] : [state.x2, state.y2];
  if (x === RANK) return [rankColumn(columnOf(y)), columnOf(y)];
  return [columnOf(x), y === RANK ? rankColumn(columnOf(x)) : columnOf(y)];
}

const thirdColumn = () => (state.z ? columnOf(state.z) : null);

/** The brushed region as a where-clause, together with that of the filter. */
function clauseText() {
  const parts = [];
  try {
    parts.push(...parsedClause(state.where).map((comparison) => comparison.text));
  } catch {
    // what cannot be read filters nothing
  }
  if (state.brush && sets.set.length) {
    const axes = axesOf(state.brush.plot);
    const ranked = axes.some((column) => column.name === RANK);
    axes.forEach((column, i) => {
      if (column.name === RANK) return;
      const inside = sets.set.map((row) => column.values[row]);
      // Ranks are those of the other axis: what is brushed is a range of it.
      const [low, high] = ranked
        ? [inside.reduce((a, b) => Math.min(a, b)), inside.reduce((a, b) => Math.max(a, b))]
        : i
          ? state.brush.y
          : state.brush.x;
      const rounded = (value, up) => boundText(column, value, up, inside);
      if (low > column.low) parts.push(`${column.name} >= ${rounded(low, false)}`);
      if (high < column.high) parts.push(`${column.name} <= ${rounded(high, true)}`);
    });
  }
  return [...new Set(parts)].join(" and ");
}

/** A bound with as few digits as leave the same networks in and out. */
function boundText(column, value, upper, inside) {
  const extreme = inside.reduce((a, b) => (upper ? Math.max(a, b) : Math.min(a, b)), upper ? -Infinity : Infinity);
  for (let digits = 2; digits < 17; digits += 1) {
    const rounded = Number(value.toPrecision(digits));
    const outside = upper ? countBelow(column.sorted, value, true) : countBelow(column.sorted, value);
    const same = upper ? countBelow(column.sorted, rounded, true) : countBelow(column.sorted, rounded);
    if (same === outside) return String(rounded);
  }
  return Number.isFinite(extreme) ? String(extreme) : String(value);
}

// ---- the fragment

let fragment = "";

function writeFragment() {
  const parts = new URLSearchParams();
  for (const key of ["x", "y", "z", "x2", "y2", "metric", "where"]) if (state[key]) parts.set(key, state[key]);
  if (state.eps !== null) parts.set("eps", state.eps);
  if (state.pair[0]) parts.set("pair", state.pair.join(" "));
  if (state.pick.size) parts.set("pick", [...state.pick].map(([key, sign]) => key + (sign > 0 ? "y" : "n")).join(" "));
  if (state.brush) parts.set("brush", [state.brush.plot, ...state.brush.x, ...state.brush.y].join(" "));
  state.zoom.forEach(
    (zoom, i) => zoom && parts.set(`zoom${i + 1}`, zoom === WHOLE ? WHOLE : [...zoom.x, ...zoom.y].join(" ")),
  );
  for (const key of ["a", "b"]) if (state[key] >= 0) parts.set(key, labels[state[key]].replace(/^#/, ""));
  if (facts.runs && state.run.searchers.size) {
    const { objective, searchers, seed, steps } = state.run;
    parts.set("run", JSON.stringify([objective, [...searchers], seed, steps]));
  }
  fragment = parts.toString();
  try {
    history.replaceState(null, "", "#" + fragment);
  } catch {
    location.replace("#" + fragment);
  }
}

/** Take what a fragment says; what it says wrongly is left out. */
function readFragment() {
  const text = location.hash.slice(1);
  if (text === fragment) return;
  const parts = new URLSearchParams(text);
  const patch = { where: parts.get("where") ?? "", z: "", brush: null, b: -1 };
  for (const key of ["x", "y", "z", "x2", "y2", "metric"]) {
    const name = parts.get(key);
    if (name && (name === RANK ? key !== "z" && key !== "metric" : readable(name))) patch[key] = name;
  }
  for (const [x, y] of [
    ["x", "y"],
    ["x2", "y2"],
  ])
    if ((patch[x] ?? state[x]) === RANK && (patch[y] ?? state[y]) === RANK) delete patch[x];
  if (parts.has("eps")) patch.eps = Number(parts.get("eps"));
  const pair = (parts.get("pair") ?? "").split(" ");
  if (pair.length === 2) patch.pair = pair;
  patch.pick = new Map(
    (parts.get("pick") ?? "")
      .split(" ")
      .filter(validPick)
      .map((key) => [key.slice(0, -1), key.endsWith("y") ? 1 : -1]),
  );
  const [plot, ...region] = numbers(parts.get("brush"));
  if (region.length === 4 && (plot === 0 || plot === 1))
    patch.brush = { plot, x: region.slice(0, 2), y: region.slice(2) };
  patch.zoom = [1, 2].map((i) => {
    const text = parts.get(`zoom${i}`);
    if (text === WHOLE) return WHOLE;
    const found = numbers(text);
    return found.length === 4 && found[0] < found[1] && found[2] < found[3]
      ? { x: found.slice(0, 2), y: found.slice(2) }
      : null;
  });
  for (const key of ["a", "b"]) {
    const row = parts.has(key) ? rowOf(parts.get(key)) : -1;
    if (row >= 0) patch[key] = row;
  }
  if (facts.runs && parts.has("run")) patch.run = readRun(parts.get("run")) ?? state.run;
  fragment = text;
  change(patch);
}

const numbers = (text) => (text ? text.split(" ").map(Number).filter(Number.isFinite) : []);

function readable(name) {
  try {
    columnOf(name);
    return true;
  } catch {
    return false;
  }
}

function validPick(key) {
  const match = /^(\d+)\.(\d+)[yn]$/.exec(key);
  return Boolean(match) && facts.choices[match[1]]?.options[match[2]] !== undefined;
}

function readRun(text) {
  try {
    const [objective, searchers, seed, steps] = JSON.parse(text);
    const known = facts.runs.objectives.includes(objective) && Array.isArray(searchers);
    if (!known) return null;
    return {
      objective,
      searchers: new Set(searchers.filter((name) => facts.runs.searchers.includes(name))),
      seed: Number.isFinite(seed) ? seed : null,
      steps: Number(steps) || 0,
    };
  } catch {
    return null;
  }
}

// ---- networks

let codes; // Uint16Array, choice by choice
let labels; // #13433
let names; // by notation
let combinations; // place by combination of options; null if there are too many
let byName; // row by any of its names

const codeOf = (row, choice) => codes[choice * facts.n + row];
const codesOf = (row) => facts.choices.map((_, choice) => codeOf(row, choice));

/** The row of a combination of options: -1 if it is not valid or not shown. */
function rowOfCodes(options) {
  if (combinations)
    return combinations[options.reduce((key, code, choice) => key * facts.choices[choice].options.length + code, 0)];
  return byName.get("codes " + options.join(" ")) ?? -1;
}

/** The row of a network by its number or by its text in any notation; -1 if there is none. */
function rowOf(text) {
  const wanted = text.trim();
  return byName.get(wanted) ?? byName.get("#" + wanted) ?? byName.get(wanted.replace(/\s+/g, "")) ?? readCell(wanted);
}

/** A cell of NAS-Bench-201 that is no representative, by its arch string. */
function readCell(text) {
  const operations = [...text.matchAll(/([a-z_0-9]+)~\d/g)].map((match) =>
    ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"].indexOf(match[1]),
  );
  return facts.cells && operations.length === 6 && !operations.includes(-1) ? rowOfCodes(operations) : -1;
}

function addNetworks(section) {
  const bytes = section("codes");
  codes = new Uint16Array(bytes.slice().buffer);
  ({ labels, names } = JSON.parse(new TextDecoder().decode(section("names"))));
  combinations = facts.sections.combinations ? integers(section("combinations")) : null;
  byName = new Map();
  for (const texts of Object.values(names))
    texts.forEach((text, row) => byName.set(text, row).set(text.replace(/\s+/g, ""), row));
  if (facts.sections.ids) integers(section("ids")).forEach((id, key) => byName.set(`#${id}`, combinations[key]));
  labels.forEach((label, row) => byName.set(label, row));
  sets.all = Array.from({ length: facts.n }, (_, row) => row);
  if (!combinations) for (const row of sets.all) byName.set("codes " + codesOf(row).join(" "), row);
}
