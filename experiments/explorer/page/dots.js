// What points are drawn with: colours of the page, dots as pixels and as stamps.

// Cividis, less of its ends that a light or a dark page would swallow.
const RAMPS = {
  light: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#bda648", "#cfa821", "#dda800"],
  dark: ["#4a6bb5", "#5674ab", "#637d9f", "#728692", "#828f85", "#949977", "#a9a468", "#c2b257", "#dfc444", "#fee838"],
};
const isDark = matchMedia("(prefers-color-scheme: dark)");

const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let colours = {};

function readColours() {
  colours = Object.fromEntries(
    ["ink", "quiet", "line", "page", "point", "accent", "front", "a", "b"].map((name) => [
      name,
      cssColour(`--${name}`),
    ]),
  );
  colours.accentBytes = bytesOf(colours.accent);
}

/** A round dot as pixels: offsets from its middle, and how much of each it covers, of 255. */
function dotOf(radius, alpha, scale) {
  const reach = Math.ceil(radius * scale);
  const found = [];
  for (let y = -reach; y <= reach; y += 1) {
    for (let x = -reach; x <= reach; x += 1) {
      const cover = Math.max(0, Math.min(1, radius * scale + 0.5 - Math.hypot(x, y)));
      if (cover) found.push([x, y, Math.round(255 * alpha * cover)]);
    }
  }
  return found;
}

/** The four bytes of a colour as a canvas knows it. */
function bytesOf(colour) {
  const context = el("canvas", { width: 1, height: 1 }).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

/** A dot to stamp, which is faster than a path. */
function stamp(colour, radius, alpha, scale) {
  const size = Math.ceil(2 * radius + 2);
  const canvas = el("canvas", { width: size * scale, height: size * scale });
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.globalAlpha = alpha;
  context.fillStyle = colour;
  context.beginPath();
  context.arc(size / 2, size / 2, radius, 0, 7);
  context.fill();
  return { canvas, size, offset: size / 2 };
}
