// The index over all rows as typed arrays: what filters, orders and counts read, without any text.

const FAILED = 3, NOT_RUN = 4;  // of the states; the others are those of scored answers

function decodeIndex({ rows, suspect, slices, variants }) {
  const codes = (text) => Uint16Array.from(text, (letter) => letter.charCodeAt(0) - 48);
  return {
    rows,
    suspect: suspect.map((numbers) => new Set(numbers)),
    slices: codes(slices),
    variants: variants.map(({ states, outputs, metrics }) => ({
      states: codes(states),
      outputs: codes(outputs),
      metrics: metrics.map(({ values, errors }) => {
        let decoded = null;  // only the metrics that are looked at
        return { errors: new Set(errors),
          get values() { return decoded ||= decodeValues(values, rows); } };
      }),
    })),
  };
}

// A metric's numbers by row; NaN: there is none.
function decodeValues(values, rows) {
  if (typeof values !== "string")
    return Float64Array.from(values, (value) => value == null ? NaN : value);
  const decoded = new Float64Array(rows).fill(NaN);
  for (let row = 0; row < values.length; row++)
    if (values[row] !== "-") decoded[row] = values.charCodeAt(row) - 48;
  return decoded;
}

const value = (variant, metric, row) =>
  index.variants[variant].metrics[metric]?.values[row] ?? NaN;
const stateOf = (variant, row) => index.variants[variant].states[row];

const hasErrorOf = (variant, metric, row) =>
  index.variants[variant].metrics[metric]?.errors.has(row) ?? false;

// The answer failed, or could not be scored; without a score it is not applicable otherwise.
const isLost = (variant, metric, row) => stateOf(variant, row) === FAILED
  || hasErrorOf(variant, metric, row);

const hasError = (variant, row) =>
  index.variants[variant].metrics.some(({ errors }) => errors.has(row));

// How much better an answer is than the baseline's; infinite where one of them failed.
function gain(variant, metric, row) {
  const { base } = data.variants[variant];
  if (base == null || stateOf(base, row) === NOT_RUN || stateOf(variant, row) === NOT_RUN) return 0;
  const before = value(base, metric, row), after = value(variant, metric, row);
  const isNew = Number.isNaN(before), isGone = Number.isNaN(after);
  if (before === after || isNew && isGone) return 0;
  if (isNew) return isLost(base, metric, row) ? Infinity : 0;
  if (isGone) return isLost(variant, metric, row) ? -Infinity : 0;
  if (data.metrics[metric].kind === "category") return 0;
  return data.metrics[metric].higher ? after - before : before - after;
}

// The variants have different values, or only some of them have one.
function disagrees(variants, metric, row) {
  const run = variants.filter((variant) => stateOf(variant, row) !== NOT_RUN);
  const values = run.map((variant) => value(variant, metric, row));
  return values.some((each) => !Object.is(each, values[0]));
}

function outputsDiffer(variants, row) {
  const scored = variants.filter((variant) => stateOf(variant, row) < FAILED);
  const first = index.variants[scored[0]]?.outputs[row];
  return scored.some((variant) => index.variants[variant].outputs[row] !== first);
}

// Difference between the best and the worst answer; infinite where one of them failed.
function spread(variants, metric, row) {
  const run = variants.filter((variant) => stateOf(variant, row) !== NOT_RUN);
  const values = run.map((variant) => value(variant, metric, row));
  const scores = values.filter((each) => !Number.isNaN(each));
  if (!scores.length) return 0;
  if (run.some((variant) => isLost(variant, metric, row))) return Infinity;
  return data.metrics[metric].kind === "category" ? new Set(scores).size - 1
    : Math.max(...scores) - Math.min(...scores);
}

// The mean score, a failed answer far below all; infinite where no answer counts.
function quality(variants, metric, row) {
  let sum = 0, answers = 0;
  for (const variant of variants) {
    if (stateOf(variant, row) === NOT_RUN) continue;
    const score = value(variant, metric, row), lost = isLost(variant, metric, row);
    if (Number.isNaN(score) && !lost) continue;
    sum += lost ? -1e6 : data.metrics[metric].higher ? score : -score;
    answers += 1;
  }
  return answers ? sum / answers : Infinity;
}
