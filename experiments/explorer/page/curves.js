// Accuracy over eps and severities: one small panel for what has several levels, with what is usual as a band.

const PANEL = { width: 112, height: 78, left: 22, right: 5, top: 16, bottom: 14 };

function curvesCard() {
  const panels = el("div", { class: "panels" });
  const said = el("p", { class: "said" });
  const families = new Map();
  for (const column of columns.values()) {
    if (column.level === null || column.level === undefined || column.kind === "sum") continue;
    if (!families.has(column.of)) families.set(column.of, []);
    families.get(column.of).push(column);
  }
  const drawable = [...families].filter(([, members]) => members.length > 1);
  for (const [, members] of drawable) members.sort((a, b) => a.level - b.level);
  const node = card("Curves", "How does one network fare as eps and severity grow, and what is usual?", panels, said);
  if (!drawable.length) return null;
  views.push({
    settle: (keys) => {
      if (!["a", "b", "where", "pick", "brush", "x", "x2", "theme"].some((key) => keys.has(key))) return;
      panels.replaceChildren(...drawable.map(([name, members]) => panel(name, members)));
      said.replaceChildren(
        el("span", { class: "key a" }),
        state.a >= 0 ? `A ${labels[state.a]}  ` : "choose a network  ",
        ...(state.b >= 0 ? [el("span", { class: "key b" }), `B ${labels[state.b]}  `] : []),
        el("span", { class: "key band" }),
        `median and middle 80 % of ${plural(sets.set.length, "network")}. Accuracy in %; attacks by eps in 1/255, corruptions by severity.`,
      );
    },
  });
  return node;
}

function panel(name, members) {
  const { width, height, left, right, top, bottom } = PANEL;
  const n = members.length;
  const toX = (i) => left + (i / (n - 1)) * (width - left - right);
  const high = Math.max(...members.map((column) => column.high)) || 1;
  const low = Math.min(0, ...members.map((column) => column.low));
  const toY = (value) => height - bottom - ((value - low) / (high - low || 1)) * (height - top - bottom);
  const line = (values) => {
    const points = values
      .map((value, i) => (value === value ? `${toX(i).toFixed(1)} ${toY(value).toFixed(1)}` : null))
      .filter(Boolean);
    return points.length ? `M${points.join("L")}` : "";
  };
  const usual = members.map(usualOf);
  const band = usual.every((found) => found[0] === found[0])
    ? `${line(usual.map((found) => found[2]))}L${line(usual.map((found) => found[0]))
        .slice(1)
        .split("L")
        .reverse()
        .join("L")}Z`
    : "";
  const of = (row) => members.map((column) => column.values[row]);
  const readout = svg("text", { x: width - right, y: 10, class: "readout", "text-anchor": "end" });
  const cursor = svg("line", { y1: top, y2: height - bottom, class: "cursor", visibility: "hidden" });
  const node = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "panel", role: "img", "aria-label": spoken(name, members) },
    svg("title", { text: spoken(name, members) }),
    ...[0, 0.5, 1].map((share) =>
      svg("line", {
        x1: left,
        x2: width - right,
        y1: toY(low + share * (high - low)),
        y2: toY(low + share * (high - low)),
        class: "grid",
      }),
    ),
    ...[0, 1].map((share) =>
      svg("text", {
        x: left - 4,
        y: toY(low + share * (high - low)) + 3,
        class: "tick",
        "text-anchor": "end",
        text: Math.round(100 * (low + share * (high - low))),
      }),
    ),
    ...[0, n - 1].map((i) =>
      svg("text", {
        x: toX(i),
        y: height - 4,
        class: "tick",
        "text-anchor": i ? "end" : "start",
        text: members[i].level,
      }),
    ),
    svg("path", { d: band, class: "usual" }),
    svg("path", { d: line(usual.map((found) => found[1])), class: "median" }),
    state.b >= 0 ? svg("path", { d: line(of(state.b)), class: "curve b" }) : null,
    state.a >= 0 ? svg("path", { d: line(of(state.a)), class: "curve a" }) : null,
    cursor,
    svg("text", { x: 0, y: 10, class: "panelname", text: cut(name, 18) }),
    readout,
  );
  node.addEventListener("pointermove", (event) => {
    const box = node.getBoundingClientRect();
    const i = Math.max(
      0,
      Math.min(
        n - 1,
        Math.round((((event.clientX - box.left) / box.width) * width - left) / ((width - left - right) / (n - 1))),
      ),
    );
    cursor.setAttribute("x1", toX(i));
    cursor.setAttribute("x2", toX(i));
    cursor.setAttribute("visibility", "visible");
    const column = members[i];
    readout.textContent = `@${column.level}: ${["a", "b"]
      .filter((key) => state[key] >= 0)
      .map((key) => written(column, column.values[state[key]]))
      .join(" | ")}${state.a >= 0 ? ` (${rankText(column, column.values[state.a])})` : ""}`;
    node.querySelector(".panelname").setAttribute("visibility", "hidden");
  });
  node.addEventListener("pointerleave", () => {
    readout.textContent = "";
    cursor.setAttribute("visibility", "hidden");
    node.querySelector(".panelname").setAttribute("visibility", "visible");
  });
  return node;
}

/** Tenth, median and ninth tenth of a column in the set, computed once for a set. */
function usualOf(column) {
  if (column.cache.usualSet !== sets.set) {
    const sorted = sets.set.length === facts.n ? column.sorted : ordered(sets.set.map((row) => column.values[row]));
    column.cache.usualSet = sets.set;
    column.cache.usual = [0.1, 0.5, 0.9].map((share) => quantile(sorted, share));
  }
  return column.cache.usual;
}

const spoken = (name, members) =>
  `${name}: ${state.a >= 0 ? members.map((column) => `${column.level} ${written(column, column.values[state.a])} %`).join(", ") : "no network chosen"}`;
