// Training noise, estimated from functional twins: networks that compute the same function and were trained separately.
// The noise of a score is the pooled standard deviation of the twins of like score, 100 networks or more.

const WINDOW = 100;
const CONFIDENT = 1.96; // deviations of a difference: 95 % of two trainings of one function differ by less

/** Groups of twins with a known score, by ascending mean: sums of squares, degrees of freedom and counts so far. */
function twinSpread(column) {
  if (column.cache.spread) return column.cache.spread;
  const groups = [];
  for (const members of facts.twins) {
    const rows = members.filter((row) => column.values[row] === column.values[row]);
    if (rows.length < 2) continue;
    const mean = rows.reduce((sum, row) => sum + column.values[row], 0) / rows.length;
    const squares = rows.reduce((sum, row) => sum + (column.values[row] - mean) ** 2, 0);
    groups.push({ rows, mean, squares: squares <= rows.length * (1e-13 * mean) ** 2 ? 0 : squares });
  }
  groups.sort((a, b) => a.mean - b.mean);
  const squares = [0];
  const freedom = [0];
  const counts = [0];
  for (const group of groups) {
    squares.push(squares.at(-1) + group.squares);
    freedom.push(freedom.at(-1) + group.rows.length - 1);
    counts.push(counts.at(-1) + group.rows.length);
  }
  const means = Float64Array.from(groups, (group) => group.mean);
  return (column.cache.spread = { groups, squares, freedom, counts, means });
}

function pooled(spread, from, to) {
  const freedom = spread.freedom[to] - spread.freedom[from];
  return freedom ? Math.sqrt(Math.max(0, spread.squares[to] - spread.squares[from]) / freedom) : NaN;
}

/** The noise of all networks of a column; 0 where there is none, NaN where it is unknown. */
function noiseOf(column) {
  if (column.noise !== "twins") return column.noise ?? NaN;
  const spread = twinSpread(column);
  return pooled(spread, 0, spread.groups.length);
}

/** The noise of one score of a column: that of twins of like score. */
function noiseAt(column, value) {
  if (column.noise !== "twins") return column.noise ?? NaN;
  if (value !== value) return NaN;
  const spread = twinSpread(column);
  const n = spread.groups.length;
  const total = spread.counts[n];
  if (total <= WINDOW) return pooled(spread, 0, n);
  const place = spread.counts[countBelow(spread.means, value)];
  const first = Math.max(0, Math.min(place - WINDOW / 2, total - WINDOW));
  const from = Math.max(0, countBelow(spread.counts, first, true) - 1);
  const to = Math.min(n, countBelow(spread.counts, first + WINDOW));
  return pooled(spread, from, to);
}

/** The noise of a difference of two scores. */
const noiseOfDifference = (column, first, second) => Math.hypot(noiseAt(column, first), noiseAt(column, second));

/** Whether one score is better than another by more than two trainings of one function differ by in 95 of 100 cases. */
function beyondNoise(column, better, worse) {
  const noise = noiseOfDifference(column, better, worse);
  return column.sign * (better - worse) > CONFIDENT * (noise === noise ? noise : 0);
}
