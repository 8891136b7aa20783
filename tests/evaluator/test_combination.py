"""Scores that are made of other evaluators' scores."""

import json

import pytest
from bench import Bench, refusal
from command import invoke, write_task
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluator import Score
from workbench.evaluator.combination import THRESHOLD, WEIGHTED, CombinedScore, Part

A, B = Part("a", 3.0), Part("b", 1.0, 1.0, 5.0, higher_is_better=False)


@pytest.mark.parametrize(
    ("scores", "score"),
    [
        ({"a": Score(True), "b": Score(1.0)}, Score(1.0, "a 1, b 1")),
        ({"a": Score(False), "b": Score(5.0)}, Score(0.0, "a 0, b 5")),
        ({"a": Score(True), "b": Score(4.0)}, Score(0.8125, "a 1, b 4")),
        ({"a": Score(True), "b": Score()}, Score(reason="b does not apply")),
        ({"a": Score(True), "b": Score(error="no")}, Score(error="b: no")),
        ({"a": Score(True)}, Score(error="b: it was not scored")),
        (
            {"a": Score(7.0), "b": Score(1.0)},
            Score(error="a is outside of 0 to 1; declare its range=(low, high)"),
        ),
    ],
)
def test_a_weighted_score_is_the_mean_of_shares_of_the_ranges(
    scores: dict[str, Score], score: Score
) -> None:
    assert CombinedScore(WEIGHTED, (A, B)).score(scores) == score


@pytest.mark.parametrize(
    ("bounds", "number", "score"),
    [
        ((0.8, None), 0.8, Score(True, "a 0.8, at least 0.8")),
        ((0.8, None), 0.79, Score(False, "a 0.79, at least 0.8")),
        ((None, 2), 3.0, Score(False, "a 3, at most 2")),
        ((1, 2), 1.5, Score(True, "a 1.5, at least 1 and at most 2")),
        ((1, 2), 2.5, Score(False, "a 2.5, at least 1 and at most 2")),
    ],
)
def test_a_threshold_passes_between_its_bounds(
    bounds: tuple[float | None, float | None], number: float, score: Score
) -> None:
    assert CombinedScore(THRESHOLD, (A,), *bounds).score({"a": Score(number)}) == score


@given(st.floats(0, 1), st.floats(1, 5), st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_weighted_score_lies_between_its_parts(
    first: float, second: float, weight: float, other: float
) -> None:
    parts = Part("a", weight), Part("b", other, 1.0, 5.0)
    value = CombinedScore(WEIGHTED, parts).score({"a": Score(first), "b": Score(second)}).value
    shares = sorted([first, (second - 1) / 4])
    assert shares[0] - 1e-9 <= value <= shares[1] + 1e-9  # type: ignore[operator]


EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain]
models: [echo:last]
evaluators: [exact_match, latency, %s]
"""
ONE = "{weighted: {of: {exact_match: 1}}}"
CIRCLE = "{threshold: {of: %s, at_least: 1, name: %s}}"
REFUSED = {
    ONE: "weighted has one evaluator, and it takes two",
    "{weighted: {of: {exact_match: 1, brevity: 2}}}": "evaluator for this weighted: 'brevity'",
    "{weighted: {of: {exact_match: 1, quality: 2}, name: quality}}": "'quality' is made of itself",
    f"{CIRCLE % ('b', 'a')}, {CIRCLE % ('a', 'b')}": "threshold: 'a' is made of itself",
    "{weighted: {of: {exact_match: 1, latency: 2}}}": "latency has no range, so it can't be",
    "{weighted: {of: {exact_match: 0, latency: 2}}}": "greater than 0",
    "{threshold: {of: exact_match}}": "threshold has no bound",
    "{threshold: {of: exact_matsch, at_least: 1}}": "did you mean 'exact_match'",
    "{threshold: {of: exact_match, atleast: 1}}": "at_least",
    "{threshold: {of: exact_match, at_least: 1, name: latency}}": "two evaluators are called",
}


@pytest.mark.parametrize("entry", REFUSED)
def test_an_entry_that_combines_nothing_is_refused(bench: Bench, entry: str) -> None:
    bench.write("rows.jsonl", '{"text": "a", "label": "a"}\n')
    assert REFUSED[entry] in refusal(bench.plan, EXPERIMENT % entry)


def test_the_names_are_reserved(bench: Bench) -> None:
    bench.write("rows.jsonl", '{"text": "a", "label": "a"}\n')
    (bench.root / "evaluators").mkdir()
    (bench.root / "evaluators" / "threshold.py").write_text("def threshold(outputs): return 1\n")
    entry = "{threshold: {of: exact_match, at_least: 1}}"
    assert "rename the file and its function: my_threshold" in refusal(
        bench.plan, EXPERIMENT % entry
    )


def test_a_run_has_them_as_metrics_and_asks_for_nothing_again(tmp_path, empty_store) -> None:  # type: ignore[no-untyped-def]
    write_task(tmp_path)
    file = tmp_path / "prompts" / "qa" / "experiment.yaml"
    first = json.loads(invoke(tmp_path, "run", "--json", MLFLOW_TRACKING_URI="none").stdout)
    entries = (
        "{weighted: {of: {exact_match: 1, right: 1}, name: quality}}, exact_match, "
        "{threshold: {of: exact_match, at_least: 1, name: right}}"
    )
    file.write_text(file.read_text().replace("[exact_match]", f"[{entries}]"))
    again = json.loads(invoke(tmp_path, "run", "--json", MLFLOW_TRACKING_URI="none").stdout)
    assert again["requests"]["sent"] == 0
    for before, after in zip(first["variants"], again["variants"], strict=True):
        mean = before["metrics"]["exact_match"]["mean"]
        metrics = {name: metric["mean"] for name, metric in after["metrics"].items()}
        in_order = [("quality", mean), ("exact_match", mean), ("right", mean)]
        assert list(metrics.items()) == in_order
    assert again["variants"][1]["metrics"]["right"]["kind"] == "pass"
