"""Judges in Python: entries of `evaluators`, limits of their cost, and their part of a plan."""

from pathlib import Path
from typing import Any

import pytest
from openai_server import OpenAIServer, Reply, answer

import workbench as wb

pytestmark = pytest.mark.slow
DATA = {"id": ["a", "b", "c"], "text": ["kind", "rude", "kind"]}
PRICES = 'prices: {"openai:judge": {input: 1000, output: 1000}}\n'


@pytest.fixture
def judged(tmp_path: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A call with a judge that finds the word `kind` kind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    (tmp_path / "workbench.yaml").write_text(PRICES)
    server.script = lambda path, body, nth: Reply(
        body=answer(f"Verdict: {'yes' if judged_text(body).startswith('kind') else 'no'}")
    )
    model = {"openai:judge": {"base_url": server.url}}
    return {
        "evaluators": [{"rubric": {"rubric": "It is kind.", "model": model}}],
        "data": DATA,
        "prompts": "{{ text }}",
        "models": "echo:last",
    }


def judged_text(body: dict[str, Any]) -> str:
    return body["messages"][-1]["content"].split("The answer:\n")[1].split("\n")[1]


def test_a_judge_is_an_evaluator_of_a_run(judged: dict[str, Any], server: OpenAIServer) -> None:
    results = wb.run(**judged, progress=False)
    assert results.to_pandas()["rubric"].tolist() == [1.0, 0.0, 1.0]
    assert len(server.bodies) == 2  # of equal texts one
    wb.run(**judged, progress=False)
    assert len(server.bodies) == 2


def test_a_judge_scores_answers_that_were_made_elsewhere(
    judged: dict[str, Any], server: OpenAIServer
) -> None:
    results = wb.evaluate(DATA, judged["evaluators"], output="text", progress=False)
    assert results.to_pandas()["rubric"].tolist() == [1.0, 0.0, 1.0]


CALLS = {
    "run": lambda judged, **limits: wb.run(**judged, **limits, progress=False),
    "evaluate": lambda judged, **limits: wb.evaluate(
        DATA, judged["evaluators"], output="text", **limits, progress=False
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_judges_have_a_limit_of_their_own(
    judged: dict[str, Any], server: OpenAIServer, call: str
) -> None:
    with pytest.warns(UserWarning, match="budget"):
        results = CALLS[call](judged, max_judge_cost=0.1)  # a verdict may cost more
    assert (results.exit_code, len(server.bodies)) == (4, 0)


@pytest.mark.parametrize("call", CALLS)
def test_a_limit_that_is_no_cost_is_refused(judged: dict[str, Any], call: str) -> None:
    with pytest.raises(wb.WorkbenchError, match="max_judge_cost"):
        CALLS[call](judged, max_judge_cost=-1)


def test_a_plan_has_a_line_per_judge(judged: dict[str, Any]) -> None:
    preview = wb.plan(**judged)
    (line,) = preview.judges.to_dict("records")
    assert (line["judge"], line["models"], line["stored"]) == ("rubric", "openai:judge", 0)
    assert (line["to_send"], line["output_tokens"]) == (3, 3 * 1024)
    assert line["cost_high"] == pytest.approx((line["input_tokens"] + 3 * 1024) / 1000)
    (document,) = preview.to_dict()["judges"]
    assert document["requests"] == 3
    assert "judge rubric on openai:judge: at most 3 requests" in repr(preview)
    assert "<td" in preview._repr_html_()
    assert "openai:judge" in preview._repr_html_()


def test_a_plan_without_judges_has_no_line(judged: dict[str, Any]) -> None:
    preview = wb.plan(**judged | {"evaluators": "output_tokens"})
    assert (len(preview.judges), "judges" in preview.to_dict()) == (0, False)
