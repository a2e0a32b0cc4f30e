// The front of a scatter: its rings, its line, one noise deviation as a band, and what is said of it.

/** The front, the networks that noise could put on it, and a noise deviation around it. */
function drawFront(scatter) {
  const on = scatter.plot === 0 ? [...scatter.axes, thirdColumn()].filter(Boolean) : scatter.axes;
  const distinct = [...new Set(on)];
  const front = frontOf(distinct, sets.kept);
  const near = withinNoise(distinct, sets.kept, front);
  scatter.onFront = front;
  const ring = (row, name) =>
    scatter.visible(row) &&
    svg("circle", {
      cx: scatter.px[row].toFixed(1),
      cy: scatter.py[row].toFixed(1),
      r: name === "front" ? 4 : 3.2,
      class: name,
    });
  const group = svg(
    "g",
    {},
    ...near
      .slice(0, 3000)
      .map((row) => ring(row, "near"))
      .filter(Boolean),
  );
  if (distinct.length === 2 && on.length === 2) {
    const steps = stepsOf(scatter, front, 0);
    const noise = scatter.axes.map((column) => column.sign * (noiseOf(column) || 0));
    if (front.length && (noise[0] || noise[1])) scatter.band.setAttribute("d", bandPath(scatter, front));
    group.append(svg("path", { d: steps, class: "frontline" }));
  }
  group.append(...front.map((row) => ring(row, "front")).filter(Boolean));
  scatter.brushBox = svg("rect", { class: "brush", visibility: "hidden" });
  scatter.markers = svg("g", {});
  scatter.front.replaceChildren(scatter.better, group, scatter.brushBox, scatter.markers);
  sayFront(scatter, front, near, distinct);
}

/** The points of the front across the scatter, `shift` noise deviations worse. */
function corners(scatter, front, shift) {
  const [x, y] = scatter.axes;
  const known = [...front].sort((a, b) => x.values[a] - x.values[b]);
  return known.map((row) => [
    scatter.toX(x.values[row] - shift * x.sign * (noiseAt(x, x.values[row]) || 0)),
    scatter.toY(y.values[row] - shift * y.sign * (noiseAt(y, y.values[row]) || 0)),
  ]);
}

/** The border of what the front dominates, as a path through its corners. */
function stepsOf(scatter, front, shift) {
  const points = corners(scatter, front, shift);
  if (!points.length) return "";
  const [x, y] = scatter.axes;
  const [left, right, top, bottom] = scatter.frame;
  // Across the worse side of the first corner, over the corner that both dominate, to the worse side of the last one.
  const start = x.sign > 0 ? [left, points[0][1]] : [points[0][0], y.sign > 0 ? bottom : top];
  const last = points[points.length - 1];
  const end = x.sign > 0 ? [last[0], y.sign > 0 ? bottom : top] : [right, last[1]];
  let path = `M${start.map((v) => v.toFixed(1))}L${points[0].map((v) => v.toFixed(1))}`;
  for (let i = 1; i < points.length; i += 1) {
    const [before, now] = [points[i - 1], points[i]];
    const corner = x.sign > 0 ? [before[0], now[1]] : [now[0], before[1]];
    path += `L${corner.map((v) => v.toFixed(1))}L${now.map((v) => v.toFixed(1))}`;
  }
  return `${path}L${end.map((v) => v.toFixed(1))}`;
}

/** What lies between the front and the front one noise deviation worse. */
function bandPath(scatter, front) {
  const outer = stepsOf(scatter, front, 0);
  const inner = stepsOf(scatter, front, 1).slice(1).split("L").reverse().join("L");
  return `${outer}L${inner}Z`;
}

function sayFront(scatter, front, near, on) {
  const noises = on.map((column) => noiseOf(column));
  const noisy = on
    .filter((column, i) => noises[i] > 0)
    .map((column) => `${writtenNoise(column, noiseOf(column), 2)} ${column.share ? "points " : ""}${column.title}`);
  const third =
    scatter.plot === 0 && thirdColumn() && scatter.thirdRange
      ? ` Colour: ${thirdColumn().title}, ${written(thirdColumn(), scatter.thirdRange[0])} (blue) to ${written(thirdColumn(), scatter.thirdRange[1])} (yellow).`
      : "";
  const front_ = `Front: ${plural(front.length, "network")}`;
  const noise = noisy.length
    ? `; one training’s noise (${noisy.join(", ")}) leaves ${plural(near.length, "other")} open (thin rings).`
    : facts.source.predicted
      ? "; these predictions have no noise, but an error of their own."
      : "; no noise is known.";
  const missing =
    sets.kept.length -
    sets.kept.filter((row) => on.every((column) => column.values[row] === column.values[row])).length;
  scatter.said.replaceChildren(
    el("span", { class: "key front" }),
    front_ +
      noise +
      third +
      (missing ? ` ${plural(missing, "network")} without a number ${missing === 1 ? "is" : "are"} not shown.` : "") +
      (scatter.nOutside ? ` ${plural(scatter.nOutside, "network")} outside: “whole” shows all.` : ""),
  );
}
