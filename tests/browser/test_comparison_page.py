"""The page of `workbench compare --html` in a browser: its content and its security."""

import csv
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from attacks import ATTACKS
from command import invoke
from playwright.sync_api import Page, Request, expect

from workbench.dataset.csv_cells import escape_cell

pytestmark = [pytest.mark.slow, pytest.mark.browser]
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, other]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""


# Cells that a spreadsheet could evaluate, and one that it reads as a number.
FORMULAS = ("=1+1", "-2+3", "@SUM(A1)", "\u200b=1", "\uff1d1+1", "'=1+1", "\t=1", "+1e5", "-5")
LABELS = EXPERIMENT.replace(
    "evaluators: [", "evaluators: [{label_match: {labels: [toxic, fine]}}, "
)


def write_page(
    folder: Path, rows: list[dict[str, str]], attack: str = "", experiment: str = EXPERIMENT
) -> Path:
    """Write the page of two prompts, one with the output `text`, one with `other`."""
    task = folder / "prompts" / "qa"
    task.mkdir(parents=True)
    numbered = ({"n": f"Row {number}."} | row for number, row in enumerate(rows))
    (task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in numbered))
    (task / "plain.jinja").write_text("system:\n{{ n }}\nuser:\n{{ text }}\n")
    attacked_text = (
        "{% raw %}" + attack.replace("{% endraw %}", "") + "{% endraw %}{# #}" if attack else ""
    )
    (task / "other.jinja").write_text(
        f"system:\n{{{{ n }}}} Be short. {attacked_text}\nuser:\n{{{{ other }}}}\n"
    )
    (task / "experiment.yaml").write_text(experiment)
    file = folder / "page.html"
    for words in (["run"], ["compare", "--html", str(file)]):
        done = invoke(folder, *words, MLFLOW_TRACKING_URI="none")
        assert done.returncode == 0, done.stderr
    return file


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every attack as id, input, answer and expected answer; all of them in a template."""
    rows = [
        {
            "id": f"{number} {text}",
            "text": text,
            "other": f"{text} {number}",
            "label": text if number % 2 else "x",
        }
        for number, text in enumerate([*ATTACKS, *FORMULAS])
    ]
    return write_page(tmp_path_factory.mktemp("attacked"), rows, " ".join(ATTACKS[:40]))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 rows; `other` is better in twenty of them and worse in five."""
    rows = [
        {
            "id": f"r{n}",
            "text": "yes" if n < 60 else "no",
            "other": "no" if n < 5 else "yes" if n < 80 else "no",
            "label": "yes" if n < 110 else "no",
        }
        for n in range(120)
    ]
    return write_page(tmp_path_factory.mktemp("plain"), rows)


def opened(page: Page, file: Path | str) -> tuple[list[str], list[str]]:
    """The addresses that the page requested, and the messages of the browser."""
    addresses: list[str] = []
    messages: list[str] = []

    def note(request: Request) -> None:
        addresses.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("dialog", lambda dialog: messages.append(dialog.message))
    page.goto(file if isinstance(file, str) else file.as_uri())
    return addresses, messages


def test_there_are_enough_attacks() -> None:
    assert len(set(ATTACKS)) >= 60


def test_no_text_becomes_markup_a_script_or_an_address(window: Page, attacked: Path) -> None:
    addresses, messages = opened(window, attacked)
    window.get_by_label("difference from the baseline's output").check()
    window.get_by_role("button", name="next ›").click()
    for summary in window.locator("summary:visible").all():
        summary.click()
    with window.expect_download():
        window.get_by_role("button", name="download as CSV").click()
    for number in range(len(ATTACKS)):  # every row is opened, with its prompts
        window.evaluate(f"location.hash = '#order=dataset&row={number + 1}'")
        expect(window.locator("#detail h2")).to_contain_text(f"Row {number + 1} ")
        if not number:
            window.locator("#detail summary").first.click()
    expect(window.locator("#detail details[open] pre").first).to_be_visible()
    window.evaluate(f"location.hash = '#search={quote(ATTACKS[0])}&metric={quote(ATTACKS[0])}'")
    window.wait_for_timeout(300)
    assert window.url.startswith(f"{attacked.as_uri()}#")
    assert (addresses, messages) == ([attacked.as_uri()], [])
    assert window.evaluate("window.hit") is None
    assert window.locator("script:not([type])").count() == 1
    assert window.locator("style").count() == 1
    for tag in ("img", "iframe", "object", "embed", "link", "base", "form", "a", "video", "math"):
        assert window.locator(tag).count() == 0
    handlers = window.evaluate(
        "[...document.querySelectorAll('*')].flatMap(one => [...one.attributes])"
        ".filter(one => one.name.startsWith('on') || /^(src|href|style|srcset)/.test(one.name))"
        ".map(one => one.name)"
    )
    assert handlers == []
    policy = window.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content")
    assert policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


