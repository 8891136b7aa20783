// The list of rows: chips, controls, and a table with the answers side by side.

const PAGE = 50;
let listed = [];  // numbers of all rows in the list, in its order
let drawings = 0;

function drawChips() {
  const chips = Object.entries(FILTERS).filter(([, { applies }]) => applies?.() !== false);
  replace("chips", ...chips.map(([name, { label, title }]) => {
    const rows = filterCount(name, chosen());
    return el("button", { class: `chip${rows ? "" : " none"}`, title,
      "aria-pressed": String(view.filter === name), onclick: () => choose({ filter: name }) },
    label, " ", el("span", { class: "count" }, count(rows)));
  }));
}

// Change the view, and show its first page.
function choose(changes) {
  Object.assign(view, changes, { page: 0 });
  drawRows();
}

function choice(label, selected, options, change) {
  return el("label", {}, label, el("select", { "aria-label": label,
    onchange: (event) => change(event.target.value) },
    ...options.map(([name, text]) => el("option", { value: name, selected: selected === name }, text))));
}

function drawControls() {
  const variants = data.variants.map(({ name }, number) => [String(number), name]);
  const orders = Object.entries(ORDERS).filter(([, { applies }]) => applies?.() !== false);
  replace("controls",
    el("input", { type: "search", placeholder: "search inputs and outputs", value: view.search,
      maxlength: MAX_SEARCH, "aria-label": "search", oninput: (event) => choose({ search: event.target.value }) }),
    hasMetric() ? choice("metric", metricOf().name, data.metrics.map(({ name }) => [name, name]),
      (name) => chooseMetric(data.metrics.findIndex((metric) => metric.name === name))) : null,
    variants.length > 1 ? choice("variant", String(view.of ?? ""), [["", "any variant"], ...variants],
      (number) => choose({ of: number === "" ? null : Number(number) })) : null,
    sliceChoice(),
    choice("order", view.order, orders.map(([name, { label }]) => [name, label()]),
      (order) => choose({ order })),
    hasBaselines() ? el("label", {}, el("input", { type: "checkbox", checked: view.diff,
      onchange: (event) => {
        view.diff = event.target.checked;
        drawRows();
      } }), "difference from the baseline's output") : null,
    el("button", { id: "csv", onclick: downloadCsv }, "download as CSV"));
}

async function drawRows() {
  const drawing = ++drawings, list = await listRows();
  const pages = Math.max(1, Math.ceil(list.length / PAGE));
  view.page = Math.min(view.page, pages - 1);
  const rows = await source.rows(list.slice(view.page * PAGE, (view.page + 1) * PAGE));
  if (drawing !== drawings) return;  // the view has changed meanwhile
  listed = list;
  writeFragment();
  setTimeout(drawChips);  // their counts may wait for the rows
  const variants = shown();
  const turn = (by, text) => {
    const exists = view.page + by >= 0 && view.page + by < pages;
    return el("button", { "aria-disabled": String(!exists), onclick: () => {
      if (exists) { view.page += by; drawRows(); }
    } }, text);
  };
  const body = el("tbody", { onclick: clickRow, onkeydown: moveInList },
    ...(rows.length ? rows.map((row, place) => line(row, variants, place)) : [noRows(variants)]));
  replace("rows",
    el("div", { class: "controls", role: "status" }, turn(-1, "‹ previous"),
      `${count(list.length)} ${repeats > 1 ? "answers of each variant" : "rows"}, `
        + `page ${count(view.page + 1)} of ${count(pages)}`,
      turn(1, "next ›")),
    scrolled("answers", el("table", {}, columns(variants.length),
      el("thead", {}, el("tr", {}, el("th", {}, "#"), el("th", {}, "inputs"),
        el("th", {}, "expected"), ...variants.map(columnHead))), body)));
}

// The line of an empty list, with the way out
function noRows(variants) {
  const all = () => {
    choose({ filter: "all", of: null, search: "", slice: null });
    drawControls();
  };
  return el("tr", {}, el("td", { class: "soft", colspan: 3 + variants.length },
    "No row is in this list. ", el("button", { class: "link", onclick: all }, "show all rows")));
}

// The widths of the columns: equal ones for inputs and answers, as far as they can be read.
function columns(variants) {
  const key = 72, expected = 100, least = part("rows").clientWidth < 800 ? 112 : 132;
  const equal = Math.floor((part("rows").clientWidth - 2 - key - expected) / (variants + 1));
  const widths = [key, Math.max(150, Math.min(equal, 420)), expected];
  const left = part("rows").clientWidth - 18 - widths.reduce((sum, width) => sum + width);
  const answer = Math.max(least, Math.floor(left / Math.max(1, variants)));
  return el("colgroup", {}, ...[...widths, ...Array(variants).fill(answer)].map((width) =>
    el("col", { width })));
}

