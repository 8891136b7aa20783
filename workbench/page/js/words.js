// A diff by the longest common subsequence of words: deleted words, then inserted ones. Words after
// the first 300 are shown without a diff.

function words(before, after) {
  const split = (text) => text.split(/(?<=\s)(?=\S)/);
  const a = split(before).slice(0, 300), b = split(after), rest = b.splice(300);
  const same = (i, j) => i < a.length && j < b.length && a[i].trim() === b[j].trim();
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i][j] = same(i, j) ? length[i + 1][j + 1] + 1
        : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const parts = [];
  const run = (tag, text) => {
    if (parts.at(-1)?.localName === tag) parts.at(-1).append(text);
    else parts.push(el(tag, {}, text));
  };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (same(i, j)) { run("span", b[j]); i++; j++; }
    else if (i < a.length && (j === b.length || length[i + 1][j] >= length[i][j + 1])) {
      run("del", a[i]); i++;
    } else { run("ins", b[j]); j++; }
  }
  return [...parts, el("span", { class: "soft" }, rest.join(""))];
}
