// Columns by the names of the grammar of objectives: single metrics, means and minima of several, weighted sums; and
// where-clauses. The same texts mean the same to `robustnas search`, `compare` and `query`.

class Column {
  /** @param about name, title, minimised, share, noise ("twins", a number, or null if unknown), kind, of, level */
  constructor(about, values) {
    Object.assign(this, about);
    this.values = values;
    this.sign = this.minimised ? -1 : 1;
    this.cache = {};
  }

  /** Known values of all networks, ascending. */
  get sorted() {
    return (this.cache.sorted ??= ordered(this.values));
  }

  get low() {
    return this.sorted.length ? this.sorted[0] : NaN;
  }

  get high() {
    return this.sorted.length ? this.sorted[this.sorted.length - 1] : NaN;
  }

  /** 1 for the best of all networks. */
  rank(value) {
    const { sorted } = this;
    return 1 + (this.minimised ? countBelow(sorted, value) : sorted.length - countBelow(sorted, value, true));
  }
}

const columns = new Map(); // by name: those of the table, and the sums that were asked for

function addColumns(all) {
  facts.columns.forEach((about, i) => columns.set(about.name, new Column(about, all[i])));
  for (const sum of facts.sums) columns.set(sum.name, collective(sum));
}

/** A mean or minimum of several columns, computed when it is looked at. */
function collective({ name, title, over, worst }) {
  const parts = over.map((part) => columns.get(part));
  const noise = sameNoise(parts);
  const about = { name, title, kind: "sum", of: title, level: null, minimised: false, share: true, noise };
  const column = new Column(about, null);
  let values = null;
  Object.defineProperty(column, "values", {
    get() {
      return (values ??= combined(parts, worst));
    },
  });
  return column;
}

function combined(parts, worst) {
  return Float64Array.from({ length: facts.n }, (_, i) => {
    let found = worst ? Infinity : 0;
    for (const part of parts) {
      const value = part.values[i];
      if (value !== value) return NaN;
      found = worst ? Math.min(found, value) : found + value;
    }
    return worst ? found : found / parts.length;
  });
}

const sameNoise = (parts) => {
  if (parts.every((part) => part.noise === "twins")) return "twins";
  return parts.every((part) => part.noise === 0) ? 0 : null;
};

const TERM = /\s*([+-])?\s*(?:(\d[\d.]*[eE][+-]?\d+|[^*+\-,\s]+)\s*\*\s*)?((?:min|max)\([^)]*\)|[^*+\-,\s]+)\s*/y;
const in255ths = (text) => text.replace(/(\d+(?:\.\d+)?)\s*\/\s*255\b/g, "$1");

/** The column of an expression such as pgd@1 or 0.5*clean + 0.5*pgd@1; throws an Error that says what is wrong. */
function columnOf(text) {
  const expression = in255ths(text.trim().replace(/\s+/g, " "));
  if (columns.has(expression)) return columns.get(expression);
  const terms = parsedSum(expression);
  const single = terms.length === 1 && terms[0].weight === 1 && !terms[0].direction;
  const found = single ? terms[0].column : sumColumn(expression, terms);
  columns.set(expression, found);
  return found;
}

function parsedSum(text) {
  if (!text) throw new Error("expected a metric such as " + facts.columns[0].name);
  const terms = [];
  TERM.lastIndex = 0;
  while (TERM.lastIndex < text.length) {
    const start = TERM.lastIndex;
    const match = TERM.exec(text);
    if (!match || (start && !match[1]))
      throw new Error(`cannot read “${text.slice(start)}”; expected a sum such as 0.5*clean + 0.5*pgd@1`);
    const weight = match[2] === undefined ? 1 : Number(match[2]);
    if (!Number.isFinite(weight)) throw new Error(`weight “${match[2]}”: expected a number, as in 0.5*clean`);
    terms.push({ weight: match[1] === "-" ? -weight : weight, ...atom(match[3]) });
  }
  const small = terms.find((term) => minimisedTerm(term));
  const large = terms.find((term) => !minimisedTerm(term));
  if (small && large)
    throw new Error(`${small.column.name} is minimised, ${large.column.name} is maximised: they have no common unit`);
  return terms;
}

const minimisedTerm = (term) => (term.direction ? term.direction === "min" : term.column.minimised);

function atom(text) {
  const directed = /^(min|max)\((.*)\)$/.exec(text);
  const name = (directed ? directed[2] : text).trim();
  const [kind, level] = name.split("@");
  const found = columns.get(name) ?? (level !== undefined && columns.get(`${kind}@${Number(level)}`));
  if (!found) throw new Error(`unknown metric “${name}”${nearest(name)}`);
  return { column: found, direction: directed?.[1] };
}

function nearest(name) {
  const letters = name.toLowerCase();
  const like = [...columns.keys()].filter((known) => known.toLowerCase().includes(letters.slice(0, 3))).slice(0, 4);
  return like.length ? `; did you mean ${like.join(", ")}?` : "";
}

function sumColumn(text, terms) {
  const values = new Float64Array(facts.n);
  for (const { weight, column } of terms) for (let i = 0; i < facts.n; i += 1) values[i] += weight * column.values[i];
  const parts = terms.map((term) => term.column);
  const single = terms.length === 1 && typeof parts[0].noise === "number";
  const noise = single ? Math.abs(terms[0].weight) * parts[0].noise : sameNoise(parts);
  const share = parts.every((part) => part.share);
  return new Column(
    { name: text, title: text, kind: "sum", of: text, level: null, minimised: minimisedTerm(terms[0]), share, noise },
    values,
  );
}

const COMPARE = { "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, ">": (a, b) => a > b };

/** The comparisons of a where-clause; [] for no text; throws an Error that says what is wrong. */
function parsedClause(text) {
  const clause = text
    .trim()
    .replace(/^where\b/, "")
    .trim();
  return clause ? clause.split(/\band\b/).map(parsedComparison) : [];
}

function parsedComparison(text) {
  const parts = in255ths(text.trim()).split(/([<>=!]+)/);
  if (parts.length !== 3)
    throw new Error(`cannot read “${text.trim()}”; expected a comparison such as ${facts.columns[0].name} >= 0.5`);
  const [left, sign, right] = parts.map((part) => part.trim());
  if (!(sign in COMPARE)) throw new Error(`sign “${sign}”: expected one of <=, >=, <, >`);
  const bound = right === "" ? NaN : Number(right);
  if (!Number.isFinite(bound)) throw new Error(`“${right}”: expected a number on the right`);
  return { text: `${left} ${sign} ${right}`, column: columnOf(left), holds: COMPARE[sign], bound };
}
