"use strict";
// Elements of the page, and how numbers are written. All texts of users go through textContent, never through markup.

const byId = (id) => document.getElementById(id);
const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "text") node.textContent = value;
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG_NAMESPACE, tag), attributes, children);

const MINUS = "−";
const plain = (text) => text.replace("-", MINUS);
const counts = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const whole = (number) => plain(counts.format(number));
const plural = (n, one, many) => `${whole(n)} ${n === 1 ? one : (many ?? one + "s")}`;

/** A value of a column as people read it: shares in percent, counts with separators, others with four digits. */
function written(column, value, digits = 1) {
  if (!Number.isFinite(value)) return "–";
  if (column.share) return plain((100 * value).toFixed(digits));
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return whole(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e5 || (magnitude > 0 && magnitude < 1e-3)) return plain(value.toExponential(2));
  return plain(Number(value.toPrecision(4)).toString());
}

/** A noise: two digits that count, or a hundredth of a point. */
const writtenNoise = (column, value, digits = 1) =>
  column.share ? written(column, value, digits) : plain(Number(value.toPrecision(2)).toString());

/** A difference of two values of a column, with its sign. */
function difference(column, value, digits = 1) {
  const text =
    column.share || Number.isInteger(value)
      ? written(column, value, digits)
      : plain(Number(value.toPrecision(3)).toString());
  return value > 0 ? `+${text}` : text;
}

/** A number as clauses and files hold it: shortest text that reads back the same. */
const exact = (number) => (Number.isFinite(number) ? String(number) : "");

const unit = (column) => (column.share ? "%" : "");
const unitOfDifference = (column) => (column.share ? "points" : "");
/** A title that fits the head of a column: PGD @1. */
const shortTitle = (column) =>
  column.title
    .replace(/, eps ([\d.]+)\/255$/, " @$1")
    .replace(/(worst|mean) of \d+ attacks/, "$1")
    .replace("mean corruption", "corruption")
    .replace(", mean of severities", "")
    .replace(", severity ", " @")
    .replace("multiply-accumulates", "MACs");
/** The same of an option: 3×3. */
const shortOption = (option) => (facts.cells ? option.replace("conv ", "").replace("avg pool 3×3", "pool") : option);
const titleOfAxis = (column) =>
  titled(column)
    .replace("/255", "")
    .replace(/(worst|mean) of (\d+) attacks/, "$1 of $2");
const titled = (column) => column.title + (column.share ? " (%)" : "");

function ordered(values) {
  const known = Float64Array.from(values.filter((value) => value === value));
  return known.sort();
}

function quantile(sorted, share) {
  if (!sorted.length) return NaN;
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/** How many of the ascending values are smaller than one (or, with `equal`, not larger). */
function countBelow(sorted, value, equal = false) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (equal ? sorted[middle] <= value : sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Round numbers that divide a range into about n steps. */
function ticks(low, high, n) {
  const rough = (high - low) / Math.max(n, 1);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1)
    found.push(Number((i * step).toPrecision(12)));
  return found;
}

/** Short text of a tick: 1.2M rather than 1,200,000. */
function tickText(column, value) {
  if (column.share) return plain(Number((100 * value).toPrecision(6)).toString());
  const magnitude = Math.abs(value);
  for (const [size, letter] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ]) {
    if (magnitude >= size && magnitude < 1e15) return plain(Number((value / size).toPrecision(4)) + letter);
  }
  if (magnitude >= 1e15 || (magnitude > 0 && magnitude < 1e-3)) return plain(value.toExponential(0));
  return plain(Number(value.toPrecision(4)).toString());
}

/** Call once after the last of several calls. */
function settled(action, wait = 90) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, wait);
  };
}

async function copied(text, button) {
  const before = button.textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { value: text, class: "hidden" });
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  button.textContent = done ? "copied" : "not copied";
  setTimeout(() => (button.textContent = before), 1200);
}

function download(name, type, text) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
