// The headline, and the table of variants: every metric with its interval and its verdict.

const NO_INTERVAL = "no range, and below 350 rows rare large values may not have been seen: "
  + "the mean has no interval, its median has one";
const NOTHING_MEASURED = "Nothing is measured: the experiment has no evaluators.";
// The axes of the plots, if a variant has a value.
const AXES = [["cost", `${data.currency} / 1,000 rows`], ["latency", "latency, s"]]
  .filter(([name]) => data.variants.some((variant) => variant[name] != null));
const hasTokens = data.variants.some(({ tokens }) => tokens[0] != null);

function drawHeadline() {
  const [first, ...others] = hasMetric() ? metricOf().headline?.sentences ?? [] : [NOTHING_MEASURED];
  part("headline").hidden = !first;
  if (first) replace("headline", el("strong", {}, first), ` ${others.join(" ")}`);
}

function chooseMetric(metric) {
  view.reversed = view.metric === metric && !view.reversed;
  view.metric = metric;
  view.page = 0;
  if (FILTERS[view.filter].applies?.() === false) view.filter = "all";
  drawAll();
}

function drawMatrix() {
  const direction = metricOf().higher !== view.reversed ? "descending" : "ascending";
  const head = el("tr", {}, el("th", {}, "show"), el("th", {}, "variant"),
    ...data.metrics.map((metric, number) => el("th",
      { class: "number", "aria-sort": view.metric === number ? direction : "none" },
      el("button", { title: "order by this metric", onclick: () => chooseMetric(number) },
        metric.name + (metric.unit ? ` (${metric.unit})` : "")))),
    el("th", { class: "number" }, "rows"),
    hasTokens ? el("th", { class: "number" }, "tokens in / out") : null,
    ...AXES.map(([, title]) => el("th", { class: "number" }, title)));
  replace("matrix", scrolled("variants", el("table", {}, el("thead", {}, head),
    el("tbody", {}, ...bestFirst().map(matrixLine)))));
}

function matrixLine(number) {
  const variant = data.variants[number], { rows } = variant;
  const box = el("input", { type: "checkbox", checked: !view.hidden.has(number),
    "aria-label": `show ${variant.name}`, onchange: (event) => {
      if (event.target.checked) view.hidden.delete(number); else view.hidden.add(number);
      if (view.of === number) view.of = null;
      drawRows();
      drawSlices();
      drawConfusions();
    } });
  const missing = [rows.failed ? `${count(rows.failed)} failed` : "",
    rows.not_run ? `${count(rows.not_run)} not run` : ""].filter(Boolean).join(", ");
  return el("tr", {}, el("td", {}, box),
    el("td", { class: "name" }, el("small", {}, `${number + 1}  `), breakable(variant.name), marks(number),
      variant.note ? el("small", { class: "why" }, variant.note) : null,
      variant.stopped ? el("small", { class: "why" }, variant.stopped) : null),
    ...data.metrics.map((metric) => matrixCell(variant, metric)),
    el("td", { class: "number" }, `${count(rows.scored)} of ${count(rows.planned)}`,
      missing ? el("small", { class: "state" }, missing) : null),
    hasTokens ? el("td", { class: "number" }, tokensText(variant.tokens)) : null,
    ...AXES.map(([name]) => el("td", { class: "number" },
      variant[name] == null ? "–" : small(variant[name]),
      name === "latency" ? quantiles(variant.times) : null)));
}

const tokensText = ([input, output]) => input == null || output == null ? "–"
  : `${count(input)} / ${count(output)}`;

// Marks of the baseline, and of the variant that the headline names
function marks(number) {
  const { headline } = metricOf(), { base } = data.variants[number];
  const isBaseline = data.variants.some((other) => other.base === number);
  return el("span", { class: "marks" }, isBaseline || base == null && hasBaselines()
    ? el("span", { class: "word unclear" }, "baseline") : null,
  headline?.best === number && data.variants.length > 1
    ? el("span", { class: `word ${headline.clear ? "better" : "unclear"}` },
      headline.clear ? "best" : "leads") : null);
}

function matrixCell(variant, metric) {
  const { low, median, n, clusters, errors, not_applicable: inapplicable, worst,
    worst_unknown: unknown } = variant.metrics[metric.name];
  const comparison = variant.comparisons[metric.name];
  const parts = [el("strong", {}, meanText(variant.metrics[metric.name]))];
  if (low != null) parts.push(el("small", {}, interval(variant.metrics[metric.name])));
  if (median) parts.push(el("small", { title: NO_INTERVAL }, withMedian(median, number)));
  const notes = [`n=${count(n)}`, clusters && clusters < n && `${count(clusters)} clusters`,
    errors && plural(errors, "error"), inapplicable && `${count(inapplicable)} not applicable`,
    unknown && (metric.kind === "column" ? "without failed rows"
      : "worst case unknown: no range")];
  parts.push(el("small", {}, notes.filter(Boolean).join(", ")));
  if (worst) parts.push(el("small", { class: "state" },
    `at worst ${number(worst.mean)} ${interval(worst)} n=${count(worst.n)}`));
  if (comparison) parts.push(...verdict(comparison));
  return el("td", { class: "number" }, ...parts);
}

const meanText = ({ mean, outcomes }) => mean != null ? number(mean)
  : Object.entries(outcomes).map(([name, answers]) => `${count(answers)} ${name}`).join(", ") || "no value";

function verdict(comparison) {
  const { verdict: outcome, p_adjusted: p, rows, test, difference } = comparison;
  const word = comparison.reason ? "no verdict"
    : outcome === "not enough evidence" ? "unclear" : outcome;
  return [el("span", { class: `word ${comparison.reason ? "unclear" : word}`,
    title: `p = ${p.toPrecision(3)}, ${plural(rows, "row")}, ${test}` },
  `${signed(difference)} ${word}`), ...evidence(comparison)];
}

// Median and 95th percentile of the answers' times
function quantiles(times) {
  if (!times) return null;
  const { median, p95, n } = times;
  return el("span", {}, ...[withMedian(median, small), `p95 ${withEnds(p95, small)}`,
    `n=${count(n)}`].map((text) => el("small", {}, text)));
}

// Interval, rows needed, rows left out and worst case of a comparison
function evidence(comparison) {
  const ends = ({ low, high, median }) => median ? withMedian(median, signed)
    : between(low, high, signed);
  const lines = [ends(comparison)];
  if (comparison.verdict_alone) lines.push(`Holm; alone ${comparison.verdict_alone}`);
  if (comparison.reason) lines.push(comparison.reason);
  const { rows_needed: most, rows_needed_low: least } = comparison;
  if (most)
    lines.push(`${least < most ? `${count(least)} to` : "about"} ${count(most)} rows needed`);
  if (comparison.left_out) lines.push(`${plural(comparison.left_out, "row")} left out`);
  const worst = comparison.worst_case;
  if (comparison.not_applicable)
    lines.push(`${count(comparison.not_applicable)} not applicable`);
  if (worst) lines.push(`worst case ${signed(worst.difference)} ${ends(worst)}, `
    + worst.verdict);
  else if (comparison.worst_case_unknown) lines.push("worst case unknown: no range");
  return lines.filter(Boolean).map((text) => el("small", {}, text));
}