def test_every_text_is_shown_as_it_is(window: Page, attacked: Path) -> None:
    opened(window, attacked)
    window.get_by_label("order").select_option("dataset")
    shown = window.locator("#rows").inner_text()
    window.get_by_role("button", name="next ›").click()
    shown += window.locator("#rows").inner_text()
    for number, text in enumerate(ATTACKS):
        visible = re.sub("[\u2028\u2029]", "", text)
        assert f"{number} {visible}".split("\n")[0] in shown


def test_a_policy_keeps_out_what_a_fault_would_let_in(
    window: Page, plain: Path, tmp_path: Path
) -> None:
    """Even if text were inserted as markup, it could not run or request anything."""
    broken = tmp_path / "broken.html"
    more = (
        "<img src='http://attacker.example/x' onerror='window.hit=1'><script>window.hit=1</script>"
    )
    broken.write_text(plain.read_text().replace("<noscript>", f"{more}<noscript>"))
    _, messages = opened(window, broken)
    for _ in range(600):
        window.wait_for_timeout(100)
        if (refusals := sum("Content Security Policy" in text for text in messages)) >= 2:
            break
    assert window.evaluate("window.hit") is None
    assert refusals >= 2


def test_numbers_rows_and_prompts_are_there(window: Page, plain: Path) -> None:
    opened(window, plain)
    expect(window.locator("#headline strong")).to_have_text(
        "other is the best by exact_match: 0.708 [0.622, 0.782] on 120 rows."
    )
    matrix = window.locator("#matrix tbody tr")
    assert matrix.count() == 2
    expect(matrix.nth(0)).to_contain_text("otherbest")  # the best one first
    expect(matrix.nth(0)).to_contain_text(re.compile(r"\+0\.125 better\[\+0\.0\d\d,\s\+0\.2\d\d\]"))
    expect(matrix.nth(1)).to_contain_text("plainbaseline")
    window.get_by_role("button", name="exact_match").click()
    expect(matrix.nth(0)).to_contain_text("plain")
    window.get_by_role("button", name="exact_match").click()
    expect(matrix.nth(0)).to_contain_text("other")
    status = window.locator("#rows .controls")
    expect(status).to_contain_text("120 rows, page 1 of 3")
    chips = window.locator("#chips button")
    expect(chips).to_have_text(
        [
            *("All 120", "Wrong 55", "Right 90", "Failed 0", "Changed 25", "Gained 20", "Lost 5"),
            *("Scores differ 25", "Outputs differ 25", "Evaluator errors 0", "Suspect labels 0"),
        ]
    )
    for name, rows in (("Lost", 5), ("Gained", 20), ("Wrong", 55)):
        window.get_by_role("button", name=f"{name} {rows}").click()
        expect(status).to_contain_text(f"{rows} rows, page 1 of")
    window.get_by_label("variant", exact=True).select_option("other")
    head = window.locator("#rows thead th").nth(3)  # of `other`
    expect(head).to_contain_text("0.708 [0.622, 0.782]35 wrong0 failed")
    head.get_by_role("button", name="35 wrong").click()
    expect(status).to_contain_text("35 rows, page 1 of 1")
    window.get_by_label("variant", exact=True).select_option("any variant")
    window.get_by_role("button", name="All 120").click()
    window.get_by_label("search").fill("r11")
    expect(status).to_contain_text("11 rows")
    expect(window.locator("#plot-part")).to_be_hidden()  # neither cost nor latency is known
    window.get_by_label("show other").uncheck()
    assert window.locator("#rows thead th").count() == 4
    for part in ("Changes of prompts", "plain → other"):
        window.get_by_text(part).click()
    expect(window.locator("#prompts ins").last).to_contain_text("{{ other }}")
    window.get_by_text("Answered and expected").click()
    expect(window.locator("#confusion")).to_contain_text("expected")


