// What is lost on B when A was chosen: the best network by each metric, scored on the others.

function tradeCard() {
  const table = el("div", { class: "scroll" });
  const lead = el("p", { class: "said strong" });
  const said = el("p", { class: "said" });
  views.push({
    settle: (keys) => {
      if (!["where", "pick", "brush", "x", "y", "x2", "y2", "theme"].some((key) => keys.has(key))) return;
      const axes = [...axesOf(0)].filter((column) => column.kind !== "rank" && column.kind !== "cost");
      const on = [...new Set([...keyColumns(7), ...axes])]
        .filter((column) => sets.set.some((row) => column.values[row] === column.values[row]))
        .slice(0, 8);
      const best = on.map((column) => bestOf(column, sets.set));
      const head = el(
        "tr",
        {},
        el("th", { text: "best by ↓" }),
        ...on.map((column) => el("th", { scope: "col", text: shortTitle(column) })),
      );
      const rows = on.map((chosen, i) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", text: shortTitle(chosen) }),
          ...on.map((column, j) => tradeCell(chosen, column, best[i], best[j], i === j)),
        ),
      );
      table.replaceChildren(el("table", { class: "trade" }, el("thead", {}, head), el("tbody", {}, ...rows)));
      lead.textContent = tradeText(on, best);
      said.textContent = `Among ${plural(sets.set.length, state.brush ? "brushed network" : "network")}. Fields: how far below the best by that metric. ${on.some((column) => noiseOf(column) > 0) ? "In grey what noise could be. " : ""}Click one to see both metrics in the scatter; in blue the best itself, a click chooses it.`;
    },
  });
  return card("What a choice costs", "What is lost on B when A was chosen?", lead, table, said);
}

function bestOf(column, rows) {
  let best = -1;
  for (const row of rows) {
    const value = column.values[row];
    if (value === value && (best < 0 || column.sign * (value - column.values[best]) > 0)) best = row;
  }
  return best;
}

function tradeCell(chosen, column, row, best, own) {
  if (row < 0 || best < 0) return el("td", { class: "own", text: "–" });
  if (own) return el("td", { class: "own" }, networkLink(best, written(column, column.values[best])));
  const loss = column.sign * (column.values[best] - column.values[row]);
  if (loss !== loss) return el("td", { text: "–" });
  const median = quantile(column.sorted, 0.5);
  const span = Math.abs(column.values[best] - median) || 1;
  const strength = Math.round(55 * Math.min(1, loss / span));
  const within = !beyondNoise(column, column.values[best], column.values[row]);
  const text =
    loss === 0 ? "0" : plain((-loss).toString().startsWith("-") ? `-${written(column, loss)}` : written(column, -loss));
  const title = `The best by ${chosen.title} scores ${valueText(column, column.values[row])} on ${column.title}; the best there ${valueText(column, column.values[best])}`;
  return el(
    "td",
    { title },
    el("button", {
      type: "button",
      class: `cell loss${within ? " within" : ""}`,
      style: `background:color-mix(in srgb, var(--down) ${strength}%, transparent)`,
      "aria-label": title,
      text,
      onclick: () =>
        change({
          x: chosen.name,
          y: column.name,
          a: row,
          zoom: [null, state.zoom[1]],
          brush: state.brush?.plot === 0 ? null : state.brush,
        }),
    }),
  );
}

function tradeText(on, best) {
  let worst = null;
  on.forEach((chosen, i) =>
    on.forEach((column, j) => {
      if (i === j || best[i] < 0 || best[j] < 0 || !column.share) return;
      const loss = column.values[best[j]] - column.values[best[i]];
      if (
        loss === loss &&
        (!worst || loss > worst.loss) &&
        beyondNoise(column, column.values[best[j]], column.values[best[i]])
      )
        worst = { chosen, column, loss };
    }),
  );
  return worst
    ? `The largest loss: the best by ${worst.chosen.title} is ${written(worst.column, worst.loss)} points below the best on ${worst.column.title}.`
    : "";
}
