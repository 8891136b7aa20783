// What the reader looks at: metric, filter, order, search, open row. The URL's fragment keeps it.

const data = JSON.parse(part("data").textContent);
const index = decodeIndex(data.index), source = data.live ? liveSource() : fileSource();
const { repeats } = data.dataset;
const MAX_SEARCH = 1_000;  // characters; `workbench view` takes no more
// A metric with one value for all rows marks none of them.
const firstMetric = Math.max(0, data.metrics.findIndex(({ kind }) => kind !== "column"));
const INITIAL = { metric: firstMetric, filter: "all", of: null, order: "wrong", search: "", page: 0,
  diff: false, row: null, reversed: false, slice: null };
const view = { ...INITIAL, hidden: new Set() };

const money = (value) => `${data.currency}\u00a0${small(value)}`;
const hasMetric = () => data.metrics.length > 0;
// In the place of a metric where nothing is measured
const UNMEASURED = { name: "", higher: true };
const metricOf = () => data.metrics[view.metric] ?? UNMEASURED;
const isPass = () => metricOf().kind === "pass";
const shown = () => bestFirst().filter((variant) => !view.hidden.has(variant));
const chosen = () => view.of == null ? shown() : [view.of];  // of a filter
const rowName = (number) => count(Math.floor(number / repeats) + 1)
  + (repeats > 1 ? ` (${number % repeats + 1})` : "");

// The mean with failed rows at the worst score; null where it is unknown.
function decisive(variant, metric) {
  if (!hasMetric()) return null;
  const result = data.variants[variant].metrics[data.metrics[metric].name];
  return result.worst ? result.worst.mean : result.worst_unknown ? null : result.mean;
}

// All variants, the best by the metric first; those without a mean last.
function bestFirst() {
  const { higher, headline } = metricOf(), order = data.variants.map((_, variant) => variant);
  const key = (variant) => {
    const mean = decisive(variant, view.metric);
    return mean == null ? -Infinity : higher ? mean : -mean;
  };
  const first = headline?.best ?? -1;
  order.sort((a, b) => (b === first) - (a === first) || key(b) - key(a) || a - b);
  return view.reversed ? order.reverse() : order;
}

function writeFragment() {
  const fields = new URLSearchParams();
  const add = (name, value) => fields.set(name, value);
  if (view.metric !== INITIAL.metric) add("metric", metricOf().name);
  if (view.filter !== INITIAL.filter) add("rows", view.filter);
  if (view.of != null) add("of", view.of + 1);
  if (view.slice != null) add("slice", data.slices.values[view.slice].value);
  if (view.order !== INITIAL.order) add("order", view.order);
  if (view.search) add("search", view.search);
  if (view.page) add("page", view.page + 1);
  if (view.hidden.size) add("hide", [...view.hidden].map((variant) => variant + 1).join(","));
  if (view.diff) add("diff", 1);
  if (view.row != null) add("row", view.row + 1);
  try {
    history.replaceState(null, "", `#${fields}`);
  } catch { /* a frame without an address of its own keeps no fragment */ }
}

function readFragment() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const get = (name) => fields.get(name) ?? "";
  const position = (text, most) => /^\d{1,9}$/.test(text) && text > 0 && text <= most
    ? text - 1 : null;
  const metric = data.metrics.findIndex(({ name }) => name === get("metric"));
  const slice = data.slices?.values.findIndex(({ value: name }) => name === fields.get("slice")) ?? -1;
  const hidden = get("hide").split(",").map((text) => position(text, data.variants.length));
  Object.assign(view, INITIAL, {
    metric: metric < 0 ? INITIAL.metric : metric,
    filter: Object.hasOwn(FILTERS, get("rows")) ? get("rows") : INITIAL.filter,
    of: position(get("of"), data.variants.length),
    slice: slice < 0 ? null : slice,
    order: Object.hasOwn(ORDERS, get("order")) ? get("order") : INITIAL.order,
    search: get("search").slice(0, MAX_SEARCH),
    page: position(get("page"), index.rows) ?? 0,
    diff: get("diff") === "1",
    row: position(get("row"), index.rows),
    hidden: new Set(hidden.filter((variant) => variant != null)),
  });
}