def test_a_link_shows_the_same_list_and_row(window: Page, plain: Path) -> None:
    opened(window, plain)
    window.get_by_role("button", name="Lost").click()
    window.get_by_label("order").select_option("dataset")
    window.get_by_label("search").fill("yes")
    window.get_by_label("show plain").uncheck()
    window.locator("#rows tbody td").nth(1).click()
    title = window.locator("#detail h2")
    expect(title).to_have_text("Row 1  r0")
    for key, row in (("j", 2), ("ArrowRight", 3), ("k", 2), ("ArrowLeft", 1)):
        window.keyboard.press(key)
        expect(title).to_contain_text(f"Row {row} ")
    window.keyboard.press("j")
    link = window.url
    assert link.endswith("#rows=lost&order=dataset&search=yes&hide=1&row=2")
    window.goto("about:blank")
    window.goto(link)
    expect(title).to_have_text("Row 2  r1")
    expect(window.locator("#detail header")).to_contain_text("2 of 5 in this list")
    expect(window.locator("#detail section")).to_have_count(1)
    expect(window.locator("#detail section")).to_contain_text("1 / 1 tokens in / out")
    window.locator("#detail summary").click()
    assert window.locator("#detail pre").all_inner_texts() == ["Row 1. Be short. ", "no"]
    window.keyboard.press("Escape")
    expect(window.locator(":focus")).to_have_attribute("aria-label", "open row 2")
    for key, row in (("ArrowDown", 3), ("j", 4), ("k", 3)):
        window.keyboard.press(key)
        expect(window.locator(":focus")).to_have_attribute("aria-label", f"open row {row}")
    window.keyboard.press("Enter")
    expect(title).to_have_text("Row 3  r2")


def test_rows_are_downloaded_as_the_cli_exports_them(
    window: Page, attacked: Path, plain: Path, tmp_path: Path
) -> None:
    """The cells of spreadsheet formulas are text, as `csv_line` makes them."""
    file = tmp_path / "rows.csv"
    opened(window, plain)
    window.get_by_role("button", name="Lost").click()
    with window.expect_download() as download:
        window.get_by_role("button", name="download as CSV").click()
    assert download.value.suggested_filename == "qa.csv"
    download.value.save_as(file)
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["id"] for row in rows] == ["r0", "r1", "r2", "r3", "r4"]
    assert {row["other: output"] for row in rows} == {"no"}
    assert {row["other: exact_match"] for row in rows} == {"0"}
    opened(window, attacked)
    window.get_by_label("order").select_option("dataset")
    with window.expect_download() as download:
        window.get_by_role("button", name="download as CSV").click()
    download.value.save_as(file)
    with file.open(encoding="utf-8", newline="") as lines:
        cells = [row["plain: output"] for row in csv.DictReader(lines)]
    assert cells == [escape_cell(text.replace("\0", "\ufffd")) for text in outputs(attacked)]
    assert any(cell.startswith("'=") for cell in cells)


def outputs(page: Path) -> list[str]:
    """The outputs of the first variant that a page holds."""
    blocks = re.findall(r'id="rows-\d+">(.*?)</script>', page.read_text())
    return [row["cells"][0]["text"] for block in blocks for row in json.loads(block)]


def test_the_table_of_answers_agrees_with_the_metric(window: Page, tmp_path: Path) -> None:
    answers = ["It is toxic.", "It isn't toxic.", "**Fine**, I'd say", "fine or toxic"]
    rows = [
        {"id": f"r{n}", "text": answers[n % 4], "other": "fine", "label": ("toxic", "fine")[n % 2]}
        for n in range(40)
    ]
    _, messages = opened(window, write_page(tmp_path, rows, experiment=LABELS))
    window.get_by_text("Answered and expected").click()
    tables = window.locator("#confusion > div")
    assert tables.count() == 2  # exact_match reads no labels
    first = tables.nth(1)
    expect(first).to_contain_text("plain · label_match 10 right of 40")
    assert first.locator("th").all_inner_texts() == [
        *("expected ↓ answered →", "toxic", "fine", "unparsed"),
        *("toxic", "fine"),
    ]
    assert first.locator("td").all_inner_texts() == ["10", "10", "0", "0", "0", "20"]
    expect(window.locator("#matrix tbody tr").nth(1)).to_contain_text("0.250")
    window.get_by_label("show other").uncheck()
    expect(tables).to_have_count(1)
    assert messages == []


