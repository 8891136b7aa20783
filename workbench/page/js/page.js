  // Text from prompts, rows and models is inserted as text, not as markup.
  const data = JSON.parse(document.getElementById("data").textContent);
  const index = decodeIndex(data.index), source = fileSource();
  const PAGE = 50;
  const NO_INTERVAL = "no range, and below 350 rows rare large values may not have been seen: "
    + "the mean has no interval, its median has one";
  const UNSCORED = new Set(["not applicable", "error", "failed"]);
  const { repeats } = data.dataset, repeated = repeats > 1;
  const shown = new Set(data.variants.map((_, number) => number));
  // A metric with one value for all rows marks none of them.
  const ofRows = data.metrics.find(({ kind }) => kind !== "column") || data.metrics[0];
  const view = { search: "", filter: "all", metric: ofRows.name, sort: "failures",
    page: 0, diff: false, matrix: { by: -1, up: false } };

  function el(tag, settings = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(settings)) {
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  }

  function svg(tag, settings, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(settings)) element.setAttribute(name, value);
    if (text != null) element.textContent = text;
    return element;
  }

  // Replace a part of the page; the control that has the focus keeps it.
  function replace(id, ...children) {
    const part = document.getElementById(id), focusable = "button, input, select, [tabindex]";
    const focused = [...part.querySelectorAll(focusable)].indexOf(document.activeElement);
    part.replaceChildren(...children);
    if (focused >= 0) part.querySelectorAll(focusable)[focused]?.focus();
  }

  const scrolled = (label, table) => el("div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);
  const number = (value) => value == null ? "–"
    : Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(3);
  const count = (value) => value.toLocaleString("en");
  const plural = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
  const small = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
  const signed = (value) => (value >= 0 ? "+" : "−") + (value && Math.abs(value) < 0.0005
    ? Math.abs(value).toPrecision(1) : number(Math.abs(value)));
  const metricOf = (name) => data.metrics.find((metric) => metric.name === name);
  const metricIndex = (name) => data.metrics.findIndex((metric) => metric.name === name);

  // The axes of the plots, if a variant has a value.
  const AXES = [["cost", `${data.currency} / 1,000 rows`], ["latency", "latency, s"]]
    .filter(([name]) => data.variants.some((variant) => variant[name] != null));

  // The table of variants

  function matrix() {
    const order = data.variants.map((_, index) => index);
    const { by, up } = view.matrix;
    if (by >= 0) {
      const key = (index) => {
        const metric = data.variants[index].metrics[data.metrics[by].name];
        const mean = (metric.worst || metric).mean;
        return mean == null ? -Infinity : mean;
      };
      order.sort((a, b) => (key(a) - key(b)) * (up ? 1 : -1));
    }
    const head = el("tr", {}, el("th", {}, "show"), el("th", {}, "variant"),
      ...data.metrics.map((metric, index) => el("th",
        { class: "number", "aria-sort": by === index ? (up ? "ascending" : "descending") : "none" },
        el("button", { onclick: () => {
          view.matrix = { by: index, up: by === index ? !up : !metric.higher };
          matrix();
        } }, metric.name + (metric.unit ? ` (${metric.unit})` : "")))),
      el("th", { class: "number" }, "rows"),
      ...AXES.map(([, title]) => el("th", { class: "number" }, title)));
    const lines = order.map((index) => {
      const variant = data.variants[index];
      const box = el("input", { type: "checkbox", checked: shown.has(index),
        "aria-label": `show ${variant.name}`, onchange: (event) => {
          if (event.target.checked) shown.add(index); else shown.delete(index);
          rows(); confusions();
        } });
      const counts = variant.rows;
      const missing = [counts.failed ? `${count(counts.failed)} failed` : "",
        counts.not_run ? `${count(counts.not_run)} not run` : ""].filter(Boolean).join(", ");
      return el("tr", {}, el("td", {}, box),
        el("td", { class: "name" }, el("small", {}, `${index + 1}  `), variant.name,
          variant.base == null ? el("small", {}, " baseline") : null,
          variant.note ? el("small", { class: "why" }, variant.note) : null,
          variant.stopped ? el("small", { class: "why" }, variant.stopped) : null),
        ...data.metrics.map((metric) => cell(variant, metric)),
        el("td", { class: "number" }, `${count(counts.scored)} of ${count(counts.planned)}`,
          missing ? el("small", { class: "state" }, missing) : null),
        ...AXES.map(([name]) => el("td", { class: "number" },
          variant[name] == null ? "–" : small(variant[name]),
          name === "latency" ? quantiles(variant.times) : null)));
    });
    replace("matrix", scrolled("variants", el("table", {}, el("thead", {}, head),
      el("tbody", {}, ...lines))));
  }

  function cell(variant, metric) {
    const { mean, low, high, median, n, clusters, errors, not_applicable: inapplicable, worst,
      worst_unknown: unknown } = variant.metrics[metric.name];
    const comparison = variant.comparisons[metric.name];
    const parts = [el("strong", {}, mean == null ? "no value" : number(mean))];
    if (low != null) parts.push(el("small", {}, `[${number(low)}, ${number(high)}]`));
    if (median) parts.push(el("small", { title: NO_INTERVAL }, withMedian(median, number)));
    const notes = [`n=${count(n)}`, clusters && clusters < n && `${count(clusters)} clusters`,
      errors && plural(errors, "error"), inapplicable && `${count(inapplicable)} not applicable`,
      unknown && (metric.kind === "column" ? "without failed rows"
        : "worst case unknown: no range")];
    parts.push(el("small", {}, notes.filter(Boolean).join(", ")));
    if (worst) parts.push(el("small", { class: "state" }, `at worst ${number(worst.mean)}`
      + (worst.low == null ? "" : ` [${number(worst.low)}, ${number(worst.high)}]`)
      + ` n=${count(worst.n)}`));
    if (comparison) {
      const { verdict, p_adjusted: p, rows, test, difference } = comparison;
      const word = comparison.reason ? "no verdict"
        : verdict === "not enough evidence" ? "unclear" : verdict;
      parts.push(el("span", { class: `word ${word}`,
        title: `p = ${p.toPrecision(3)}, ${plural(rows, "row")}, ${test}` },
      `${signed(difference)} ${word}`), ...evidence(comparison));
    }
    return el("td", { class: "number" }, ...parts);
  }

  // Median and 95th percentile of the answers' times
  function quantiles(times) {
    if (!times) return null;
    const { median, p95, n } = times;
    return el("small", {},
      `${withMedian(median, small)}, p95 ${withEnds(p95, small)}, n=${count(n)}`);
  }

  const withEnds = ({ value, low, high }, format) => format(value) + (low == null && high == null
    ? "" : ` [${low == null ? "–" : format(low)}, ${high == null ? "–" : format(high)}]`);
  const withMedian = (median, format) => `median ${withEnds(median, format)}`;

  // Interval, rows needed, rows left out and worst case of a comparison
  function evidence(comparison) {
    const interval = ({ low, high, median }) => median ? withMedian(median, signed)
      : low == null ? "" : `[${signed(low)}, ${signed(high)}]`;
    const lines = [interval(comparison)];
    if (comparison.verdict_alone) lines.push(`Holm; alone ${comparison.verdict_alone}`);
    if (comparison.reason) lines.push(comparison.reason);
    const { rows_needed: most, rows_needed_low: least } = comparison;
    if (most)
      lines.push(`${least < most ? `${count(least)} to` : "about"} ${count(most)} rows needed`);
    if (comparison.left_out) lines.push(`${plural(comparison.left_out, "row")} left out`);
    const worst = comparison.worst_case;
    if (comparison.not_applicable)
      lines.push(`${count(comparison.not_applicable)} not applicable`);
    if (worst) lines.push(`worst case ${signed(worst.difference)} ${interval(worst)}, `
      + worst.verdict);
    else if (comparison.worst_case_unknown) lines.push("worst case unknown: no range");
    return lines.filter(Boolean).map((text) => el("small", {}, text));
  }

  // Plots of quality against cost and latency

  function plot() {
    replace("plot", ...AXES.map(([name, title]) => figure(name, title)));
    document.getElementById("plot-part").hidden = !AXES.length;
  }

  // About five round numbers from low to high
  function ticks(low, high) {
    const rough = (high - low) / 6, ten = 10 ** Math.floor(Math.log10(rough));
    const step = ten * [1, 2, 5, 10].find((factor) => factor * ten >= rough);
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  }

  function figure(name, title) {
    const WIDTH = 520, HEIGHT = 320, LEFT = 55, BOTTOM = 40, TOP = 15, RIGHT = 20;
    const metric = view.metric;
    const points = data.variants.filter((variant) => variant[name] != null
      && variant.metrics[metric].mean != null);
    const plotted = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT,
      role: "img", "aria-label": `${metric} beside ${title}` });
    if (!points.length) return el("p", { class: "soft" }, `${title}: unknown`);
    const most = Math.max(...points.map((point) => point[name])) * 1.1 || 1;
    const ends = points.flatMap(({ metrics }) => {
      const { mean, low, high } = metrics[metric];
      return [low ?? mean, high ?? mean];
    });
    const margin = (Math.max(...ends) - Math.min(...ends)) * 0.1 || 0.1;
    const low = Math.min(...ends) - margin, high = Math.max(...ends) + margin;
    const x = (value) => LEFT + value / most * (WIDTH - LEFT - RIGHT);
    const y = (value) => HEIGHT - BOTTOM
      - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP);
    for (const value of ticks(0, most)) plotted.append(
      svg("line", { class: "axis", x1: x(value), y1: TOP, x2: x(value), y2: HEIGHT - BOTTOM }),
      svg("text", { x: x(value), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" },
        small(value)));
    for (const value of ticks(low, high)) plotted.append(
      svg("line", { class: "axis", x1: LEFT, y1: y(value), x2: WIDTH - RIGHT, y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, small(value)));
    plotted.append(svg("text", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 4, "text-anchor": "middle" },
      title));
    for (const point of points) {
      const result = point.metrics[metric], px = x(point[name]), py = y(result.mean);
      if (result.low != null) plotted.append(svg("line",
        { class: "bar", x1: px, y1: y(result.low), x2: px, y2: y(result.high) }));
      const dot = svg("circle", { class: "dot", cx: px, cy: py, r: 5 });
      dot.append(svg("title", {}, `${point.name}: ${number(result.mean)}, ${small(point[name])}`));
      const position = String(data.variants.indexOf(point) + 1);  // the number in the table above
      plotted.append(dot, svg("text", { x: px + 8, y: py - 6 }, position));
    }
    return plotted;
  }

  // Confusion matrices: expected answers, and what the metric's evaluator read

  function confusions() {
    document.getElementById("confusion-part").hidden = !data.confusions.length;
    const order = [...shown].sort((a, b) => a - b);
    replace("confusion", ...data.confusions.flatMap(({ metric, expected, columns, counts }) => order.map((index) => {
      const title = `${data.variants[index].name} · ${metric}`, table = counts[index];
      const right = table.reduce((sum, line, row) => sum + line[row], 0);
      const left = columns.map((name, column) => column >= expected.length && UNSCORED.has(name));
      const scored = table.flat().reduce((sum, cell, at) => sum + (left[at % columns.length] ? 0 : cell), 0);
      return el("div", {}, el("p", {}, title, el("small", {}, ` ${count(right)} right of ${count(scored)}`)),
        scrolled(title, el("table", {},
          el("thead", {}, el("tr", {}, el("th", {}, "expected ↓ answered →"),
            ...columns.map((label) => el("th", {}, label)))),
          el("tbody", {}, ...expected.map((label, row) => el("tr", {}, el("th", {}, label),
            ...columns.map((_, column) => el("td",
              { class: `number ${column === row ? "pass" : ""}` }, count(table[row][column])))))))));
    })));
  }

  // Prompts

  function prompts() {
    replace("prompts", ...data.diffs.map((diff) => el("details", {},
      el("summary", {}, `${diff.before} → ${diff.after}`),
      el("pre", {}, ...diff.lines.slice(2).map((line) => line.startsWith("+")
        ? el("ins", {}, line) : line.startsWith("-") ? el("del", {}, line) : `${line}\n`)))));
    document.getElementById("prompts-part").hidden = !data.diffs.length;
  }

  // Rows

  // The answer failed, or could not be scored; without a score it is not applicable otherwise.
  function isLost(variant, metric, row) {
    const { states, metrics } = index.variants[variant];
    return states[row] === FAILED || metrics[metric].errors.has(row);
  }

  function gains(row) {
    const metric = metricIndex(view.metric), better = metricOf(view.metric).higher ? 1 : -1;
    return [...shown].map((number) => {
      const { base } = data.variants[number];
      if (base == null) return 0;
      const [old, fresh] = [index.variants[base], index.variants[number]];
      if (old.states[row] === NOT_RUN || fresh.states[row] === NOT_RUN) return 0;
      const [a, b] = [old.metrics[metric].values[row], fresh.metrics[metric].values[row]];
      const noOld = Number.isNaN(a), noNew = Number.isNaN(b);
      if (a === b || noOld && noNew) return 0;
      if (noOld && !isLost(base, metric, row) || noNew && !isLost(number, metric, row)) return 0;
      return noNew ? -Infinity : noOld ? Infinity : better * (b - a);
    });
  }

  function failures(row) {
    const metric = metricIndex(view.metric), better = metricOf(view.metric).higher ? 1 : -1;
    let sum = 0, cells = 0;  // the mean of the cells that were run: the others did not fail
    for (const number of shown) {
      const { states, metrics } = index.variants[number];
      if (states[row] === NOT_RUN) continue;
      const value = metrics[metric].values[row], lost = isLost(number, metric, row);
      if (Number.isNaN(value) && !lost) continue;
      sum += lost ? -1e6 : better * value;
      cells += 1;
    }
    return cells ? sum / cells : Infinity;
  }

  const isSuspect = (row) => index.suspect[metricIndex(view.metric)].has(Math.floor(row / repeats));

  function isSame(row) {
    const metric = metricIndex(view.metric);
    const values = [...shown].map((number) => index.variants[number].metrics[metric].values[row]);
    return values.every((value) => value === values[0]);
  }

  const FILTERS = {
    all: ["all rows", () => true],
    failed: ["failed or not scored", (row) => [...shown].some((number) =>
      isLost(number, metricIndex(view.metric), row))],
    changed: ["changed against the baseline", (row) => gains(row).some((gain) => gain !== 0)],
    broken: ["worse than the baseline", (row) => gains(row).some((gain) => gain < 0)],
    fixed: ["better than the baseline", (row) => gains(row).some((gain) => gain > 0)],
    suspect: ["wrong in all strong variants", isSuspect],
    same: ["the same in all variants", isSame],
    differing: ["not the same in all", (row) => !isSame(row)],
  };
  const SORTS = {
    failures: ["failures first", (a, b) => failures(a) - failures(b)],
    worst: ["greatest loss first", (a, b) => Math.min(0, ...gains(a)) - Math.min(0, ...gains(b))],
    best: ["greatest gain first", (a, b) => Math.max(0, ...gains(b)) - Math.max(0, ...gains(a))],
    order: ["as in the dataset", () => 0],
  };

  function choice(label, name, options) {
    return el("label", {}, label, el("select", { onchange: (event) => {
      view[name] = event.target.value;
      view.page = 0;
      rows();
      if (name === "metric") plot();
    } }, ...options.map(([value, text]) => el("option",
      { value, selected: view[name] === value }, text))));
  }

  function controls() {
    replace("controls",
      el("input", { type: "search", placeholder: "search inputs and answers",
        "aria-label": "search", oninput: (event) => {
          view.search = event.target.value;
          view.page = 0;
          rows();
        } }),
      choice("metric", "metric", data.metrics.map((metric) => [metric.name, metric.name])),
      choice("rows", "filter", Object.entries(FILTERS).map(([name, [text]]) => [name, text])),
      choice("order", "sort", Object.entries(SORTS).map(([name, [text]]) => [name, text])),
      el("label", {}, el("input", { type: "checkbox", onchange: (event) => {
        view.diff = event.target.checked;
        rows();
      } }), "difference from the baseline's answer"));
  }

  let drawings = 0;

  async function rows() {
    const drawing = ++drawings;
    const searched = view.search ? await source.search(view.search)
      : Array.from({ length: index.rows }, (_, row) => row);
    const matching = searched.filter(FILTERS[view.filter][1]);
    if (view.sort !== "order") {
      const order = new Map(matching.map((row, index) => [row, index]));
      const by = SORTS[view.sort][1];
      matching.sort((a, b) => by(a, b) || order.get(a) - order.get(b));
    }
    const pages = Math.max(1, Math.ceil(matching.length / PAGE));
    view.page = Math.min(view.page, pages - 1);
    const visible = await source.rows(matching.slice(view.page * PAGE, (view.page + 1) * PAGE));
    if (drawing !== drawings) return;  // the view has changed meanwhile
    const indexes = [...shown].sort((a, b) => a - b);
    const turn = (by, text) => {
      const exists = view.page + by >= 0 && view.page + by < pages;
      return el("button", { "aria-disabled": String(!exists), onclick: () => {
        if (exists) { view.page += by; rows(); }
      } }, text);
    };
    replace("rows",
      el("div", { class: "controls" }, turn(-1, "‹ previous"),
        `${count(matching.length)} ${repeated ? "answers of each variant" : "rows"}, `
          + `page ${count(view.page + 1)} of ${count(pages)}`,
        turn(1, "next ›")),
      scrolled("answers", el("table", {},
        el("thead", {}, el("tr", {}, el("th", { class: "key" }, "row"), el("th", {}, "inputs"),
          el("th", { class: "key" }, "expected"),
          ...indexes.map((index) => el("th", { title: data.variants[index].name },
            data.variants[index].name)))),
        el("tbody", {}, ...visible.map((row) => row.omitted ? leftOut(row) : el("tr", {},
          el("td", {}, row.id + (repeated ? ` (${row.repeat + 1})` : "")),
          el("td", {}, el("div", { class: "answer" }, inputs(row),
            ...(row.images || []).map((src) => el("img", { src, alt: "", loading: "lazy" })))),
          el("td", {}, row.expected ?? ""),
          ...indexes.map((index) => answer(row, index))))))));
    openable();
  }

  // A row whose text is cut off gets a button that shows all of it.
  function openable() {
    const cut = [...document.querySelectorAll("#rows .answer")]
      .filter((text) => text.scrollHeight > text.clientHeight + 1);
    for (const text of cut) text.classList.add("cut");
    for (const line of new Set(cut.map((text) => text.closest("tr")))) {
      line.firstChild.append(el("button", { class: "open", "aria-expanded": "false",
        onclick: (event) => {
          const open = line.classList.toggle("opened");
          event.target.setAttribute("aria-expanded", String(open));
          event.target.textContent = open ? "less" : "more";
        } }, "more"));
    }
  }

  const leftOut = ({ number }) => el("tr", {}, el("td", {}, `row ${count(number + 1)}`),
    el("td", { class: "soft", colspan: 2 + shown.size }, "left out to keep this file small"));

  function inputs(row) {
    return row.inputs.length === 1 ? row.inputs[0]
      : row.inputs.map((text, index) => `${data.columns[index]}: ${text}`).join("\n");
  }

  function answer(row, index) {
    const cell = row.cells[index];
    if (!cell) return el("td", { class: "soft" }, "not run");
    const base = data.variants[index].base;
    const other = base == null ? null : row.cells[base];
    const text = cell.state ? [el("span", { class: "state" }, cell.state)]
      : view.diff && other && !other.state ? words(other.text, cell.text) : [cell.text];
    const scores = data.metrics.map((metric, position) => {
      const value = cell.scores[position];
      if (metric.kind === "column") return null;
      if (value == null) return cell.state ? null
        : el("span", { class: "word unclear" }, `${metric.name} –`);
      const kind = metric.kind !== "pass" ? "unclear" : value ? "pass" : "fail";
      const shownAs = metric.kind === "pass" ? (value ? "✓" : "✗")
        : typeof value === "string" ? value : number(value);
      return el("span", { class: `word ${kind}` }, `${metric.name} ${shownAs}`);
    });
    return el("td", {}, el("div", { class: "answer" }, ...text),
      ...scores.flatMap((score) => score ? [score, " "] : []));
  }

  // A diff by the longest common subsequence of words: deleted words, then inserted ones. Words
  // after the first 300 are shown without a diff.
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

  document.title = `${data.experiment}: comparison`;
  replace("title", data.experiment);
  replace("about", `${data.dataset.name}, ${count(data.dataset.rows)} rows, digest `
    + `${data.dataset.digest.slice(0, 12)}; ${data.variants.length} variants. Verdicts are against `
    + "the baseline on the same rows, all variants of a metric together (Holm).");
  replace("omitted", data.omitted ? `${count(data.omitted)} rows are left out of the list `
    + "below to keep this file small; every number above is of all rows." : "");
  matrix(); plot(); confusions(); prompts(); controls(); rows();
