// The index over all rows as typed arrays: filters, orders and counts, without any text.

const OK = 0, TRUNCATED = 1, REFUSED = 2, FAILED = 3, NOT_RUN = 4;

// Numbers of a metric by row; NaN: there is none.
function decodeValues(values, rows) {
  if (typeof values !== "string")
    return Float64Array.from(values, (value) => value == null ? NaN : value);
  const decoded = new Float64Array(rows).fill(NaN);
  for (let row = 0; row < values.length; row++)
    if (values[row] !== "-") decoded[row] = values.charCodeAt(row) - 48;
  return decoded;
}

function decodeIndex({ rows, suspect, variants }) {
  const codes = (text) => Uint16Array.from(text, (letter) => letter.charCodeAt(0) - 48);
  return {
    rows,
    suspect: suspect.map((numbers) => new Set(numbers)),
    variants: variants.map(({ states, outputs, metrics }) => ({
      states: codes(states),
      outputs: codes(outputs),
      metrics: metrics.map(({ values, errors }) => ({
        values: decodeValues(values, rows), errors: new Set(errors) })),
    })),
  };
}
