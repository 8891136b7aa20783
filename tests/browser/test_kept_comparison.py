"""The page as `workbench run` keeps it in MLflow, opened where MLflow shows artifacts."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import ATTACKS
from bench import Bench
from openai_server import Reply, refuse, say, serve
from playwright.sync_api import Frame, Page, expect
from record.mlflow_server import MLflowServer
from record.recording import Recording
from served import Site
from stores import Stored

from workbench.cli.results import TerminalResults
from workbench.errors import ExitCode
from workbench.prompt import Renderer

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("browser")]
EVALUATOR = """\
from workbench.evaluator import Score

def mine(outputs):
    if len(outputs) % 2:
        return Score(value=False, reason=outputs)
    raise ValueError(outputs)
"""
EXPERIMENT = """\
name: attacked
dataset: {{path: rows.jsonl, expected: label, id: id}}
prompts: [plain, other]
models: ['openai:m': {{base_url: "{url}"}}]
grid: {{user: [{attack}, b]}}
evaluators: [exact_match, mine]
"""
PATIENCE = 60_000  # milliseconds


def _reply(number: int) -> Reply:
    """An answer, a refusal, or a reason to stop, each of them an attack."""
    attack = ATTACKS[number % len(ATTACKS)]
    return (say(attack), refuse(422, attack), say("", finish=attack))[number % 4 % 3]


@pytest.fixture(scope="module")
def attacked(
    chromium: str, renderer: Renderer, empty_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Attacks as ids, inputs, columns, answers, errors, comments and in the names of variants."""
    home = tmp_path_factory.mktemp("kept").resolve()
    bench = Bench(home, renderer)
    (home / "evaluators").mkdir()
    (home / "evaluators" / "mine.py").write_text(EVALUATOR)
    rows = [
        {"id": f"{n} {text}", "text": text, "label": text, ATTACKS[0]: text, ATTACKS[7]: text}
        for n, text in enumerate(ATTACKS)
    ]
    bench.write("rows.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    attacks = " ".join(ATTACKS[:40]).replace("{% endraw %}", "")
    for name in ("plain", "other"):
        said = f"{{% raw %}}{name} {attacks}{{% endraw %}}"
        bench.write(f"{name}.jinja", f"system:\n{said}\nuser:\n{{{{ text }}}}\n")
    mlflow_server = MLflowServer(home, empty_store)
    with serve() as server:
        server.script = lambda path, body, nth: _reply(len(server.requests))
        text = EXPERIMENT.format(url=server.url, attack=json.dumps(ATTACKS[7]))
        results = TerminalResults(bench.project, quiet=True)
        recording = Recording(bench, bench.project, mlflow_server.store, callbacks=results)
        done = recording.run(text)
    assert (done.exit_code, done.problems) == (ExitCode.FAILED_ROWS, ())
    with mlflow_server:
        stored = Stored(home, mlflow_server.store, "attacked", ("", ""), "")
        yield Site(stored, {"variants": mlflow_server.url})


def test_what_is_kept_runs_nothing_of_what_it_shows(attacked: Site, window: Page) -> None:
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.set_default_timeout(PATIENCE)
    window.goto(attacked.kept("comparison.html"))
    shown = window.frame_locator("iframe").last
    expect(shown.locator("#rows tbody tr")).to_have_count(50, timeout=PATIENCE)
    expect(shown.locator("#title")).to_have_text("attacked")
    expect(shown.locator("#matrix tbody tr")).to_have_count(4)
    expect(shown.locator("#matrix")).to_contain_text("user=<img src=x")
    expect(shown.locator("#rows .state").first).to_be_visible()
    shown.get_by_label("difference from the baseline's output").check()
    shown.get_by_role("button", name="next ›").click()
    for summary in shown.locator("summary:visible").all():
        summary.click()
    window.wait_for_timeout(500)
    frames = [frame for frame in window.frames if frame.query_selector("#matrix")]
    assert [hit(frame) for frame in (window.main_frame, *frames)] == [None, None]
    assert [url for url in asked if "attacker" in url] == []
    for tag in ("img", "iframe", "object", "embed", "link", "base", "form", "a", "video", "math"):
        assert shown.locator(tag).count() == 0
    assert shown.locator("script:not([type])").count() == 1


def hit(frame: Frame) -> object:
    return frame.evaluate("window.hit")
