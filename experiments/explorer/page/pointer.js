// What pointer and keys do on a scatter: brush, move a brush, hover, choose a network, go to the next one, zoom.

function listenTo(scatter) {
  const { area } = scatter;
  let start = null;
  const at = (event) => {
    const box = area.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const inBrush = (x, y) => {
    const brush = state.brush?.plot === scatter.plot ? state.brush : null;
    return (
      brush &&
      x > scatter.toX(brush.x[0]) &&
      x < scatter.toX(brush.x[1]) &&
      y < scatter.toY(brush.y[0]) &&
      y > scatter.toY(brush.y[1])
    );
  };
  area.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const [x, y] = at(event);
    start = { x, y, moved: false, brush: inBrush(x, y) ? state.brush : null };
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (!start) return hover(scatter, x, y);
    if (!start.moved && Math.hypot(x - start.x, y - start.y) < 4) return;
    start.moved = true;
    scatter.tip.hidden = true;
    change({ brush: start.brush ? movedBrush(scatter, start, x, y) : drawnBrush(scatter, start, x, y) });
  });
  area.addEventListener("pointerup", (event) => {
    const [x, y] = at(event);
    const clicked = start && !start.moved;
    start = null;
    if (!clicked) return;
    const row = scatter.nearest(x, y);
    if (row >= 0) change({ [event.shiftKey || event.ctrlKey || event.metaKey || event.altKey ? "b" : "a"]: row });
    else if (state.brush) change({ brush: null });
  });
  area.addEventListener("pointercancel", () => (start = null));
  area.addEventListener("pointerleave", () => (scatter.tip.hidden = true));
  area.addEventListener("keydown", (event) => pressKey(scatter, event));
}

/** The brush between where the pointer went down and where it is. */
function drawnBrush(scatter, start, x, y) {
  const inside = (value, low, high) => Math.max(low, Math.min(high, value));
  const xs = [start.x, x].map((value) => scatter.fromX(inside(value, MARGIN.left, scatter.width - MARGIN.right)));
  const ys = [start.y, y].map((value) => scatter.fromY(inside(value, MARGIN.top, scatter.height - MARGIN.bottom)));
  const ascending = (pair) => [...pair].sort((a, b) => a - b);
  return { plot: scatter.plot, x: ascending(xs), y: ascending(ys) };
}

/** A brush that was taken by its inside and moved. */
function movedBrush(scatter, { brush, x: fromX, y: fromY }, x, y) {
  const dx = scatter.fromX(x) - scatter.fromX(fromX);
  const dy = scatter.fromY(y) - scatter.fromY(fromY);
  return { plot: scatter.plot, x: brush.x.map((value) => value + dx), y: brush.y.map((value) => value + dy) };
}

/** To the brushed region; without a brush, to all networks and back. */
function changeZoom(scatter) {
  const zoom = [...state.zoom];
  const brush = state.brush?.plot === scatter.plot ? state.brush : null;
  zoom[scatter.plot] = brush ? { x: brush.x, y: brush.y } : state.zoom[scatter.plot] === WHOLE ? null : WHOLE;
  change({ zoom, ...(brush ? { brush: null } : {}) });
}

/** Say what is under the pointer. */
function hover(scatter, x, y) {
  const row = scatter.nearest(x, y);
  if (row === scatter.hovered && !scatter.tip.hidden) return;
  scatter.hovered = row;
  scatter.tip.hidden = row < 0;
  scatter.area.style.cursor = row < 0 ? "crosshair" : "pointer";
  if (row < 0) return;
  const on = [...new Set([...scatter.axes, ...(scatter.plot === 0 && thirdColumn() ? [thirdColumn()] : [])])];
  scatter.tip.replaceChildren(
    el("b", { text: labels[row] }),
    ...on.map((column) =>
      el("div", {}, valueText(column, column.values[row]), el("span", { class: "dim", text: ` ${column.title}` })),
    ),
    el("div", { class: "dim arch", text: shortText(row) }),
  );
  const right = scatter.px[row] > scatter.width / 2;
  scatter.tip.style.cssText = `${right ? `right:${(scatter.width - scatter.px[row] + 12).toFixed(0)}px` : `left:${(scatter.px[row] + 12).toFixed(0)}px`};top:${Math.max(0, Math.min(scatter.py[row] - 20, scatter.height - 96)).toFixed(0)}px`;
}

function pressKey(scatter, event) {
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (steps) {
    event.preventDefault();
    const row = nextNetwork(scatter, steps);
    if (row >= 0) change({ a: row });
  } else if (event.key === "b" && state.a >= 0) change({ b: state.a });
  else if (event.key === "z") changeZoom(scatter);
  else if (event.key === "Escape") change({ brush: null });
}

/** The nearest network in a direction, at most 45 degrees off it. */
function nextNetwork(scatter, [dx, dy]) {
  const from = state.a >= 0 ? state.a : (scatter.onFront?.[0] ?? -1);
  if (from < 0) return -1;
  let best = -1;
  let distance = Infinity;
  for (const row of sets.kept) {
    const x = scatter.px[row] - scatter.px[from];
    const y = scatter.py[row] - scatter.py[from];
    const along = x * dx + y * dy;
    const across = Math.abs(x * dy) + Math.abs(y * dx);
    if (along > 0.5 && across <= along && along + 2 * across < distance && scatter.visible(row))
      [best, distance] = [row, along + 2 * across];
  }
  return best;
}
