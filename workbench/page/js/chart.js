// Plots of quality against cost and latency, with intervals. Points that coincide stand side by
// side, and no label covers another one.

const PLOT = { width: 620, height: 340, left: 55, right: 20, top: 30, bottom: 40 };
const RADIUS = 5, LINE = 15;  // pixels: of a dot, a line of text
const ruler = document.createElement("canvas").getContext("2d");
ruler.font = "12px system-ui, sans-serif";  // as in the style of the page

function drawPlots() {
  part("plot-part").hidden = !AXES.length || !hasMetric();
  if (hasMetric()) replace("plot", ...AXES.map(([name, title]) => figure(name, title)));
}

// About five round numbers from low to high
function ticks(low, high) {
  const rough = (high - low) / 6, ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * [1, 2, 5, 10].find((factor) => factor * ten >= rough);
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, tick) => (first + tick) * step);
}

// The ends of an axis; one of amounts begins at 0, unless all of them are far from it.
function ends(values, areAmounts) {
  const low = Math.min(...values), high = Math.max(...values);
  const margin = (high - low) * 0.1 || Math.abs(high) * 0.1 || 0.1;
  return [areAmounts && low - margin < high / 2 ? 0 : low - margin, high + margin];
}

function figure(name, title) {
  const metric = metricOf().name;
  const plotted = data.variants.map((variant, position) => ({ variant, position,
    across: variant[name], result: variant.metrics[metric] }))
    .filter(({ across, result }) => across != null && result.mean != null);
  if (!plotted.length) return el("p", { class: "soft" }, `${title}: unknown`);
  const { width, height, left, right, top, bottom } = PLOT;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `${metric} beside ${title}: ` + plotted.map(({ variant, result, across }) =>
      `${variant.name} ${number(result.mean)} at ${small(across)}`).join("; ") });
  const [least, most] = ends(plotted.map(({ across }) => across), true);
  const [low, high] = ends(plotted.flatMap(({ result: { mean, low, high } }) =>
    [low ?? mean, high ?? mean]), false);
  const x = (across) => left + (across - least) / (most - least) * (width - left - right);
  const y = (mean) => height - bottom - (mean - low) / (high - low) * (height - bottom - top);
  for (const tick of ticks(least, most)) drawing.append(
    svg("line", { class: "axis", x1: x(tick), y1: top, x2: x(tick), y2: height - bottom }),
    svg("text", { x: x(tick), y: height - bottom + 16, "text-anchor": "middle" }, small(tick)));
  for (const tick of ticks(low, high)) drawing.append(
    svg("line", { class: "axis", x1: left, y1: y(tick), x2: width - right, y2: y(tick) }),
    svg("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, small(tick)));
  drawing.append(
    svg("text", { x: (width + left) / 2, y: height - 4, "text-anchor": "middle" }, title),
    svg("text", { x: 4, y: top - LINE }, shortName(metric)));
  const dots = spreadDots(plotted.map(({ across, result }) => [x(across), y(result.mean)]));
  plotted.forEach(({ variant, result, across, position }, at) => {
    const [dotX, dotY] = dots[at];
    if (result.low != null) drawing.append(svg("line",
      { class: "bar", x1: dotX, y1: y(result.low), x2: dotX, y2: y(result.high) }));
    const isBest = metricOf().headline?.best === position && data.variants.length > 1;
    const dot = svg("circle", { class: isBest ? "dot best" : "dot", cx: dotX, cy: dotY, r: RADIUS });
    dot.append(svg("title", {}, `${variant.name}: ${number(result.mean)}, ${small(across)}`));
    drawing.append(dot);
  });
  const bars = plotted.flatMap(({ result }, at) => result.low == null ? []
    : [{ x: dots[at][0] - 1, y: y(result.high), width: 2, height: y(result.low) - y(result.high) }]);
  const texts = plotted.map(({ variant, position }) => `${position + 1} ${shortName(variant.name)}`);
  drawing.append(...labels(dots, texts, bars));
  return drawing;
}

const shortName = (name) => name.length > 26 ? `${name.slice(0, 25)}…` : name;

// Dots that touch an earlier one move to the right of it.
function spreadDots(points) {
  const placed = [];
  for (const [x, y] of points) {
    let moved = x;
    while (placed.some(([otherX, otherY]) =>
      Math.hypot(otherX - moved, otherY - y) < 2 * RADIUS + 1)) moved += RADIUS;
    placed.push([moved, y]);
  }
  return placed;
}

const overlaps = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width
  && a.y < b.y + b.height && b.y < a.y + a.height;

// A label beside each dot, where nothing is; one that stands off has a line to its dot.
function labels(dots, texts, bars) {
  const boxes = dots.map(([x, y]) => ({ x: x - RADIUS - 1, y: y - RADIUS - 1,
    width: 2 * RADIUS + 2, height: 2 * RADIUS + 2 }));
  return dots.flatMap(([x, y], at) => {
    const { width } = ruler.measureText(texts[at]), places = [];
    for (let step = 0; step < 12; step++)
      for (const dy of step ? [-step * LINE, step * LINE] : [0])
        for (const dx of [RADIUS + 4, -RADIUS - 4 - width])
          places.push({ x: x + dx, y: y + dy - LINE / 2, width, height: LINE, step });
    const inside = places.filter((box) => box.x > PLOT.left && box.x + width < PLOT.width
      && box.y > PLOT.top - LINE && box.y + LINE < PLOT.height - PLOT.bottom);
    const isFree = (box) => !boxes.some((other) => overlaps(box, other));
    const box = inside.find((each) => isFree(each) && !bars.some((bar) => overlaps(each, bar)))
      || inside.find(isFree) || places[0];
    boxes.push(box);
    const text = svg("text", { class: "label", x: box.x, y: box.y + LINE - 3 }, texts[at]);
    if (box.step < 2) return [text];
    const isRight = box.x > x;
    return [svg("line", { class: "leader", x1: x, y1: y, x2: isRight ? box.x - 1 : box.x + width,
      y2: box.y + LINE / 2 }), text];
  });
}
