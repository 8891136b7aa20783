// Numbers as text, with as many digits as the leaderboard shows.

const number = (value) => value == null ? "–"
  : Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(3);
const count = (value) => value.toLocaleString("en");
const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
const small = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
const signed = (value) => (value >= 0 ? "+" : "−") + (value && Math.abs(value) < 0.0005
  ? Math.abs(value).toPrecision(1) : number(Math.abs(value)));
const seconds = (value) => value < 1 ? `${Math.round(value * 1000)} ms` : `${small(value)} s`;
const interval = ({ low, high }) => low == null ? "" : `[${number(low)}, ${number(high)}]`;

const withEnds = ({ value, low, high }, format) => format(value) + (low == null && high == null
  ? "" : ` [${low == null ? "–" : format(low)}, ${high == null ? "–" : format(high)}]`);
const withMedian = (median, format) => `median ${withEnds(median, format)}`;
