// A field to choose a metric: a list to search in, and any sum of the grammar.

/** What is looked at most, first in the list. */
let usual = null;
const isUsual = (column) =>
  (usual ??= new Set([...keyColumns(8), ...["params", "flops"].map((name) => columns.get(name))])).has(column);
const GROUPS = [
  ["Usual", isUsual],
  [
    "Summaries",
    (column) =>
      column.kind === "sum" &&
      columns.get(column.name) === column &&
      facts.sums.some((sum) => sum.name === column.name && !sum.name.startsWith("corruption:")),
  ],
  ["Accuracy", (column) => column.kind === "accuracy"],
  ["Own metrics", (column) => column.kind === "own"],
  ["Costs", (column) => column.kind === "cost"],
  ["Attached", (column) => column.kind === "attached"],
  ["Attacks", (column) => column.kind === "attack"],
  [
    "Corruptions, mean of severities",
    (column) => facts.sums.some((sum) => sum.name === column.name && sum.name.startsWith("corruption:")),
  ],
  ["Corruptions", (column) => column.kind === "corruption"],
];

const AXES = ["x", "y", "z", "x2", "y2", "metric"];
let nPickers = 0;

/**
 * @param label what it is for, read aloud
 * @param current returns the name of the metric chosen
 * @param choose called with the name of another one
 * @param optional a text for no metric, if there may be none
 */
function picker({ label, current, choose, optional, ranks }) {
  const id = `picker-${(nPickers += 1)}`;
  const list = el("ul", { role: "listbox", id, class: "options", "aria-label": label, hidden: true });
  const input = el("input", {
    role: "combobox",
    "aria-expanded": "false",
    "aria-controls": id,
    "aria-autocomplete": "list",
    "aria-label": label,
    autocomplete: "off",
    spellcheck: "false",
    class: "metric",
  });
  const host = el("span", { class: "picker" }, input, list);
  let shown = [];
  let active = -1;

  const show = () => {
    const name = current();
    input.value = !name ? (optional ?? "") : name === RANK ? RANK : titleOfAxis(columnOf(name));
    input.title = name && name !== RANK ? columnOf(name).title : name;
    input.removeAttribute("aria-invalid");
  };
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const open = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (column) => words.every((word) => `${column.name} ${column.title}`.toLowerCase().includes(word));
    shown = [];
    list.replaceChildren();
    const add = (name, title) => {
      const place = shown.push(name) - 1;
      const option = el(
        "li",
        {
          role: "option",
          id: `${id}-${place}`,
          "aria-selected": String(name === current()),
          onpointerdown: (event) => {
            event.preventDefault();
            take(name);
          },
        },
        el("span", { text: title }),
        name && name !== title ? el("code", { text: name }) : null,
      );
      list.append(option);
    };
    if (optional && !words.length) add("", optional);
    if (ranks && !words.length) add(RANK, "rank by the other axis");
    for (const [group, belongs] of GROUPS) {
      const members = [...columns.values()].filter(
        (column) => belongs(column) && (belongs === isUsual || !isUsual(column)) && fits(column),
      );
      if (members.length) list.append(el("li", { role: "presentation", class: "group", text: group }));
      for (const column of members) add(column.name, column.title);
    }
    if (!shown.length)
      list.append(el("li", { class: "group", text: "Enter: read it as a sum, 0.5*clean + 0.5*pgd@1" }));
    active = -1;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    list.classList.toggle("right", host.getBoundingClientRect().left > innerWidth / 2);
  };
  const mark = (place) => {
    list.querySelector(".active")?.classList.remove("active");
    active = Math.max(0, Math.min(shown.length - 1, place));
    const option = byId(`${id}-${active}`);
    option?.classList.add("active");
    option?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `${id}-${active}`);
  };
  const take = (name) => {
    try {
      if (name && name !== RANK) columnOf(name);
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      input.title = error.message;
      list.replaceChildren(el("li", { class: "group wrong", text: error.message }));
      return;
    }
    close();
    choose(name);
    show();
    input.select();
  };

  input.addEventListener("focus", () => {
    input.select();
  });
  input.addEventListener("click", () => {
    input.select();
    open("");
  });
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("blur", () => {
    close();
    show();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open("");
      mark(active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (list.hidden) open("");
      else
        take(
          active >= 0
            ? shown[active]
            : columns.has(input.value.trim()) || !shown.length
              ? input.value.trim()
              : shown[0],
        );
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
      show();
    }
  });
  views.push({
    live: (keys) => {
      if (AXES.some((key) => keys.has(key)) && (document.activeElement !== input || list.hidden)) show();
    },
  });
  return host;
}
