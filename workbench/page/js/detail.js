// An opened row: its inputs, all outputs side by side with scores and reasons, rendered prompts.

let promptsOpen = false;

function clickRow(event) {
  const line = event.target.closest("tr"), open = line?.querySelector("button.open");
  const control = event.target.closest("a, button, input, label, select");
  if (open && (!control || control === open) && !String(getSelection()))
    openRow(Number(open.dataset.row));
}

// Up and down, or k and j, move between the rows of the list.
function moveInList(event) {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  const open = [...document.querySelectorAll("#rows button.open")];
  const next = open[open.indexOf(event.target) + step];
  if (!step || !open.includes(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  next?.focus();
}

async function openRow(number) {
  view.row = number;
  const [[row], more] = await Promise.all([source.rows([number]), source.more(number)]);
  if (view.row !== number) return;
  const dialog = part("detail"), at = listed.indexOf(number);
  writeFragment();
  replace("detail", detailHead(row, at), row.omitted
    ? el("p", { class: "soft" }, "The texts of this row are left out to keep this file small.")
    : detailBody(row, more));
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("h2").focus();
  dialog.scrollTop = 0;
}

const neighbour = (by) => {
  const at = listed.indexOf(view.row);
  return at < 0 ? listed[0] : listed[at + by];
};

function turnRow(by) {
  const next = neighbour(by);
  if (next != null) openRow(next);
}

function detailHead(row, at) {
  const turn = (by, text, key) => el("button", { "aria-disabled": String(neighbour(by) == null),
    title: `key ${key}`, onclick: () => turnRow(by) }, text);
  return el("header", {}, el("h2", { id: "detail-title", tabindex: -1 }, `Row ${rowName(row.number)}`,
    el("small", {}, `  ${row.id ?? ""}`)),
  el("small", {}, at < 0 ? "not in this list" : `${count(at + 1)} of ${count(listed.length)} in this list`),
  el("div", { class: "controls" }, turn(-1, "‹ previous", "k or ←"), turn(1, "next ›", "j or →"),
    el("button", { title: "key Escape", onclick: () => part("detail").close() }, "close")));
}

function detailBody(row, more) {
  const field = (name, text) => [el("dt", {}, name), el("dd", {}, text)];
  return el("div", {},
    el("dl", {}, ...row.inputs.flatMap((text, column) => field(data.columns[column], text)),
      ...(row.expected == null ? [] : field("expected", row.expected))),
    ...(row.images || []).map((src) => el("img", { src, alt: "" })),
    more || !shown().length ? null : el("p", { class: "soft" },
      "Rendered prompts and reasons of this row are left out to keep this file small."),
    el("div", { class: "side-by-side" }, ...shown().map((variant) =>
      detailAnswer(row, variant, more?.[variant]))));
}

function detailAnswer(row, variant, more) {
  const cell = row.cells[variant], title = el("h3", {}, breakable(data.variants[variant].name), marks(variant));
  if (!cell) return el("section", {}, title, el("p", { class: "soft" }, "not run"));
  const { tokens, latency, cost, trace } = cell;
  const used = [tokens && `${tokensText(tokens)} tokens in / out`, latency && seconds(latency),
    cost != null && money(cost)].filter(Boolean).join(", ");
  return el("section", {}, title,
    el("div", { class: "output" }, ...outputText(row, variant)),
    ...data.metrics.map((metric, position) => {
      const mark = scoreMark(cell, metric, position, hasErrorOf(variant, position, row.number));
      return mark && el("p", {}, mark, " ", el("span", { class: "soft" }, more?.reasons[position] ?? ""));
    }),
    ratingPart(row, variant),
    used ? el("p", { class: "soft" }, used) : null,
    trace ? el("p", {}, traceLink(trace)) : null,
    more?.prompt.length ? renderedPrompt(more.prompt) : null);
}

// A link to MLflow's page of a trace where something serves it, else the trace's id
function traceLink(trace) {
  const [experiment, id] = trace.split("/").map(encodeURIComponent);
  if (!/^https?:\/\//.test(data.mlflow))
    return el("small", {}, `trace ${id}: start `, el("code", {}, "workbench ui"), " to open it");
  const page = `${data.mlflow}/#/experiments/${experiment}/traces`;
  const link = el("a", { href: `${page}?selectedEvaluationId=${id}&traceId=${id}`, target: "_blank",
    rel: "noopener noreferrer" }, "trace in MLflow");
  return data.live || !data.mlflow.startsWith("http://127.0.0.1:") ? link
    : el("span", {}, link, el("small", {}, " while ", el("code", {}, "workbench ui"), " runs"));
}

// Open in all rows once the reader has opened one
function renderedPrompt(prompt) {
  return el("details", { open: promptsOpen, ontoggle: (event) => {
    promptsOpen = event.target.open;
    for (const other of document.querySelectorAll("#detail details")) other.open = promptsOpen;
  } }, el("summary", {}, "rendered prompt"),
  ...prompt.map(([role, text]) => el("div", {}, el("small", {}, role), el("pre", {}, text))));
}

async function closeRow() {
  const number = view.row;
  view.row = null;
  const page = Math.floor(listed.indexOf(number) / PAGE);
  if (page >= 0 && page !== view.page) {
    view.page = page;
    await drawRows();
  }
  writeFragment();
  document.querySelector(`#rows button[data-row="${number}"]`)?.focus();
}

function turnByKey(event) {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey
    || event.altKey) return;
  const step = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1 }[event.key];
  if (step) turnRow(step);
}
