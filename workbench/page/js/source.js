// Rows of the file, from its data blocks. A source has
//   rows(numbers)  a promise of the row details with these numbers, in this order, without `more`
//   more(number)   a promise of the `more` of a row: a list by variant, or null if it was left out
//   search(text)   a promise of the numbers of rows that contain the text, ascending
// A row that is not in the file is {number, omitted: true}.

function fileSource() {
  const BLOCK_ROWS = 200;
  const blocks = new Map(), details = new Map();
  const parsed = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
  let shared = null;

  function block(index) {
    if (!blocks.has(index)) {
      const rows = parsed(`rows-${index}`) || [];
      blocks.set(index, new Map(rows.map((row) => [row.number, row])));
    }
    return blocks.get(index);
  }

  // Prompts and reasons of a row, if the file has them
  function more(number) {
    const index = Math.floor(number / BLOCK_ROWS);
    if (!details.has(index)) {
      const rows = parsed(`more-${index}`) || [];
      details.set(index, new Map(rows.map((row) => [row.number, row.more])));
    }
    shared ||= parsed("shared") || [];
    const cells = details.get(index).get(number);
    return cells ? cells.map((cell) => cell && { ...cell, prompt: cell.prompt.map(
      ([role, text]) => [role, typeof text === "number" ? shared[text] : text]) }) : null;
  }

  const row = (number) => block(Math.floor(number / BLOCK_ROWS)).get(number)
    || { number, omitted: true };

  const contains = (row, wanted) => {
    const holds = (text) => text.toLowerCase().includes(wanted);
    return holds(row.id) || row.inputs.some(holds) || row.expected != null && holds(row.expected)
      || row.cells.some((cell) => cell && (holds(cell.text) || holds(cell.state)));
  };

  return {
    rows: async (numbers) => numbers.map(row),
    more: async (number) => {
      if (document.readyState === "loading")  // these blocks come after the script
        await new Promise((read) => document.addEventListener("DOMContentLoaded", read));
      return more(number);
    },
    search: async (text) => {
      const wanted = text.toLowerCase(), numbers = [];
      for (let index = 0; index * BLOCK_ROWS < data.index.rows; index++)
        for (const row of block(index).values()) if (contains(row, wanted)) numbers.push(row.number);
      return numbers;
    },
  };
}
