"""Verdicts on time by whole commands, of a server whose load drifts.

The n-th request takes longer than the one before it: from 4 to 24 ms, with bursts and a long tail.
Both prompts say the same in other words, so whatever differs is the load.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, answer
from test_compare_page import blocks_of

from workbench.comparing.times import LOCAL, TWO_MODELS
from workbench.stats.blocks import FEW_ROWS, NOT_TOGETHER

ROWS = 60
EXPERIMENT = """\
dataset: rows.jsonl
prompts: {prompts}
models: {models}
parameters: {{temperature: 0}}
evaluators: [workbench.evaluators.latency:latency]
"""
TOOK = """\
from workbench.evaluator import evaluator

@evaluator(unit="s", range=(0, 60))
def took(completion) -> float:
    return completion.latency_s
"""


class DriftingServer:
    """Delays of a server, by the number of requests so far; `slow` prompts take longer."""

    def __init__(self, slow: str = "", factor: float = 1.0) -> None:
        rng = np.random.default_rng(5)
        calls = np.arange(1_000)
        load = 1 + calls / 24 + 0.5 * np.sin(calls / 9) + 4 * (rng.random(1_000) < 0.03)
        self.delays_s = 0.004 * load * np.exp(rng.normal(0, 0.3, 1_000))
        self.calls = 0
        self.slow, self.factor = slow, factor

    def __call__(self, path: str, body: Any, nth: int) -> Reply:
        delay_s = float(self.delays_s[self.calls])
        self.calls += 1
        if self.slow and self.slow in str(body):
            delay_s *= self.factor
        return Reply(body=answer("yes"), delay_s=delay_s)


@pytest.fixture
def write(tmp_path: Path, server: OpenAIServer) -> Callable[..., None]:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (tmp_path / "workbench.yaml").write_text("tracking_uri: none\n")
    (task / "plain.jinja").write_text("user:\nAnswer: {{ text }}\n")
    (task / "renamed.jinja").write_text("user:\nReply: {{ text }}\n")
    settings = f'base_url: "{server.url}", identity: test, concurrency: 1'

    def experiment(prompts: str, models: str = "[m]", rows: int = ROWS) -> None:
        lines = [json.dumps({"id": f"r{n}", "text": f"t{n}"}) for n in range(rows)]
        (task / "rows.jsonl").write_text("\n".join(lines))
        names = models.strip("[]").split(", ")
        listed = ", ".join(
            name if ":" in name else f'{{"openai:{name}": {{{settings}}}}}' for name in names
        )
        text = EXPERIMENT.format(prompts=prompts, models=f"[{listed}]")
        (task / "experiment.yaml").write_text(text)

    return experiment


def compared(home: Path, *words: str) -> dict[str, Any]:
    """The comparison of latency of the last variant of a run."""
    done = invoke(home, "run", "--json", *words)
    assert done.returncode == 0, done.stderr
    comparison: dict[str, Any] = json.loads(done.stdout)["variants"][-1]["comparisons"]["latency"]
    return comparison


def test_equal_prompts_are_neither_faster_nor_slower(tmp_path, server, write) -> None:
    write("[plain, renamed]")
    for _ in range(3):  # chance decides on a busy machine, and so is wrong once in twenty times
        server.script = DriftingServer()
        comparison = compared(tmp_path, "--fresh")
        if comparison["verdict"] in ("equivalent", "not enough evidence"):
            break
    assert comparison["verdict"] in ("equivalent", "not enough evidence")
    assert (comparison["reason"], comparison["rows"]) == ("", ROWS)
    assert comparison["test"] == "signed-rank test of 12 blocks"
    assert comparison["low"] < 0 < comparison["high"]
    stored = compared(tmp_path)  # from the store: the same numbers
    assert stored == comparison
    document = json.loads(invoke(tmp_path, "run", "--json").stdout)["variants"]
    page = tmp_path / "page.html"
    assert invoke(tmp_path, "compare", "--html", str(page)).returncode == 0
    shown = blocks_of(page.read_text())["data"]["variants"]
    for variant, on_page in zip(document, shown, strict=True):
        assert on_page["times"] == variant["latency"]
        assert on_page["latency"] == variant["latency"]["mean"]
        assert variant["latency"]["mean"] == pytest.approx(variant["metrics"]["latency"]["mean"])


def test_a_prompt_that_takes_longer_is_worse(tmp_path, server, write) -> None:
    write("[plain, renamed]")
    for factor in (2.5, 10, 40):  # what a busy machine adds may hide a small one
        server.script = DriftingServer("Reply", factor)
        comparison = compared(tmp_path, "--fresh")
        if comparison["verdict"] == "worse":
            break
    assert (comparison["verdict"], comparison["reason"]) == ("worse", "")
    assert 0 < comparison["low"] < comparison["difference"] < comparison["high"]


def test_a_prompt_asked_later_gets_no_verdict_until_both_are_asked_again(
    tmp_path, server, write
) -> None:
    server.script = DriftingServer()
    write("[plain]")
    assert invoke(tmp_path, "run").returncode == 0
    write("[plain, renamed]")
    comparison = compared(tmp_path)
    assert (comparison["verdict"], comparison["reason"]) == ("not enough evidence", NOT_TOGETHER)
    assert (comparison["low"], comparison["p_adjusted"]) == (None, 1.0)
    shown = invoke(tmp_path, "compare").stdout
    assert f"latency: no verdict: {NOT_TOGETHER}" in " ".join(shown.split())
    assert compared(tmp_path, "--fresh")["reason"] == ""


@pytest.mark.parametrize(
    ("models", "rows", "reason"),
    [("[m, other]", 60, TWO_MODELS), ("[m]", 49, FEW_ROWS), ("[echo:last]", 60, LOCAL)],
)
def test_times_that_cannot_be_compared_get_no_verdict(
    tmp_path, server, write, models: str, rows: int, reason: str
) -> None:
    write("[plain]" if "other" in models else "[plain, renamed]", models, rows)
    comparison = compared(tmp_path)
    assert (comparison["verdict"], comparison["reason"]) == ("not enough evidence", reason)
    assert (comparison["rows"], comparison["rows_needed"]) == (rows, None)
    shown = " ".join(invoke(tmp_path, "run").stdout.split())
    assert f"no verdict on latency: {reason}" in shown


@pytest.mark.parametrize("words", [["gate"], ["gate", "--grow", "--max-calls", "9"]])
def test_a_gate_on_time_is_open_with_the_reason(tmp_path, server, write, words) -> None:
    """Also where the time has a range, which would allow tests at every look."""
    write("[plain, renamed]", "[echo:last]")
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "took.py").write_text(TOOK)
    file = tmp_path / "prompts" / "qa" / "experiment.yaml"
    text = file.read_text().replace("workbench.evaluators.latency:latency", "took")
    file.write_text(text + "gate: {took: {no_worse_than: baseline, by: 1}}\n")
    assert invoke(tmp_path, "run").returncode == 0
    done = invoke(tmp_path, *words, "--json")
    assert done.returncode == 8
    (check,) = json.loads(done.stdout)["checks"]
    assert (check["outcome"], check["reason"]) == ("not enough evidence", LOCAL)


def test_no_number_of_rows_is_planned_for_a_time(tmp_path, server, write) -> None:
    write("[plain, renamed]", "[echo:last]")
    done = invoke(tmp_path, "plan", "--power", "0.1")
    assert done.returncode == 2
    assert "latency is a time: the server's load decides" in " ".join(done.stderr.split())
