// What is taken away: tables, clauses, architectures, a link.

/** A button that copies what an element says. */
function copier(element, id) {
  return el("button", {
    type: "button",
    class: "small",
    id,
    text: "copy",
    onclick: (event) => copied(element.textContent, event.currentTarget),
  });
}

function exportCard() {
  const clause = el("code", { class: "clause", id: "clause" });
  const command = el("code", { class: "clause", id: "command" });
  const note = el("p", { class: "said" });
  const link = el("button", {
    type: "button",
    id: "link",
    text: "Copy the link",
    title: "What the page shows is in its address",
    onclick: () => copied(location.href, link),
  });
  const notation = el(
    "select",
    { id: "notation", "aria-label": "Notation of architectures" },
    ...Object.keys(names).map((name) => el("option", { value: name, text: name })),
  );
  const list = el("button", {
    type: "button",
    id: "archs",
    text: "Copy architectures",
    onclick: () => copied(architectures(), list),
  });
  const file = el("button", {
    type: "button",
    id: "archs-file",
    text: ".txt",
    title: "Architectures as a file, one a line",
    onclick: () => download(`${fileName()}.txt`, "text/plain", architectures() + "\n"),
  });
  const all = el("input", { type: "checkbox", id: "all-columns" });
  const csv = el("button", {
    type: "button",
    id: "csv",
    text: "Download CSV",
    onclick: () => download(`${fileName()}.csv`, "text/csv", csvText(all.checked)),
  });
  const copyClause = copier(clause, "copy-clause");
  const copyCommand = copier(command, "copy-command");
  const architectures = () => sets.set.map((row) => names[notation.value][row]).join("\n");
  const whereRow = el("p", { class: "row" }, el("span", { class: "dim", text: "where " }), clause, copyClause);
  const commandRow = el("p", { class: "row" }, command, copyCommand);
  views.push({
    settle: () => {
      const text = clauseText();
      clause.textContent = text || "–";
      copyClause.disabled = copyCommand.disabled = !text;
      for (const row of [whereRow, commandRow]) row.hidden = !text;
      command.textContent = text
        ? `robustnas query --where ${shellQuoted(text)} --dataset ${shellQuoted(facts.dataset)}`
        : "–";
      const lost = state.pick.size ? " Options that were picked are no part of a clause: take the architectures." : "";
      note.textContent = `${plural(sets.set.length, state.brush ? "brushed network" : "network")}.${lost}`;
    },
  });
  return card(
    "Take it away",
    "The networks that are left, for other tools",
    note,
    el("div", { class: "axis" }, csv, el("label", {}, all, " every column")),
    el("div", { class: "axis" }, list, file, notation),
    whereRow,
    commandRow,
    el("div", { class: "axis" }, link),
  );
}

const fileName = () => facts.dataset.replace(/[^\w.@-]+/g, "-").slice(-60) || "networks";
const shellQuoted = (text) => (/^[\w@.:/=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The set as CSV, which `robustnas data import` and spreadsheets read: names first, then numbers as they are. */
function csvText(every) {
  const shown = [...axesOf(0), thirdColumn(), ...axesOf(1)].filter((column) => column && column.kind !== "rank");
  const own = facts.columns.map((about) => columns.get(about.name));
  const listed = [...new Set(every ? [...shown, ...own] : [...shown, ...keyColumns()])];
  const [first] = Object.keys(names);
  const head = ["network", "arch", ...listed.map((column) => column.name)];
  const rows = sets.set.map((row) => [
    labels[row].replace(/^#/, ""),
    names[first][row],
    ...listed.map((column) => exact(column.values[row])),
  ]);
  return [head, ...rows].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}
