// Lists of row numbers: filters with their counts, orders, and the search.

const hasBaselines = () => data.variants.some(({ base }) => base != null);

// Label, title, and if a row is in it; `applies` is false where it has no meaning.
const FILTERS = {
  all: { label: "All", title: "all rows", test: () => () => true },
  wrong: { label: "Wrong", title: "scored as wrong", applies: isPass, test: (variants, metric) =>
    (row) => variants.some((variant) => value(variant, metric, row) === data.metrics[metric].worst) },
  failed: { label: "Failed", title: "the answer failed, so it has no score",
    test: (variants) => (row) => variants.some((variant) => stateOf(variant, row) === FAILED) },
  changed: { label: "Changed", title: "another score than the baseline's", applies: hasBaselines,
    test: (variants, metric) => (row) => variants.some((each) => gain(each, metric, row) !== 0) },
  gained: { label: "Gained", title: "better than the baseline", applies: hasBaselines,
    test: (variants, metric) => (row) => variants.some((each) => gain(each, metric, row) > 0) },
  lost: { label: "Lost", title: "worse than the baseline", applies: hasBaselines,
    test: (variants, metric) => (row) => variants.some((each) => gain(each, metric, row) < 0) },
  disagree: { label: "Scores differ", title: "variants disagree in the metric",
    applies: () => shown().length > 1,
    test: (_, metric) => { const all = shown(); return (row) => disagrees(all, metric, row); } },
  outputs: { label: "Outputs differ", title: "variants gave different outputs",
    applies: () => shown().length > 1,
    test: () => { const all = shown(); return (row) => outputsDiffer(all, row); } },
  errors: { label: "Evaluator errors", title: "an evaluator failed on the answer",
    test: (variants) => (row) => variants.some((variant) => hasError(variant, row)) },
  suspect: { label: "Suspect labels", title: "wrong in all strong variants: check the label",
    applies: () => data.variants.length > 1,
    test: (_, metric) => (row) => index.suspect[metric].has(Math.floor(row / repeats)) },
  missing: { label: "Not run", title: "no answer yet", applies: () =>
    data.variants.some(({ rows }) => rows.not_run),
  test: (variants) => (row) => variants.some((variant) => stateOf(variant, row) === NOT_RUN) },
};
const filterTest = (name) => FILTERS[name].test(chosen(), view.metric);

function filterCount(name) {
  const test = filterTest(name);
  let rows = 0;
  for (let row = 0; row < index.rows; row++) if (test(row)) rows += 1;
  return rows;
}

// Label and the key of a row; the smallest comes first.
const ORDERS = {
  wrong: { label: () => isPass() ? "failed and wrong first" : "failed and worst scores first",
    key: (row) => quality(shown(), view.metric, row) },
  loss: { label: () => "greatest loss first", applies: hasBaselines, key: (row) =>
    Math.min(0, ...shown().map((variant) => gain(variant, view.metric, row))) },
  gain: { label: () => "greatest gain first", applies: hasBaselines, key: (row) =>
    -Math.max(0, ...shown().map((variant) => gain(variant, view.metric, row))) },
  spread: { label: () => "greatest disagreement first", applies: () => shown().length > 1,
    key: (row) => -spread(shown(), view.metric, row) },
  dataset: { label: () => "as in the dataset", key: null },
};

// The numbers of the rows that the view lists, in their order.
async function listRows() {
  const all = view.search ? await source.search(view.search)
    : Array.from({ length: index.rows }, (_, row) => row);
  const numbers = all.filter(filterTest(view.filter)), { key } = ORDERS[view.order];
  if (!key) return numbers;
  const keys = new Map(numbers.map((row) => [row, key(row)]));
  const difference = (a, b) => keys.get(a) === keys.get(b) ? 0 : keys.get(a) - keys.get(b);
  return numbers.sort((a, b) => difference(a, b) || a - b);
}
