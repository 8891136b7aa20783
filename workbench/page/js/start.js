// The page, drawn once, and again when the fragment or the width changes.

function drawAll() {
  drawHeadline();
  drawMatrix();
  drawPlots();
  drawSlices();
  drawConfusions();
  drawControls();
  return drawRows();
}

async function show() {
  readFragment();
  const { row } = view;
  if (row == null && part("detail").open) part("detail").close();
  await drawAll();
  if (row != null) await openRow(row);
}

document.title = `${data.experiment}: comparison`;
replace("title", data.experiment);
replace("about", `${data.dataset.name}, ${count(data.dataset.rows)} rows`
  + `${repeats > 1 ? `, ${repeats} answers each` : ""}, digest ${data.dataset.digest.slice(0, 12)}; `
  + `${plural(data.variants.length, "variant")}.` + (hasVerdicts() ? " Verdicts are against the "
  + "baseline on the same rows, all variants of a metric together (Holm)." : ""));
replace("omitted", [data.omitted ? `The texts of ${plural(data.omitted, "row")} are left out to keep `
  + "this file small; every number and filter is of all rows." : "",
data.without_more ? `The rendered prompts and reasons of ${plural(data.without_more, "row")} are left `
  + "out, too." : ""].filter(Boolean).join(" "));
drawPrompts();
part("detail").addEventListener("close", closeRow);
part("detail").addEventListener("keydown", turnByKey);
part("detail").addEventListener("keydown", rateByKey);
startLive();
addEventListener("hashchange", show);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== width) drawRows();
  width = innerWidth;
});
show();
