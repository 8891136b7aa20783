// Numbers as text, with as many digits as the leaderboard shows.

const number = (value) => value == null ? "–"
  : Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en")
  : Math.abs(value) < 0.0005 && Math.abs(value) > 1e-12
    ? value.toLocaleString("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 })
    : value.toFixed(3);
const count = (value) => value.toLocaleString("en");
const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
const small = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
const signed = (value) => (value >= 0 ? "+" : "−") + (value && Math.abs(value) < 0.0005
  ? Math.abs(value).toPrecision(1) : number(Math.abs(value)));
const seconds = (value) => value < 1 ? `${Math.round(value * 1000)} ms` : `${small(value)} s`;
// Both ends on one line
const between = (low, high, format) => low == null && high == null ? ""
  : `[${low == null ? "–" : format(low)},\u00a0${high == null ? "–" : format(high)}]`;
const interval = ({ low, high }) => between(low, high, number);
const withEnds = ({ value, low, high }, format) =>
  `${format(value)} ${between(low, high, format)}`.trim();
const withMedian = (median, format) => `median ${withEnds(median, format)}`;
