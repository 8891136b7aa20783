// Lists of row numbers: filters with their counts, orders, and the search.

const hasBaselines = () => data.variants.some(({ base }) => base != null);
const hasVerdicts = () => hasMetric() && hasBaselines();

// Label, title, and the test of a row by variants and metric; `applies` is false where a filter
// has no meaning.
const FILTERS = {
  all: { label: "All", title: "all rows", test: () => () => true },
  wrong: { label: "Wrong", title: "scored as wrong", applies: isPass, test: (variants, metric) =>
    (row) => variants.some((variant) => value(variant, metric, row) === metricOf().worst) },
  right: { label: "Right", title: "scored as right", applies: isPass, test: (variants, metric) =>
    (row) => variants.some((variant) => value(variant, metric, row) === 1 - metricOf().worst) },
  failed: { label: "Failed", title: "the answer failed, so it has no score",
    test: (variants) => (row) => variants.some((variant) => stateOf(variant, row) === FAILED) },
  changed: { label: "Changed", title: "another score than the baseline's", applies: hasVerdicts,
    test: (variants, metric) => (row) => variants.some((each) => gain(each, metric, row) !== 0) },
  gained: { label: "Gained", title: "better than the baseline", applies: hasVerdicts,
    test: (variants, metric) => (row) => variants.some((each) => gain(each, metric, row) > 0) },
  lost: { label: "Lost", title: "worse than the baseline", applies: hasVerdicts,
    test: (variants, metric) => (row) => variants.some((each) => gain(each, metric, row) < 0) },
  disagree: { label: "Scores differ", title: "variants disagree in the metric",
    applies: () => hasMetric() && shown().length > 1,
    test: (_, metric) => { const all = shown(); return (row) => disagrees(all, metric, row); } },
  outputs: { label: "Outputs differ", title: "variants gave different outputs",
    applies: () => shown().length > 1,
    test: () => { const all = shown(); return (row) => outputsDiffer(all, row); } },
  errors: { label: "Evaluator errors", title: "an evaluator failed on the answer",
    applies: hasMetric,
    test: (variants) => (row) => variants.some((variant) => hasError(variant, row)) },
  suspect: { label: "Suspect labels", title: "wrong in all strong variants: check the label",
    applies: () => hasMetric() && data.variants.length > 1,
    test: (_, metric) => (row) => index.suspect[metric]?.has(Math.floor(row / repeats)) },
  rated_bad: { label: "Rated bad", title: "a person rated the answer as bad", applies: anyRated,
    test: isRated("bad") },
  rated_good: { label: "Rated good", title: "a person rated the answer as good", applies: anyRated,
    test: isRated("good") },
  missing: { label: "Not run", title: "no answer yet", applies: () =>
    data.variants.some(({ rows }) => rows.not_run),
  test: (variants) => (row) => variants.some((variant) => stateOf(variant, row) === NOT_RUN) },
};

// Number of rows by filter, metric and variants: it is counted once.
const counts = new Map();

function filterCount(name, variants) {
  const key = [name, view.metric, view.slice, variants, [...view.hidden].sort()].join("|");
  if (!counts.has(key)) {
    const test = FILTERS[name].test(variants, view.metric);
    let rows = 0;
    for (let row = 0; row < index.rows; row++) if (isInSlice(row) && test(row)) rows += 1;
    counts.set(key, rows);
  }
  return counts.get(key);
}

// Label, and the key of a row by variants and metric; the smallest comes first.
const ORDERS = {
  wrong: { label: () => !hasMetric() ? "failed first" : isPass() ? "failed and wrong first"
    : "failed and worst scores first",
    key: (variants, metric) => (row) => quality(variants, metric, row) },
  loss: { label: () => "greatest loss first", applies: hasVerdicts, key: (variants, metric) =>
    (row) => Math.min(0, ...variants.map((variant) => gain(variant, metric, row))) },
  gain: { label: () => "greatest gain first", applies: hasVerdicts, key: (variants, metric) =>
    (row) => -Math.max(0, ...variants.map((variant) => gain(variant, metric, row))) },
  spread: { label: () => "greatest disagreement first",
    applies: () => hasMetric() && shown().length > 1,
    key: (variants, metric) => (row) => -spread(variants, metric, row) },
  dataset: { label: () => "as in the dataset", key: () => () => 0 },
};

// The numbers of the rows that the view lists, in their order.
async function listRows() {
  const all = view.search ? await source.search(view.search)
    : Array.from({ length: index.rows }, (_, row) => row);
  const numbers = all.filter(isInSlice).filter(FILTERS[view.filter].test(chosen(), view.metric));
  const keyOf = ORDERS[view.order].key(shown(), view.metric), keys = new Float64Array(index.rows);
  for (const row of numbers) keys[row] = keyOf(row);
  return numbers.sort((a, b) => keys[a] === keys[b] ? a - b : keys[a] - keys[b]);
}
