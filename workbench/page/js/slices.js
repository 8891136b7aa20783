// Slices: the variants within each value of a column, and the choice of one for the list.

// True if the list, which may be restricted to a slice, can have the row.
const isInSlice = (row) => view.slice == null
  || index.slices[Math.floor(row / repeats)] === view.slice;

function drawSlices() {
  const { slices } = data;
  part("slice-part").hidden = !slices;
  if (!slices) return;
  const metric = metricOf().name, variants = shown();
  replace("slice-title", `By ${slices.column}`);
  const tests = (slices.tests[metric] ?? []).map((text) => el("p", {}, text));
  if (slices.omitted) tests.push(el("p", { class: "soft" }, `${plural(slices.omitted,
    "smaller slice")} left out; workbench compare --json lists all.`));
  if (!Object.hasOwn(slices.values[0].variants[0], metric))
    return replace("slices", el("p", { class: "soft" }, `${metric} has no value of a row.`));
  replace("slices", scrolled("slices", el("table", {},
    el("thead", {}, el("tr", {}, el("th", {}, slices.column), el("th", { class: "number" }, "rows"),
      ...variants.map((variant) => el("th", { class: "number" }, breakable(data.variants[variant].name))))),
    el("tbody", {}, ...slices.values.map(({ value: name, rows, variants: values }, position) =>
      el("tr", {}, el("td", { class: "name" }, el("button", { class: "link",
        title: `list the rows with ${name}`, onclick: () => chooseSlice(position) }, name)),
      el("td", { class: "number" }, count(rows)),
      ...variants.map((variant) => sliceCell(values[variant][metric]))))))), ...tests);
}

function sliceCell({ mean, low, high, n, median, comparison, unpaired }) {
  if (!n) return el("td", { class: "number soft" }, "no value");
  return el("td", { class: "number" }, el("strong", {}, number(mean)),
    el("small", {}, interval({ low, high }) || (median ? withMedian(median, number) : "")),
    el("small", {}, `n=${count(n)}`),
    unpaired ? el("small", { class: "state" }, comparison
      ? "failed answers at the worst score" : "no row has a score of both") : null,
    ...comparison ? verdict(comparison).slice(0, 2) : []);  // the word and its interval
}

// The chosen slice's result of a variant; null: no slice is chosen.
const sliceResult = (position) => view.slice == null ? null
  : { outcomes: {}, ...data.slices.values[view.slice].variants[position][metricOf().name] };

function chooseSlice(position) {
  choose({ slice: position });
  drawControls();
  part("controls").scrollIntoView({ block: "nearest" });
}

// The control above the list
function sliceChoice() {
  if (!data.slices) return null;
  const values = data.slices.values.map(({ value: name }, position) => [String(position), name]);
  return choice(data.slices.column, String(view.slice ?? ""), [["", "any"], ...values],
    (position) => choose({ slice: position === "" ? null : Number(position) }));
}
