// Neighbours: what one other option would change, choice by choice, and what of it is beyond noise.

function neighboursCard() {
  const shared = sharedOptions();
  const table = el("div", { class: "scroll" });
  const lead = el("p", { class: "said strong" });
  const said = el("p", { class: "said" });
  const pick = picker({
    label: "Metric of neighbours and twins",
    current: () => state.metric,
    choose: (name) => change({ metric: name }),
  });
  views.push({
    settle: (keys) => {
      if (!["a", "metric"].some((key) => keys.has(key))) return;
      if (state.a < 0) return lead.replaceChildren("Choose a network.");
      const column = columnOf(state.metric);
      const found = neighboursOf(state.a);
      const own = column.values[state.a];
      const largest = Math.max(
        ...found.map(({ row }) =>
          row >= 0 && column.values[row] === column.values[row] ? Math.abs(column.values[row] - own) : 0,
        ),
        1e-12,
      );
      const at = new Map(found.map((one) => [`${one.c}.${one.o}`, one]));
      const cell = (c, o) => {
        const text = shared ? null : el("em", { text: facts.choices[c].options[o] });
        if (codeOf(state.a, c) === o)
          return el("span", { class: "cell now" }, text, el("span", { text: shared ? "now" : "" }));
        const row = at.get(`${c}.${o}`)?.row ?? -1;
        if (row < 0)
          return el(
            "span",
            {
              class: "cell none",
              title: combinations ? "not in the space, or not in this table" : "not shown on this page",
            },
            text,
            el("span", { text: "·" }),
          );
        if (row === state.a)
          return el("span", { class: "cell none", title: "the same network" }, text, el("span", { text: "=" }));
        return neighbourCell(
          column,
          own,
          row,
          largest,
          text,
          `${facts.choices[c].name}: ${facts.choices[c].options[o]}`,
        );
      };
      const head =
        shared &&
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { text: facts.cells ? "edge" : "choice" }),
            ...shared.map((option) => el("th", { scope: "col", text: shortOption(option) })),
          ),
        );
      const known = new Set(found.filter(({ row }) => row >= 0).map(({ c }) => c));
      const listed = facts.choices.map((choice, c) => [choice, c]).filter(([, c]) => combinations || known.has(c));
      const body = listed.map(([choice, c]) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", text: cut(choice.name, 18) }),
          ...(shared
            ? choice.options.map((_, o) => el("td", {}, cell(c, o)))
            : [el("td", { class: "several", style: columnsFor(c, 8) }, ...nearOptions(c, at).map((o) => cell(c, o)))]),
        ),
      );
      table.hidden = said.hidden = !known.size;
      table.replaceChildren(
        el("table", { class: `choices near${shared ? "" : " own"}` }, head, el("tbody", {}, ...body)),
      );
      lead.replaceChildren(...neighbourText(column, own, found));
      said.textContent = `Change in ${column.title}${column.share ? ", in points," : ""} if one option were another${noiseOf(column) > 0 ? "; outlined: better or worse beyond noise" : ""}. “=” is the same network.`;
    },
  });
  return card(
    "Neighbours",
    "Which neighbour is better beyond noise?",
    el("div", { class: "axis" }, el("span", { class: "dim", text: "by" }), pick),
    lead,
    table,
    said,
  );
}

/** The options to show: all; of many, the own one and those of neighbours with a number. */
const nearOptions = (c, at) => {
  const { options } = facts.choices[c];
  const wanted = (o) => codeOf(state.a, c) === o || (at.get(`${c}.${o}`)?.row ?? -1) >= 0;
  return options.map((_, o) => o).filter((o) => options.length <= MOST_OPTIONS || wanted(o));
};

function neighboursOf(row) {
  const own = codesOf(row);
  return facts.choices.flatMap((choice, c) =>
    choice.options
      .map((_, o) => ({ c, o }))
      .filter(({ o }) => o !== own[c])
      .map(({ c: place, o }) => {
        const options = [...own];
        options[place] = o;
        return { c: place, o, row: rowOfCodes(options) };
      }),
  );
}

function neighbourCell(column, own, row, largest, text, name) {
  const value = column.values[row];
  const gap = value - own;
  if (gap !== gap)
    return el("span", { class: "cell none", title: `${labels[row]}: no number` }, text, el("span", { text: "–" }));
  const noisy = noiseOf(column) > 0;
  const better = noisy && beyondNoise(column, value, own);
  const worse = noisy && beyondNoise(column, own, value);
  const strength = Math.round(45 * Math.min(1, Math.abs(gap) / largest));
  const noise = noiseOfDifference(column, value, own);
  const colour = column.sign * gap >= 0 ? "--up" : "--down";
  const title = `${labels[row]}, ${name}\n${valueText(column, value)}${noise > 0 ? `\n${(Math.abs(gap) / noise).toFixed(1)} deviations of the noise of a difference` : ""}`;
  return el(
    "button",
    {
      type: "button",
      class: `cell change${better ? " better" : worse ? " worse" : ""}`,
      title,
      style: `background:color-mix(in srgb, var(${colour}) ${strength}%, transparent)`,
      onclick: (event) => change({ [event.shiftKey ? "b" : "a"]: row }),
    },
    text,
    el("span", { text: difference(column, gap) }),
  );
}

function neighbourText(column, own, found) {
  const distinct = [...new Set(found.map(({ row }) => row))].filter(
    (row) => row >= 0 && row !== state.a && column.values[row] === column.values[row],
  );
  const better = distinct
    .filter((row) => beyondNoise(column, column.values[row], own))
    .sort((a, b) => column.sign * (column.values[b] - column.values[a]));
  const noise = noiseAt(column, own);
  const beyond = noise > 0 ? " beyond noise" : "";
  if (own !== own) return [`${labels[state.a]} has no number here.`];
  if (!distinct.length) return ["None of its neighbours has a number here."];
  if (!better.length) return [`None of ${plural(distinct.length, "neighbouring network")} is better${beyond}.`];
  return [
    `${whole(better.length)} of ${plural(distinct.length, "neighbouring network")} ${better.length === 1 ? "is" : "are"} better${beyond}; the best is `,
    networkLink(better[0]),
    ` with ${valueText(column, column.values[better[0]])} (${difference(column, column.values[better[0]] - own)}).`,
  ];
}
