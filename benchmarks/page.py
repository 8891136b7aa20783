"""The size of a comparison's page, and the time until it can be used.

Five variants of 5,000 rows: inputs of 60 words, answers of some 30 that differ from variant to
variant, three scores. `workbench compare --html` writes the page as a whole process, out of what
is stored; a Chromium that has just been started opens it from the disk. It can be used when its
first rows are shown and a filter that was set has been followed.
"""

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.measure import MOST_S, RUNS, measure
from benchmarks.project import NOT_RECORDED, TASK, WORDS, without_mlflow, workbench
from benchmarks.results import Numbers, ResultSheet

ROWS = 5_000
VARIANTS = 5
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
# A prompt is answered with 25 to 35 words of the row, each prompt with others.
TEMPLATE = """\
user:
{%% set first = %d -%%}
{{ text.split()[first : first + 25 + (text | length + first) %% 11] | join(" ") }}
"""
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: answer, id: id}
prompts: [%s]
models: [echo:last]
evaluators: [contains, exact_match, output_tokens]
"""
FIRST_ROWS = "#rows tbody tr:nth-child(50)"
FOLLOWED = f"#rows .controls:not(:has-text('{ROWS:,} rows'))"
# Seconds from what a user does until the page is drawn anew.
RESPONSE = """async ([label, value]) => {
  const control = document.querySelector(`#controls [aria-label="${label}"]`)
    || [...document.querySelectorAll("#chips button")].find((chip) =>
      chip.textContent.startsWith(`${label} `));
  const begun = performance.now();
  if (control.tagName === "BUTTON") control.click();
  else {
    control.value = value;
    control.dispatchEvent(new Event(control.tagName === "SELECT" ? "change" : "input"));
  }
  await new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
  return (performance.now() - begun) / 1000;
}"""


@contextmanager
def answered(rows: int = ROWS, variants: int = VARIANTS) -> Iterator[Path]:
    """A project whose rows are answered and scored; nothing of it is recorded."""
    prompts = [f"variant_{number}" for number in range(variants)]
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        task = Path(folder) / "prompts" / TASK
        task.mkdir(parents=True)
        with (task / "rows.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row(number)) + "\n" for number in range(rows))
        for number, prompt in enumerate(prompts):
            (task / f"{prompt}.jinja").write_text(TEMPLATE % (6 * number))
        (task / "experiment.yaml").write_text(EXPERIMENT % ", ".join(prompts))
        measure(
            workbench("run", "--wait"),
            cwd=task,
            environment=without_mlflow(),
            expect=(NOT_RECORDED,),
            most_s=MOST_S * (1 + rows * variants // 100_000),
        )
        yield Path(folder)


def row(number: int) -> dict[str, str]:
    """Sixty words, and one of them that is looked for in the answers."""
    chance = random.Random(number)
    words = [f"{number}", *chance.choices(WORDS, k=58), f"{chance.randrange(10**6)}"]
    return {"id": f"row-{number:06}", "text": " ".join(words), "answer": chance.choice(words)}


def written(project: Path, file: Path) -> Numbers:
    """The page anew."""
    run = measure(workbench("compare", "--html", str(file)), cwd=project)
    return {
        "written_s": run.wall_s,
        "largest_mb": run.largest_mb,
        "page_mb": file.stat().st_size / 1e6,
    }


def opened(file: Path) -> Numbers:
    """The page in a browser that has seen nothing yet."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise SystemExit(f"no chromium: none of {', '.join(CHROMIUM)} is on the PATH")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=FLAGS) as browser,
    ):
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        begun = time.monotonic()
        page.goto(file.as_uri(), wait_until="commit")
        page.locator(FIRST_ROWS).wait_for()
        shown = time.monotonic() - begun
        page.locator("#chips button", has_text="Lost").click()
        page.locator(FOLLOWED).wait_for()
        usable = time.monotonic() - begun
        return {"shown_s": shown, "usable_s": usable, **responses(page)}


def responses(page: Page) -> Numbers:
    """Seconds until the page has followed."""
    page.evaluate(RESPONSE, ["All", ""])
    return {
        "filter_s": page.evaluate(RESPONSE, ["Changed", ""]),
        "sort_s": page.evaluate(RESPONSE, ["order", "loss"]),
        "search_s": page.evaluate(RESPONSE, ["search", "ledger invoice"]),
    }


def main() -> None:
    sheet = ResultSheet(
        "page",
        question="The page of a comparison",
        columns={
            "page_mb": "page, MB",
            "written_s": "written, s",
            "largest_mb": "largest process, MB",
            "shown_s": "first rows shown, s",
            "usable_s": "a filter followed, s",
            "filter_s": "another filter, s",
            "sort_s": "another order, s",
            "search_s": "a search, s",
        },
        note="Inputs of 60 words, answers of 25 to 35, three scores. The whole command; headless "
        "Chromium, seconds since it was told the address, and of a response until it is drawn.",
    )
    runs = []
    with answered() as project:
        file = project / "page.html"
        for number in range(-min(1, RUNS - 1), RUNS):
            numbers = {**written(project, file), **opened(file)}
            sys.stderr.write(f"round {number + 1} of {RUNS} done\n")
            runs += [numbers] if number >= 0 else []
    sheet.add(f"{VARIANTS} variants, {ROWS:,} rows", "workbench compare --html", runs)
    sheet.write()


if __name__ == "__main__":
    main()
