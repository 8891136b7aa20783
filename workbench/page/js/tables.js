// Tables of answered and expected labels, and the changes of prompts.

const UNSCORED = new Set(["not applicable", "error", "failed"]);

function drawConfusions() {
  part("confusion-part").hidden = !data.confusions.length;
  replace("confusion", ...data.confusions.flatMap((table) =>
    shown().map((variant) => confusion(table, variant))));
}

function confusion({ metric, expected, columns, counts }, variant) {
  const title = `${data.variants[variant].name} · ${metric}`, table = counts[variant];
  const right = table.reduce((sum, line, row) => sum + line[row], 0);
  const left = columns.map((name, column) => column >= expected.length && UNSCORED.has(name));
  const scored = table.flat().reduce((sum, answers, at) =>
    sum + (left[at % columns.length] ? 0 : answers), 0);
  return el("div", {},
    el("p", {}, title, el("small", {}, ` ${count(right)} right of ${count(scored)}`)),
    scrolled(title, el("table", {},
      el("thead", {}, el("tr", {}, el("th", {}, "expected ↓ answered →"),
        ...columns.map((label) => el("th", {}, label)))),
      el("tbody", {}, ...expected.map((label, row) => el("tr", {}, el("th", {}, label),
        ...columns.map((_, column) => el("td",
          { class: `number ${column === row ? "pass" : ""}` }, count(table[row][column])))))))));
}

function drawPrompts() {
  replace("prompts", ...data.diffs.map((diff) => el("details", {},
    el("summary", {}, `${diff.before} → ${diff.after}`),
    el("pre", {}, ...diff.lines.slice(2).map((line) => line.startsWith("+")
      ? el("ins", {}, line) : line.startsWith("-") ? el("del", {}, line) : `${line}\n`)))));
  part("prompts-part").hidden = !data.diffs.length;
}
