// The rows of the list as CSV: RFC 4180 with LF, and no cell that a spreadsheet evaluates.

const FILLERS = /[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]/;  // letters that show nothing
const BLANK = /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\ufe00-\ufe0f]/u;

// True if a spreadsheet could evaluate the text; leading apostrophes are ignored.
function isFormula(text) {
  if (/^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text)) return false;
  for (const character of text.replace(/^'+/, "")) {
    if ("\t\r\n".includes(character)) return true;
    if (!BLANK.test(character) && !FILLERS.test(character))
      return "=+-@".includes(character.normalize("NFKC")[0]);
  }
  return false;
}

function csvCell(cell) {
  if (cell == null) return "";
  if (typeof cell !== "string") return String(cell);
  const text = cell.replaceAll("\0", "\ufffd");
  return `"${(isFormula(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

const csvLine = (cells) => `${cells.map(csvCell).join(",")}\n`;

function csvHead(variants) {
  const names = data.metrics.map(({ name }) => name);
  return csvLine(["row", "id", ...(repeats > 1 ? ["repeat"] : []), ...data.columns, "expected",
    ...variants.flatMap((variant) => ["output", "failure", ...names, "input_tokens",
      "output_tokens", "latency_s", "cost"].map((name) => `${data.variants[variant].name}: ${name}`))]);
}

function csvRow(row, variants) {
  const { number, omitted } = row;
  if (omitted) return csvLine([Math.floor(number / repeats) + 1, "left out of this file"]);
  return csvLine([Math.floor(number / repeats) + 1, row.id, ...(repeats > 1 ? [row.repeat + 1] : []),
    ...row.inputs, row.expected, ...variants.flatMap((variant) => {
      const cell = row.cells[variant];
      const [input, output] = cell?.tokens ?? [];
      return cell ? [cell.state ? null : cell.text, cell.state || null, ...cell.scores, input, output,
        cell.latency, cell.cost] : Array(6 + data.metrics.length).fill(null);
    })]);
}

async function csvText() {
  const variants = shown(), lines = [csvHead(variants)];
  for (let start = 0; start < listed.length; start += 500)
    for (const row of await source.rows(listed.slice(start, start + 500)))
      lines.push(csvRow(row, variants));
  return lines.join("");
}

async function downloadCsv() {
  const url = URL.createObjectURL(new Blob([await csvText()], { type: "text/csv" }));
  el("a", { href: url, download: `${data.experiment}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
