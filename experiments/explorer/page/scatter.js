// A scatter: canvases for the points, SVG for axes, front, brush and markers. Only the brushed points are drawn anew
// while one brushes; the others lie on a canvas of their own.

const MARGIN = { left: 46, right: 10, top: 10, bottom: 26 };

const WHOLE = "whole"; // a zoom that leaves no network out

/** The range of a column without far outliers on its worse side. */
function usualRange(column) {
  const [low, high] = [quantile(column.sorted, 0.05), quantile(column.sorted, 0.95)];
  if (high - low > 0.4 * (column.high - column.low)) return [column.low, column.high];
  const reach = 1.2 * (high - low);
  return column.minimised
    ? [column.low, Math.min(column.high, high + reach)]
    : [Math.max(column.low, low - reach), column.high];
}

class Scatter {
  constructor(plot, title, answers) {
    this.plot = plot;
    const keys = plot === 0 ? ["x", "y"] : ["x2", "y2"];
    const pick = (key, label, more = {}) =>
      picker({
        label: `${title}: ${label}`,
        current: () => state[key],
        choose: (name) => this.choose(key, name),
        ...more,
      });
    this.canvas = el("canvas");
    this.over = el("canvas");
    this.runs = el("canvas");
    this.back = svg("svg", { "aria-hidden": "true" });
    this.front = svg("svg", { "aria-hidden": "true" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.area = el(
      "div",
      {
        class: "area",
        tabindex: "0",
        role: "application",
        "aria-label": `${title}: arrow keys go from network to network, b puts one beside it, z zooms to the brushed ones, Escape clears`,
      },
      this.back,
      this.canvas,
      this.over,
      this.runs,
      this.front,
      this.tip,
    );
    this.zoomButton = el("button", { class: "small", type: "button", text: "zoom", onclick: () => changeZoom(this) });
    this.said = el("p", { class: "said", "aria-live": "polite" });
    this.node = card(
      title,
      answers,
      el(
        "div",
        { class: "axis" },
        el("span", { class: "dim", text: "↑" }),
        pick(keys[1], "metric upwards", { ranks: true }),
        el("span", { class: "gap" }),
        this.zoomButton,
      ),
      this.area,
      el(
        "div",
        { class: "axis across" },
        ...(plot === 0
          ? [el("span", { class: "dim", text: "colour" }), pick("z", "third metric, as colour", { optional: "none" })]
          : []),
        el("span", { class: "gap" }),
        pick(keys[0], "metric across", { ranks: true }),
        el("span", { class: "dim", text: "→" }),
      ),
      this.said,
    );
    listenTo(this);
    new ResizeObserver(() => this.resize()).observe(this.area);
    views.push({ live: (keys) => this.live(keys) });
  }

  choose(key, name) {
    const other = { x: "y", y: "x", x2: "y2", y2: "x2" }[key];
    if (name === RANK && state[other] === RANK) return;
    const zoom = [...state.zoom];
    if (key !== "z") zoom[this.plot] = null;
    change({ [key]: name, zoom, ...(key !== "z" && state.brush?.plot === this.plot ? { brush: null } : {}) });
  }

  get axes() {
    return axesOf(this.plot);
  }

  live(keys) {
    const own = this.plot === 0 ? ["x", "y", "z"] : ["x2", "y2"];
    if (["where", "pick", "zoom", "theme", "size", ...own].some((key) => keys.has(key))) this.redraw();
    else if (keys.has("brush")) this.redrawBrushed();
    if (["a", "b", "run"].some((key) => keys.has(key))) {
      this.drawRuns();
      this.drawMarkers();
    }
  }

  resize() {
    const { width, height } = this.area.getBoundingClientRect();
    if (!width || (this.width === width && this.height === height && this.scale === devicePixelRatio)) return;
    Object.assign(this, { width, height, scale: devicePixelRatio, dot: null });
    for (const canvas of [this.canvas, this.over, this.runs]) {
      canvas.width = Math.round(width * this.scale);
      canvas.height = Math.round(height * this.scale);
    }
    for (const node of [this.back, this.front]) node.setAttribute("viewBox", `0 0 ${width} ${height}`);
    if (labels) this.redraw();
  }

  place() {
    const [x, y] = this.axes;
    const zoom = state.zoom[this.plot];
    const range = (column, zoomed) => {
      const [low, high] = zoomed ?? (zoom === WHOLE ? [column.low, column.high] : usualRange(column));
      const span = high - low || Math.abs(high) || 1;
      return [low - 0.03 * span, high + 0.03 * span];
    };
    this.ranges = [range(x, zoom?.x), range(y, zoom?.y)];
    const [left, right, top, bottom] = this.frame;
    const [[x0, x1], [y0, y1]] = this.ranges;
    this.toX = (value) => left + ((value - x0) / (x1 - x0)) * (right - left);
    this.toY = (value) => bottom - ((value - y0) / (y1 - y0)) * (bottom - top);
    this.fromX = (pixel) => x0 + ((pixel - left) / (right - left)) * (x1 - x0);
    this.fromY = (pixel) => y0 + ((bottom - pixel) / (bottom - top)) * (y1 - y0);
    const n = facts.n;
    this.px = new Float32Array(n);
    this.py = new Float32Array(n);
    for (let i = 0; i < n; i += 1) {
      this.px[i] = this.toX(x.values[i]);
      this.py[i] = this.toY(y.values[i]);
    }
    this.index();
    this.nOutside = sets.kept.filter(
      (row) => Number.isFinite(this.px[row]) && Number.isFinite(this.py[row]) && !this.visible(row),
    ).length;
  }

  /** Rows by squares of 16 pixels, for what is near the pointer. */
  index() {
    this.near = new Map();
    for (const row of sets.kept) {
      if (!this.visible(row)) continue;
      const key = (this.px[row] >> 4) * 1024 + (this.py[row] >> 4);
      const found = this.near.get(key);
      if (found) found.push(row);
      else this.near.set(key, [row]);
    }
  }

  visible(row) {
    const x = this.px[row];
    const y = this.py[row];
    return (
      x >= MARGIN.left - 4 &&
      x <= this.width - MARGIN.right + 4 &&
      y >= MARGIN.top - 4 &&
      y <= this.height - MARGIN.bottom + 4
    );
  }

  nearest(x, y, within = 14) {
    let best = -1;
    let distance = within * within;
    for (let i = (x >> 4) - 1; i <= (x >> 4) + 1; i += 1) {
      for (let j = (y >> 4) - 1; j <= (y >> 4) + 1; j += 1) {
        for (const row of this.near.get(i * 1024 + j) ?? []) {
          const gap = (this.px[row] - x) ** 2 + (this.py[row] - y) ** 2;
          if (gap < distance) [best, distance] = [row, gap];
        }
      }
    }
    return best;
  }

  redraw() {
    if (!this.width) return;
    this.place();
    const context = this.cleared(this.canvas);
    const many = facts.n > 20000;
    const radius = many ? 1.4 : 2;
    const faint = stamp(colours.point, radius, many ? 0.05 : 0.1, this.scale);
    for (const row of sets.all) if (!sets.inKept[row]) this.put(context, faint, row);
    const third = this.plot === 0 ? thirdColumn() : null;
    if (third) this.drawThird(context, third, radius);
    else {
      const dot = stamp(colours.point, radius, many ? 0.25 : 0.5, this.scale);
      for (const row of sets.kept) this.put(context, dot, row);
    }
    this.drawAxes();
    drawFront(this);
    this.redrawBrushed();
    this.drawRuns();
    this.drawMarkers();
  }

  drawThird(context, third, radius) {
    const sorted = ordered(sets.kept.map((row) => third.values[row]));
    const [low, high] = [quantile(sorted, 0.02), quantile(sorted, 0.98)];
    const ramp = RAMPS[isDark.matches ? "dark" : "light"];
    const stamps = ramp.map((colour) => stamp(colour, radius + 0.3, 0.85, this.scale));
    for (const row of sets.kept) {
      const value = third.values[row];
      if (value !== value) continue;
      const share = high > low ? (value - low) / (high - low) : 0.5;
      this.put(context, stamps[Math.max(0, Math.min(ramp.length - 1, Math.floor(share * ramp.length)))], row);
    }
    this.thirdRange = [low, high];
  }

  put(context, { canvas, size, offset }, row) {
    if (this.visible(row)) context.drawImage(canvas, this.px[row] - offset, this.py[row] - offset, size, size);
  }

  cleared(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  /** Where the dots lie, in pixels: left, right, top, bottom. */
  get frame() {
    return [MARGIN.left, this.width - MARGIN.right, MARGIN.top, this.height - MARGIN.bottom];
  }

  drawAxes() {
    const [x, y] = this.axes;
    const [left, right, top, bottom] = this.frame;
    const parts = [];
    for (const tick of ticks(...this.ranges[0], this.width / 75)) {
      const at = this.toX(tick);
      if (at < left || at > right) continue;
      parts.push(
        svg("line", { x1: at, x2: at, y1: top, y2: bottom, class: "grid" }),
        svg("text", { x: at, y: bottom + 16, class: "tick", "text-anchor": "middle", text: tickText(x, tick) }),
      );
    }
    for (const tick of ticks(...this.ranges[1], this.height / 48)) {
      const at = this.toY(tick);
      if (at < top || at > bottom) continue;
      parts.push(
        svg("line", { x1: left, x2: right, y1: at, y2: at, class: "grid" }),
        svg("text", { x: left - 6, y: at + 4, class: "tick", "text-anchor": "end", text: tickText(y, tick) }),
      );
    }
    if (x.share && y.share && this.plot === 1) {
      const [low, high] = [
        Math.max(this.ranges[0][0], this.ranges[1][0]),
        Math.min(this.ranges[0][1], this.ranges[1][1]),
      ];
      if (low < high)
        parts.push(
          svg("line", {
            x1: this.toX(low),
            y1: this.toY(low),
            x2: this.toX(high),
            y2: this.toY(high),
            class: "diagonal",
          }),
        );
    }
    this.back.replaceChildren(...parts);
    this.better = svg(
      "g",
      {},
      svg(
        "text",
        x.minimised
          ? { x: left + 4, y: bottom - 5, class: "better", text: "← better" }
          : { x: right - 2, y: bottom - 5, class: "better", "text-anchor": "end", text: "better →" },
      ),
      svg("text", {
        x: left + 4,
        y: y.minimised ? bottom - (x.minimised ? 18 : 5) : top + 10,
        class: "better",
        text: `${y.minimised ? "↓" : "↑"} better`,
      }),
    );
    this.band = svg("path", { class: "band" });
    this.back.append(this.band);
  }

  redrawBrushed() {
    if (!this.width) return;
    const own = state.brush?.plot === this.plot;
    this.canvas.classList.toggle("dimmed", Boolean(state.brush));
    const zoom = state.zoom[this.plot];
    const text = own || zoom === WHOLE ? "zoom" : "whole";
    if (this.zoomButton.textContent !== text) this.zoomButton.textContent = text;
    this.zoomButton.disabled = !(own || zoom || this.nOutside);
    if (state.brush) this.stampBrushed();
    else this.cleared(this.over);
    this.drawBrush();
  }

  /** Draw the brushed points pixel by pixel: thousands of them in a millisecond. */
  stampBrushed() {
    const { width, height } = this.over;
    if (this.image?.width !== width || this.image?.height !== height) this.image = new ImageData(width, height);
    const pixels = this.image.data;
    pixels.fill(0);
    this.dot ??= dotOf(facts.n > 20000 ? 1.6 : 2.2, 0.75, this.scale);
    const [red, green, blue] = colours.accentBytes;
    for (const row of sets.set) {
      if (!this.visible(row)) continue;
      const [middleX, middleY] = [Math.round(this.px[row] * this.scale), Math.round(this.py[row] * this.scale)];
      for (const [dx, dy, cover] of this.dot) {
        const x = middleX + dx;
        if (x < 0 || x >= width) continue;
        const at = 4 * ((middleY + dy) * width + x);
        pixels[at] = red;
        pixels[at + 1] = green;
        pixels[at + 2] = blue;
        pixels[at + 3] += ((255 - pixels[at + 3]) * cover) / 255;
      }
    }
    this.over.getContext("2d").putImageData(this.image, 0, 0);
  }

  drawBrush() {
    const brush = state.brush?.plot === this.plot ? state.brush : null;
    this.brushBox.setAttribute("visibility", brush ? "visible" : "hidden");
    if (!brush) return;
    const inside = (value, low, high) => Math.max(low, Math.min(high, value));
    const [x0, x1] = brush.x.map((value) => inside(this.toX(value), MARGIN.left, this.width - MARGIN.right));
    const [y1, y0] = brush.y.map((value) => inside(this.toY(value), MARGIN.top, this.height - MARGIN.bottom));
    for (const [name, value] of Object.entries({
      x: x0,
      y: y0,
      width: Math.max(0, x1 - x0),
      height: Math.max(0, y1 - y0),
    }))
      this.brushBox.setAttribute(name, value);
  }

  drawRuns() {
    if (!this.width || !facts.runs || !this.px) return;
    const context = this.cleared(this.runs);
    for (const { colour, dash, queries, line, several } of shownRuns()) {
      context.fillStyle = colour;
      context.globalAlpha = 0.7;
      for (const row of queries)
        if (this.visible(row)) context.fillRect(this.px[row] - 1.2, this.py[row] - 1.2, 2.4, 2.4);
      context.globalAlpha = 1;
      context.strokeStyle = colour;
      context.lineWidth = 1.6;
      context.lineJoin = "round";
      context.setLineDash(dash);
      if (several) {
        context.stroke(new Path2D(stepsOf(this, frontOf(this.axes, [...new Set(queries)]), 0)));
        continue;
      }
      context.beginPath();
      line.forEach((row, i) =>
        i ? context.lineTo(this.px[row], this.py[row]) : context.moveTo(this.px[row], this.py[row]),
      );
      context.stroke();
      context.setLineDash([]);
      const last = line.at(-1);
      if (last === undefined) continue;
      context.beginPath();
      context.arc(this.px[last], this.py[last], 4, 0, 7);
      context.fill();
    }
  }

  drawMarkers() {
    if (!this.markers || !this.px) return;
    const [x, y] = this.axes;
    const parts = [];
    for (const key of ["b", "a"]) {
      const row = state[key];
      if (row < 0 || !Number.isFinite(this.px[row]) || !Number.isFinite(this.py[row]) || !this.visible(row)) continue;
      const [px, py] = [this.px[row], this.py[row]];
      const [dx, dy] = [noiseAt(x, x.values[row]), noiseAt(y, y.values[row])];
      const wide = dx > 0 ? Math.abs(this.toX(x.values[row] + dx) - px) : 0;
      const high = dy > 0 ? Math.abs(this.toY(y.values[row] + dy) - py) : 0;
      if (wide) parts.push(svg("line", { x1: px - wide, x2: px + wide, y1: py, y2: py, class: `error ${key}` }));
      if (high) parts.push(svg("line", { x1: px, x2: px, y1: py - high, y2: py + high, class: `error ${key}` }));
      const right = px < this.width - 40;
      parts.push(
        svg("circle", { cx: px, cy: py, r: 5, class: `marker ${key}` }),
        svg("text", {
          x: px + (right ? 8 : -8),
          y: py - 7,
          class: `flag ${key}`,
          "text-anchor": right ? "start" : "end",
          text: key.toUpperCase(),
        }),
      );
    }
    this.markers.replaceChildren(...parts);
  }
}

/** A value with its unit and the noise of one training. */
function valueText(column, value) {
  const noise = noiseAt(column, value);
  const spread = noise > 0 ? ` ± ${writtenNoise(column, noise)}` : "";
  return written(column, value) + spread + (column.share ? " %" : "");
}
