"""Answers that were made elsewhere, scored and compared as those of a run."""

from pathlib import Path

import pandas as pd
import pytest

import workbench as wb

pytestmark = pytest.mark.slow
TEXTS = [" 4 \n", "{{ x }}\nuser:\nhi", "ü\u2028<b>", "", None, 7]


def exactly(outputs: str, expectations: dict) -> bool:
    return outputs == expectations["expected_response"]


def test_answers_are_scored_as_they_are(folder: Path) -> None:
    right = [" 4 \n", "{{ x }}\nuser:\nhi", "ü\u2028<b>", "x", "x", "7"]
    answers = pd.DataFrame({"n": range(6), "right": right, "answer": TEXTS, "old one": ["x"] * 6})
    call = {"output": ["old one", "answer"], "expected": "right", "progress": False}
    with pytest.warns(UserWarning, match="2 of 12 rows failed: 2 × empty_output"):
        scored = wb.evaluate(answers, exactly, **call)
    rows = scored.to_pandas().query("variant == 'answer'")
    assert rows["exactly"].fillna(-1).tolist() == [1, 1, 1, -1, -1, 1]
    assert rows["state"].tolist() == [*["ok"] * 3, "empty_output", "empty_output", "ok"]
    assert rows["latency_s"].isna().all()
    comparison = scored.compare()
    assert comparison.to_pandas()[["variant", "baseline", "n"]].values.tolist() == [
        ["answer", "old_one", 4]
    ]


def test_equal_answers_are_independent_rows(folder: Path) -> None:
    """A constant answer is one text, but not one question; the templates are no concern."""
    data = {"right": ["a", "b"] * 20, "always": ["a"] * 40, "new": ["a", "b"] * 20}
    call = {"output": ["always", "new"], "expected": "right", "progress": False}
    scored = wb.evaluate(data, "exact_match", **call)
    comparison = scored.compare()
    assert (comparison.verdict, scored.notes) == ("better", ())
    assert "cluster" not in repr(comparison)
    assert "+++" not in repr(comparison)


def test_a_column_with_the_name_of_a_constant_holds_answers(folder: Path) -> None:
    data = {"right": ["1", "2"], "true": ["1", "3"], "output_0": ["x", "y"]}
    scored = wb.evaluate(data, "exact_match", output="true", expected="right", progress=False)
    rows = scored.to_pandas()
    assert rows[["variant", "output", "output_0"]].values.tolist() == [
        ["true", "1", "x"],
        ["true", "3", "y"],
    ]


ROWS = {"right": ["4", "6"], "old one": ["4", "5"], "empty": [None, ""]}
REFUSED = [
    ({"output": "old one"}, "workbench.evaluate: the evaluator 'exact_match' needs expectations"),
    ({"output": "empty", "expected": "right"}, "output='empty': 2 of 2 rows (first: "),
    (
        {"output": "old one", "expected": "right", "baseline": "x"},
        "baseline: unknown column of answers 'x'\n  fix: known: old one",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_errors_are_about_the_columns(folder: Path, arguments: dict, message: str) -> None:
    with pytest.raises(wb.WorkbenchError) as caught:
        wb.evaluate(ROWS, "exact_match", **arguments)
    assert str(caught.value).startswith(message)
    assert "template" not in str(caught.value)


def test_an_unknown_output_is_named(folder: Path) -> None:
    with pytest.raises(wb.WorkbenchError, match="output: unknown column 'answr'\n  fix: did you"):
        wb.evaluate([{"answer": "x"}], "output_tokens", output="answr")
