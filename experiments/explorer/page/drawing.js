// Pictures of architectures: cells of NAS-Bench-201, and a box per choice for any other space, as `robustnas draw` has them.

const NODES = [
  ["in", 28],
  ["1", 128],
  ["2", 228],
  ["out", 328],
];
const AXIS = 92;
const CELL_EDGES = [
  [0, 1, 0],
  [0, 2, -74],
  [1, 2, 0],
  [0, 3, -146],
  [1, 3, 96],
  [2, 3, 0],
]; // source, target, bend

/** The picture of a network; edges or choices in `differing` are emphasised. */
const drawn = (row, differing) => (facts.cells ? drawnCell(row, differing) : drawnChoices(row, differing));

function drawnCell(row, differing) {
  const parts = CELL_EDGES.map(([source, target, bend], edge) =>
    drawnEdge(
      NODES[source][1],
      NODES[target][1],
      bend,
      codeOf(row, edge),
      facts.choices[edge].options,
      differing?.has(edge),
    ),
  );
  const nodes = NODES.flatMap(([name, x]) => [
    svg("circle", { cx: x, cy: AXIS, r: 13, class: "node" }),
    svg("text", { x, y: AXIS + 4, class: "nodename", text: name }),
  ]);
  return svg(
    "svg",
    { viewBox: "0 0 356 160", class: "drawing", role: "img", "aria-label": `${labels[row]}: ${shortText(row)}` },
    ...parts.map(([line]) => line),
    ...parts.map(([, text]) => text),
    ...nodes,
  );
}

function drawnEdge(from, to, bend, code, options, differs) {
  const middle = (from + to) / 2;
  const peak = AXIS + bend;
  const [dx, dy] = [to - middle, AXIS - peak];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const [tx, ty] = [to - 14 * ux, AXIS - 14 * uy];
  const tip = `M${tx} ${ty}L${tx - 8 * ux - 4 * uy} ${ty - 8 * uy + 4 * ux}L${tx - 8 * ux + 4 * uy} ${ty - 8 * uy - 4 * ux}Z`;
  const line = svg(
    "g",
    { class: `edge op${code}${differs ? " differs" : ""}` },
    svg("path", { d: `M${from} ${AXIS}Q${middle} ${peak} ${to} ${AXIS}` }),
    code ? svg("path", { d: tip, class: "arrowhead" }) : null,
  );
  const text = svg("text", {
    x: bend ? middle : (from + to) / 2,
    y: (AXIS + peak) / 2 + (bend ? 4 : -8),
    class: `edgename${differs ? " differs" : ""}`,
    text: options[code].replace("avg pool 3×3", bend ? "avg pool 3×3" : "pool 3×3"),
  });
  return [line, text];
}

const BOX = { width: 84, height: 40, gap: 10, perRow: 4 };

function drawnChoices(row, differing) {
  const n = facts.choices.length;
  const rows = Math.ceil(n / BOX.perRow);
  const [stepX, stepY] = [BOX.width + BOX.gap, BOX.height + BOX.gap];
  const boxes = facts.choices.map((choice, i) => {
    const [x, y] = [(i % BOX.perRow) * stepX + 1, Math.floor(i / BOX.perRow) * stepY + 1];
    const option = choice.options[codeOf(row, i)];
    return svg(
      "g",
      {},
      svg("title", { text: `${choice.name} = ${option}` }),
      svg("rect", {
        x,
        y,
        width: BOX.width,
        height: BOX.height,
        rx: 4,
        class: `box${differing?.has(i) ? " differs" : ""}`,
      }),
      svg("text", { x: x + BOX.width / 2, y: y + 15, class: "boxname", text: cut(choice.name, 14) }),
      svg("text", { x: x + BOX.width / 2, y: y + 32, class: "boxoption", text: cut(option, 11) }),
    );
  });
  return svg(
    "svg",
    {
      viewBox: `0 0 ${Math.min(n, BOX.perRow) * stepX - BOX.gap + 2} ${rows * stepY - BOX.gap + 2}`,
      class: "drawing boxes",
      role: "img",
      "aria-label": shortText(row),
    },
    ...boxes,
  );
}

const cut = (text, letters) => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);

/** A network in a line: operations edge by edge, or its own text. */
function shortText(row) {
  if (facts.cells)
    return codesOf(row)
      .map((code, edge) => facts.choices[edge].options[code])
      .join(" · ");
  return Object.values(names)[0][row];
}
