"""Take the pictures of README.md and docs/ again: `make pictures`.

docs/images/leaderboard.png    the command's table     docs/images/overview.png    MLflow: the run
docs/images/comparison.png     the comparison page     docs/images/runs.png        its variants
docs/images/compare.png        two variants in MLflow, row by row

Two models are played by a server on loopback. The reviews are those of the notebooks.
"""

import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command import call
from conftest import CHROMIUM, FLAGS, PATIENCE, SETTLED
from openai_server import OpenAIServer, Reply, say, serve
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console
from rich.text import Text
from served import Site, served
from stores import REPOSITORY, Stored

FOLDER = REPOSITORY / "docs" / "images"
WIDTH, HEIGHT = 1400, 800
RUNS_WIDTH = 1400
COLUMNS = 112  # of the terminal
TASK = "reviews"
PROMPTS = {
    "question": "user:\nIs this review positive or negative?\n\n{{ text }}\n",
    "labels": "user:\nLabel the review: positive or negative.\n\n{{ text }}\n",
    "examples": "user:\nA joy: positive. A bore: negative.\n\n{{ text }}\n",
}
EXPERIMENT = """\
dataset: {{path: reviews.csv, expected: label}}
prompts: [question, labels, examples]
models:
  - openai:large: {{base_url: "{url}"}}
  - openai:small: {{base_url: "{url}"}}
evaluators:
  - label_match: {{labels: [positive, negative]}}
"""
PRICES = """\
prices:
  openai:large: {input: 3, output: 12}
  openai:small: {input: 0.2, output: 0.8}
"""
# Of ten plain reviews and of ten with a turn, those that an answer gets wrong.
WRONG = {
    ("large", "question"): (0, 3),
    ("large", "labels"): (0, 2),
    ("large", "examples"): (0, 1),
    ("small", "question"): (3, 6),
    ("small", "labels"): (1, 4),
    ("small", "examples"): (0, 3),
}
SPACE = "body { margin: 0; padding: 16px 20px; width: max-content; background: white }"


def write_project(home: Path, url: str) -> None:
    task = home / "prompts" / TASK
    task.mkdir(parents=True)
    for name, text in PROMPTS.items():
        (task / f"{name}.jinja").write_text(text)
    (task / "experiment.yaml").write_text(EXPERIMENT.format(url=url))
    labels = read_labels()
    hard = sorted(labels, key=lambda text: labels[text][1] == "plain")  # first, to be in pictures
    with (task / "reviews.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, labels[text][0]) for text in hard)])
    (home / "workbench.yaml").write_text(PRICES)


def read_labels() -> dict[str, tuple[str, str, int]]:
    """Of each review its label, its kind, and its number among the ten like it."""
    labels: dict[str, tuple[str, str, int]] = {}
    with (REPOSITORY / "notebooks" / "reviews.csv").open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            labels[row["text"]] = (row["label"], row["kind"], number % 10)
    return labels


def reply_to(body: dict) -> Reply:
    """The label, or the other one where the model is wrong."""
    content = body["messages"][-1]["content"]
    question, _, text = content.rpartition("\n\n")
    prompt = next(name for name, template in PROMPTS.items() if question in template)
    label, kind, number = read_labels()[text.strip()]
    plain, turn = WRONG[body["model"], prompt]
    wrong = number % 10 < (plain if kind == "plain" else turn)
    other = "negative" if label == "positive" else "positive"
    tokens = {"prompt_tokens": len(content) // 4, "completion_tokens": 2, "total_tokens": 0}
    delay_s = 0.4 if body["model"] == "large" else 0.1
    said = say(other if wrong else label, usage=tokens)
    return Reply(said.status, said.body, delay_s=delay_s)


@contextmanager
def recorded_project() -> Iterator[tuple[Stored, str, Path]]:
    """The store with a recorded run, the command's table, and the comparison page."""
    with tempfile.TemporaryDirectory() as folder, serve() as server:
        home = Path(folder).resolve() / "project"
        answer_with_labels(server)
        write_project(home, server.url)
        variables = {"OPENAI_API_KEY": "none", "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"}
        run = call(home, "run", "--wait", **variables)
        assert run.returncode == 0, run.stderr
        page = home / "comparison.html"
        compared = call(home, "compare", "--html", str(page), **variables)
        assert compared.returncode == 0, compared.stderr
        uri = f"sqlite:///{home / '.workbench' / 'mlflow.db'}"
        stored = Stored(home, uri, TASK, ("", ""), "")
        winner, *_ = stored.variants
        baseline = next(name for name in stored.variants if name.startswith("question · large"))
        table = run.stdout.partition("\nverdicts:")[0]
        yield Stored(home, uri, TASK, (winner, baseline), ""), table, page


def answer_with_labels(server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: reply_to(body)


def take_table(page: Page, table: str) -> None:
    """The command's table as on a light terminal."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(table))
    page.set_content(console.export_html(inline_styles=True))
    page.add_style_tag(content=SPACE)
    page.locator("body").screenshot(path=FOLDER / "leaderboard.png")


def take_pages(page: Page, site: Site, html: Path) -> None:
    """The comparison page, then MLflow's pages of the run."""
    stored = site.stored
    page.goto(html.as_uri())
    page.wait_for_timeout(500)
    page.screenshot(path=FOLDER / "comparison.png")
    page.set_viewport_size({"width": RUNS_WIDTH, "height": HEIGHT})
    page.goto(site.addresses["variants"])
    expect(page.locator("#run-name-cell").first).to_be_visible()
    _settle(page, "runs")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    run_id = stored.parent.info.run_id
    base = site.addresses["variants"].partition("/#/")[0]
    page.goto(f"{base}/#/experiments/{stored.experiment_id}/runs/{run_id}")
    page.get_by_text("Show more").click()
    _settle(page, "overview")
    page.goto(site.row_by_row())
    expect(page.get_by_role("row").nth(3)).to_be_visible()
    _settle(page, "compare")


def _settle(page: Page, name: str) -> None:
    """Save a picture after the page is drawn."""
    page.wait_for_timeout(3_000)
    page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    browser_path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser_path is None:
        raise SystemExit(f"no chromium: none of {', '.join(CHROMIUM)} is on the PATH")
    with (
        recorded_project() as (stored, table, html),
        served(stored) as site,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser_path, args=FLAGS) as browser,
        browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light"
        ) as context,
    ):
        expect.set_options(timeout=PATIENCE)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(SETTLED)
        page = context.new_page()
        take_table(page, table)
        take_pages(page, site, html)
    for file in sorted(FOLDER.glob("*.png")):
        print(json.dumps({"file": str(file.relative_to(REPOSITORY)), "bytes": file.stat().st_size}))


if __name__ == "__main__":
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    main()
