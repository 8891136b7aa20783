// People's ratings of answers. Before `workbench view` the reader rates, by buttons or keys.

const ratingWord = (good) => good ? "good" : "bad";
const canRate = () => data.live?.can_rate === true;
let rated = 0;  // position of the variant that keys rate, among the shown ones

// Numbers of rows by variant and value, which filters read
const ratedRows = data.variants.map((_, variant) => ({
  good: new Set(data.index.rated?.[variant]?.good), bad: new Set(data.index.rated?.[variant]?.bad),
}));
const anyRated = () => ratedRows.some(({ good, bad }) => good.size || bad.size);
const isRated = (word) => (variants) => (row) =>
  variants.some((variant) => ratedRows[variant][word].has(row));

// The marks below an answer in the list
function ratingMarks(cell) {
  return (cell.ratings || []).map(({ person, good, comment }) => el("span",
    { class: `word ${good ? "pass" : "fail"}`, title: comment }, `${person}: ${ratingWord(good)}`));
}

// Ratings of an answer in the opened row, with the reader's own as a form
function ratingPart(row, variant) {
  const cell = row.cells[variant], place = el("div", { class: "ratings" });
  const draw = (message = "") => {
    const controls = () => [...place.querySelectorAll("button, input")];
    const focused = controls().indexOf(document.activeElement);
    const others = (cell.ratings || []).filter(({ person }) =>
      !canRate() || person !== data.live.person);
    place.replaceChildren(...others.map(({ person, good, comment }) => el("p", {},
      el("span", { class: `word ${good ? "pass" : "fail"}` }, `${person}: ${ratingWord(good)}`),
      " ", comment)), ...(canRate() && cell.answer ? [ratingForm(row, variant, draw, message)] : []));
    controls()[focused]?.focus();
  };
  draw();
  if (canRate()) queueMicrotask(() => markRated());
  return place;
}

function ratingForm(row, variant, draw, message) {
  const cell = row.cells[variant], { person } = data.live;
  const before = cell.ratings.find((rating) => rating.person === person);
  const field = el("input", { class: "comment", maxlength: 10_000, placeholder: "comment",
    "aria-label": "comment", title: "key c; Enter saves", value: before?.comment ?? "" });
  let sent = before;
  const save = async (good) => {
    const comment = good == null ? "" : field.value;
    if (sent?.good === good && sent.comment === comment) return;
    sent = { good, comment };
    try {
      const { ratings } = await request("rate", { method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ number: row.number, variant, answer: cell.answer, good, comment }) });
      cell.ratings = ratings;
      for (const [word, rows] of Object.entries(ratedRows[variant])) {
        if (ratings.some((rating) => ratingWord(rating.good) === word)) rows.add(row.number);
        else rows.delete(row.number);
      }
      drawRows();
      draw(good == null ? "removed" : "saved");
    } catch (error) {
      sent = before;
      status.textContent = `not saved: ${error.message}`;
    }
  };
  const button = (value, key) => el("button", { title: `key ${key}`, "data-rating": key,
    "aria-pressed": String(before?.good === value), onclick: () => save(value) }, ratingWord(value));
  const status = el("small", { role: "status" }, message || (before ? `rated by ${person}` : ""));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();  // the dialog stays open
    if (event.key === "Escape") field.value = before?.comment ?? "";
    else if (before) save(before.good);
    else status.textContent = "good or bad?";
    part("detail").querySelector("h2").focus({ preventScroll: true });
  });
  field.addEventListener("change", () => { if (before) save(before.good); });
  return el("div", { class: "controls" }, button(true, "g"), button(false, "b"), field,
    before ? el("button", { onclick: () => save(null) }, "remove") : null, status);
}

// Mark the answer that keys rate; return its section.
function markRated() {
  const sections = [...document.querySelectorAll("#detail .side-by-side > section")];
  const section = sections[Math.min(rated, sections.length - 1)];
  for (const other of sections)
    other.classList.toggle("rated", other === section && sections.length > 1);
  return section;
}

// In an opened row: g and b rate an answer, c goes to its comment, and a digit chooses the answer.
function rateByKey(event) {
  if (!canRate() || event.target.closest("input, select, textarea") || event.ctrlKey
    || event.metaKey || event.altKey) return;
  if (/^[1-9]$/.test(event.key)) rated = event.key - 1;
  const section = markRated();
  if (event.key === "g" || event.key === "b") section?.querySelector(`[data-rating="${event.key}"]`)?.click();
  else if (event.key === "c") section?.querySelector(".comment")?.focus();
  else return;
  event.preventDefault();
}