def test_latency_has_its_median_and_percentile(window: Page, plain: Path, tmp_path: Path) -> None:
    times = (
        '{"n":60,"mean":0.4,"median":{"value":0.3,"low":0.2,"high":0.5},'
        '"p95":{"value":1.5,"low":0.9,"high":null}}'
    )
    timed = tmp_path / "timed.html"
    text = plain.read_text()
    assert '"latency":null,"times":null' in text
    timed.write_text(text.replace('"latency":null,"times":null', f'"latency":0.4,"times":{times}'))
    _, messages = opened(window, timed)
    cell = window.locator("#matrix tbody tr").nth(1)
    expect(cell).to_contain_text("0.4median 0.3 [0.2, 0.5]p95 1.5 [0.9, –]n=60")
    assert messages == []


def test_failures_stand_first(window: Page, plain: Path) -> None:
    opened(window, plain)
    first = window.locator("#rows tbody tr").first
    expect(first.locator(".fail")).to_have_count(2)


def test_the_keyboard_alone_is_enough(window: Page, plain: Path) -> None:
    """The focused control keeps its focus when the page is redrawn, and it is visible."""
    opened(window, plain)
    keys = window.keyboard
    focused = window.locator(":focus")
    window.get_by_role("button", name="exact_match").focus()
    for sort in ("ascending", "descending"):
        keys.press("Enter")
        expect(focused).to_have_text("exact_match")
        expect(window.locator("th", has=focused)).to_have_attribute("aria-sort", sort)
    window.get_by_role("button", name="Lost").focus()
    keys.press("Enter")
    expect(focused).to_have_attribute("aria-pressed", "true")
    expect(window.locator("#rows .controls")).to_contain_text("5 rows, page 1 of 1")
    keys.press("Shift+Tab")
    expect(focused).to_contain_text("Gained")
    window.get_by_role("button", name="All 120").press("Enter")
    window.get_by_label("search").focus()
    for _ in range(4):  # metric, variant, order
        keys.press("Tab")
    keys.press("Space")
    expect(window.get_by_label("difference from the baseline's output")).to_be_checked()
    for name in ("download as CSV", "‹ previous", "next ›"):
        keys.press("Tab")
        expect(focused).to_have_text(name)
    for page in (2, 3, 3):
        keys.press("Enter")
        expect(window.locator("#rows .controls")).to_contain_text(f"page {page} of 3")
        expect(focused).to_have_text("next ›")
    expect(focused).to_have_css("outline-style", "solid")
    keys.press("Tab")
    expect(focused).to_have_attribute("aria-label", "answers")  # and the arrows scroll


def test_an_opened_row_shows_the_whole_text(window: Page, tmp_path: Path) -> None:
    long = " ".join(f"word{n}" for n in range(300))
    file = write_page(tmp_path, [{"id": "r", "text": long, "other": "short", "label": "short"}])
    opened(window, file)
    inputs = window.locator("#rows .answer").first
    assert inputs.evaluate("one => one.clientHeight < one.scrollHeight")
    window.get_by_role("button", name="open row 1").press("Enter")
    expect(window.locator("#detail .output", has_text="word299")).to_be_visible()


def test_a_difference_shows_what_is_gone_before_what_has_come(window: Page, tmp_path: Path) -> None:
    rows = [{"id": "r", "text": "a good film", "other": "a very bad film", "label": "x"}]
    opened(window, write_page(tmp_path, rows))
    window.get_by_label("difference from the baseline's output").check()
    parts = window.locator("#rows tbody td", has=window.locator("del")).locator(".answer > *")
    shown = [(part.evaluate("one => one.localName"), part.inner_text()) for part in parts.all()]
    assert [(tag, text.strip()) for tag, text in shown if text] == [
        ("span", "a"),
        ("del", "good"),
        ("ins", "very bad"),
        ("span", "film"),
    ]


TRACE = "https://mlflow.example/#/experiments/1/traces?selectedEvaluationId=tr-9&traceId=tr-9"