// Above a column: the metric with its interval, wrong and failed answers, tokens, latency, cost;
// of a chosen slice those of its rows
function columnHead(position) {
  const variant = data.variants[position], metric = metricOf(), slice = sliceResult(position);
  const result = slice ?? variant.metrics[metric.name];
  const counted = (name, label) => {
    if (FILTERS[name].applies?.() === false) return null;
    const rows = filterCount(name, [position]);
    return el("button", { class: rows ? "link" : "link none", title: `list the ${label} answers of `
      + variant.name, onclick: () => choose({ filter: name, of: position }) },
    `${count(rows)} ${label}`);
  };
  const used = [variant.tokens[0] == null ? "" : `${tokensText(variant.tokens)} tokens`,
    variant.latency == null ? "" : seconds(variant.latency),
    variant.cost == null ? "" : `${money(variant.cost)} / 1,000`];
  return el("th", { title: variant.name, scope: "col" },
    el("div", { class: "column-name" }, breakable(variant.name), marks(position)),
    ...(result ? measured(result) : []),
    el("div", { class: "figures" }, counted("wrong", "wrong"), counted("failed", "failed")),
    ...(slice ? [] : used.filter(Boolean).map((text) => el("small", {}, text))));
}

function measured(result) {
  const { median, worst } = result;
  const ends = interval(result) || (median ? withMedian(median, number) : "");
  return [el("div", { class: "figures" }, el("strong", {}, meanText(result)), " ",
    el("small", {}, ends)),
  worst ? el("small", { class: "state" }, `at worst ${number(worst.mean)} ${interval(worst)}`) : null];
}

function line(row, variants, place) {
  const open = el("button", { class: "open", "aria-label": `open row ${rowName(row.number)}`,
    tabindex: place ? -1 : 0, "data-row": row.number }, rowName(row.number));
  if (row.omitted) return el("tr", {}, el("td", {}, open), el("td", { class: "soft",
    colspan: 2 + variants.length }, "left out to keep this file small"));
  return el("tr", {},
    el("td", {}, open, el("small", { title: row.id }, row.id)),
    el("td", {}, el("div", { class: "answer" }, inputText(row)),
      ...(row.images || []).map((src) => el("img", { src, alt: "", loading: "lazy" }))),
    el("td", {}, el("div", { class: "answer" }, row.expected ?? "")),
    ...variants.map((variant) => answer(row, variant)));
}

function inputText(row) {
  return row.inputs.length === 1 ? row.inputs[0]
    : row.inputs.map((text, column) => `${data.columns[column]}: ${text}`).join("\n");
}

function answer(row, variant) {
  const cell = row.cells[variant];
  if (!cell) return el("td", { class: "soft" }, "not run");
  const used = [cell.tokens ? `${cell.tokens.map((tokens) => tokens ?? "–").join(" / ")} tokens` : "",
    cell.latency == null ? "" : seconds(cell.latency)].filter(Boolean).join(", ");
  return el("td", {}, el("div", { class: "answer" }, ...outputText(row, variant)),
    ...data.metrics.flatMap((metric, position) => {
      const mark = scoreMark(cell, metric, position, hasErrorOf(variant, position, row.number));
      return mark ? [mark, " "] : [];
    }),
    ...ratingMarks(cell),
    used ? el("small", { class: "used" }, used) : null);
}

// The output, or the reason of the failure; the words that changed, if the reader wants them
function outputText(row, variant) {
  const cell = row.cells[variant], { base } = data.variants[variant];
  const other = base == null ? null : row.cells[base];
  if (cell.state) return [el("span", { class: "state" }, cell.state)];
  return view.diff && other && !other.state ? words(other.text, cell.text) : [cell.text];
}

function scoreMark(cell, metric, position, isError) {
  const score = cell.scores[position];
  if (metric.kind === "column" || score == null && cell.state) return null;
  if (score == null) return el("span", { class: `word ${isError ? "fail" : "unclear"}` },
    `${metric.name} ${isError ? "error" : "–"}`);
  const kind = metric.kind !== "pass" ? "unclear" : score === metric.worst ? "fail" : "pass";
  const text = metric.kind === "pass" ? (score ? "✓" : "✗")
    : typeof score === "string" ? score : Number.isInteger(score) ? count(score) : number(score);
  return el("span", { class: `word ${kind}` }, `${metric.name} ${text}`);
}
