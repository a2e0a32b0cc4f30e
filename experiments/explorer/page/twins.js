// Functional twins: networks that compute the same function, trained separately. How far they lie apart is the noise.

function twinsCard() {
  const area = el("div", { class: "area low", role: "img" });
  const canvas = el("canvas");
  const back = svg("svg", { "aria-hidden": "true" });
  area.append(back, canvas);
  const lead = el("p", { class: "said strong" });
  const said = el("p", { class: "said" });
  const list = el("div", { class: "scroll" });
  const pick = picker({
    label: "Metric of twins and neighbours",
    current: () => state.metric,
    choose: (name) => change({ metric: name }),
  });
  let places = [];
  const draw = () => {
    const { width, height } = area.getBoundingClientRect();
    if (!width) return;
    const column = columnOf(state.metric);
    const spread = twinSpread(column);
    const points = spread.groups.flatMap((group) =>
      group.rows.map((row) => ({ row, mean: group.mean, off: column.values[row] - group.mean })),
    );
    places = drawTwins(canvas, back, width, height, column, points, spread);
    const noise = noiseOf(column);
    const near = noiseAt(column, column.minimised ? column.low : column.high);
    const n = spread.groups.length;
    if (!n)
      lead.textContent = facts.knows_twins
        ? `No two twins have a number for ${column.title}.`
        : "This search space knows no functional twins.";
    else if (spread.squares.at(-1) === 0)
      lead.textContent = `${plural(n, "group")} of twins, all alike: ${facts.source.predicted ? "the model predicts twins the same." : "no noise."}`;
    else
      lead.textContent = `${plural(n, "group")} of twins: one training’s standard deviation is ${writtenNoise(column, noise, 2)}${column.share ? " points" : ""}, ${writtenNoise(column, near, 2)} near the best.`;
    said.textContent = n
      ? "Each point is a network: its distance from the mean of its twins, over that mean. Band: one standard deviation of twins of like score."
      : "";
    list.replaceChildren(...(n && spread.squares.at(-1) > 0 ? [widest(column, spread)] : []));
    area.hidden = said.hidden = !n || spread.squares.at(-1) === 0;
  };
  area.addEventListener("click", (event) => {
    const box = area.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const near = places
      .map((place) => ({ ...place, gap: Math.hypot(place.x - x, place.y - y) }))
      .sort((a, b) => a.gap - b.gap)[0];
    if (near && near.gap < 14) change({ a: near.row });
  });
  new ResizeObserver(() => labels && state.metric && draw()).observe(area);
  views.push({ settle: (keys) => ["metric", "theme", "a"].some((key) => keys.has(key)) && draw() });
  return card(
    "Functional twins",
    "How far do networks of one function lie apart?",
    el("div", { class: "axis" }, el("span", { class: "dim", text: "by" }), pick),
    lead,
    area,
    said,
    list,
  );
}

function drawTwins(canvas, back, width, height, column, points, spread) {
  const scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  back.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
  const means = spread.means;
  const [low, high] = means.length ? [means[0], means[means.length - 1]] : [0, 1];
  const most = quantile(ordered(points.map((point) => Math.abs(point.off))), 0.995) || 1;
  const toX = (value) => left + ((value - low) / (high - low || 1)) * (right - left);
  const toY = (value) => (top + bottom) / 2 - (Math.max(-1, Math.min(1, value / most)) * (bottom - top)) / 2;
  const grid = [];
  for (const tick of ticks(low, high, width / 75))
    grid.push(
      svg("line", { x1: toX(tick), x2: toX(tick), y1: top, y2: bottom, class: "grid" }),
      svg("text", {
        x: toX(tick),
        y: bottom + 16,
        class: "tick",
        "text-anchor": "middle",
        text: tickText(column, tick),
      }),
    );
  for (const tick of ticks(-most, most, 4))
    grid.push(
      svg("line", { x1: left, x2: right, y1: toY(tick), y2: toY(tick), class: "grid" }),
      svg("text", {
        x: left - 6,
        y: toY(tick) + 4,
        class: "tick",
        "text-anchor": "end",
        text: (tick > 0 ? "+" : "") + tickText(column, tick),
      }),
    );
  const steps = Array.from({ length: 60 }, (_, i) => low + (i / 59) * (high - low)).map((value) => [
    toX(value),
    noiseAt(column, value),
  ]);
  const edge = (sign) => steps.map(([x, noise]) => `${x.toFixed(1)} ${toY(sign * (noise || 0)).toFixed(1)}`);
  if (points.length)
    grid.push(svg("path", { d: `M${edge(1).join("L")}L${edge(-1).reverse().join("L")}Z`, class: "usual" }));
  back.replaceChildren(...grid);
  const dot = stamp(colours.point, 1.8, 0.55, scale);
  const chosen = facts.twins.find((members) => members.includes(state.a)) ?? [];
  const places = points.map(({ row, mean, off }) => ({ row, x: toX(mean), y: toY(off) }));
  for (const { x, y } of places) context.drawImage(dot.canvas, x - dot.offset, y - dot.offset, dot.size, dot.size);
  context.strokeStyle = colours.a;
  context.lineWidth = 2;
  for (const { row, x, y } of places) {
    if (!chosen.includes(row)) continue;
    context.beginPath();
    context.arc(x, y, row === state.a ? 5 : 4, 0, 7);
    context.stroke();
  }
  return places;
}

function widest(column, spread) {
  const range = (group) => {
    const values = group.rows.map((row) => column.values[row]);
    return Math.max(...values) - Math.min(...values);
  };
  const own = spread.groups.find((group) => group.rows.includes(state.a));
  const top = [...spread.groups].sort((a, b) => range(b) - range(a)).slice(0, 4);
  const groups = own && !top.includes(own) ? [own, ...top] : top;
  const line = (group) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        group === own ? "twins of A: " : "",
        ...group.rows.slice(0, 6).flatMap((row) => [networkLink(row), " "]),
        group.rows.length > 6 ? `and ${group.rows.length - 6} more` : "",
      ),
      el("td", { text: written(column, group.mean) }),
      el("td", { text: written(column, range(group)) }),
    );
  return el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ...["farthest apart", "mean", "range"].map((text) => el("th", { text })))),
    el("tbody", {}, ...groups.map(line)),
  );
}