def copies(file: Path, number: int, changed: Path, mlflow: str = "") -> Path:
    """The page with its first variant `number` times, all at the same cost and latency.

    Every other answer has a trace in the store with this address.
    """

    def block(match: re.Match[str]) -> str:
        name, text = match.groups()
        content = json.loads(text)
        if name == "data":
            first = content["variants"][0] | {"latency": 0.4, "cost": 0.02, "base": None}
            compared = content["variants"][1]["comparisons"]
            variants = [
                first | {"name": f"{first['name']} · a-model-{n}", "comparisons": compared}
                for n in range(number)
            ]
            content |= {"variants": variants, "mlflow": mlflow}
            content["index"]["variants"] = content["index"]["variants"][:1] * number
            content["confusions"] = []
        elif name.startswith("rows"):
            for row in content:
                traces = ({"trace": "1/tr-9"}, {})
                row["cells"] = [row["cells"][0] | traces[n % 2] for n in range(number)]
        text = json.dumps(content).replace("<", "\\u003c")
        return f'<script type="application/json" id="{name}">{text}</script>'

    elements = r'<script type="application/json" id="(\S+?)">(.*?)</script>'
    changed.write_text(re.sub(elements, block, file.read_text()))
    return changed


# Texts that are hard to read on what is behind them: less than 4.5:1, by WCAG 2.
FAINT = """() => {
  const light = (text) => {
    const [red, green, blue] = text.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  };
  const ground = (element) => {
    const color = element ? getComputedStyle(element).backgroundColor : "rgb(255, 255, 255)";
    return color === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : color;
  };
  return [...document.querySelectorAll("body *")].filter((element) => element.checkVisibility()
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    && !element.closest("[aria-disabled=true], option, svg, script")).filter((element) => {
    const ends = [light(getComputedStyle(element).color), light(ground(element))];
    return Math.max(...ends) / Math.min(...ends) < 4.5;
  }).map((element) => element.outerHTML);
}"""
# Pairs of labels in a plot that cover each other, and of dots that can't be told apart.
COVERED = """() => {
  const all = (kind) => [...document.querySelectorAll(`#plot svg:first-of-type ${kind}`)]
    .map((element) => element.getBoundingClientRect());
  const pairs = (boxes, test) => boxes.flatMap((one, at) =>
    boxes.slice(at + 1).filter((other) => test(one, other))).length;
  const covers = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 2
    && b.top < a.bottom - 2;
  const close = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) < a.width;
  return [all(".label").length, pairs(all(".label"), covers), pairs(all(".dot"), close)];
}"""


@pytest.mark.parametrize(("width", "variants"), [(1400, 7), (800, 2)])
def test_what_matters_fits_and_can_be_read(
    window: Page, plain: Path, tmp_path: Path, width: int, variants: int
) -> None:
    window.set_viewport_size({"width": width, "height": 900})
    opened(window, copies(plain, variants, tmp_path / "page.html", "https://mlflow.example"))
    assert window.evaluate("document.documentElement.scrollWidth") == width
    scrolled = (
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    )
    assert window.evaluate(f"{scrolled}.map(e => e.ariaLabel)") == []
    note = window.locator(".number small").first  # a long one doesn't widen its column
    assert note.evaluate("note => getComputedStyle(note).whiteSpace") == "normal"
    assert window.evaluate(COVERED) == [variants, 0, 0]
    for axis in ("exact_match", "latency, s"):
        expect(window.locator("#plot svg").last.get_by_text(axis, exact=True)).to_be_visible()
    for scheme in ("light", "dark"):
        window.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert window.evaluate(FAINT) == []
    window.locator("#rows button.open").first.click()
    expect(window.locator("#detail section")).to_have_count(variants)
    window.locator("#detail summary").first.click()
    assert window.evaluate(FAINT) == []
    links = window.locator("#detail a")
    assert {link.get_attribute("href") for link in links.all()} == {TRACE}
    assert links.count() == (variants + 1) // 2
    opened(window, copies(plain, 1, tmp_path / "single.html", "javascript:window.hit=1"))
    window.locator("#rows button.open").first.click()
    expect(window.locator("#detail")).to_contain_text("trace tr-9: start workbench ui to open it")
    window.keyboard.press("Escape")
    text = window.locator("body").inner_text()
    assert [word for word in ("null", "undefined", "NaN", "1 variants") if word in text] == []
