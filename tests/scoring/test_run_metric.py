"""Evaluator functions of all rows at once: what they get, and what becomes of their result."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluator.contract import bind
from workbench.evaluator.traits import per_row
from workbench.results.column_score import ColumnScore
from workbench.scoring.run_metric import measure_run

ROWS = [{"outputs": text, "expectations": {"expected_response": "a"}} for text in "aabab" * 4]


@evaluator(over="run", range=(0, 1))
def agreement(outputs: list[str], expectations: list[dict], *, weight: float = 1.0) -> Score:
    pairs = zip(outputs, expectations, strict=True)
    right = [text == each["expected_response"] for text, each in pairs]
    return Score(weight * sum(right) / len(right), f"{sum(right)} of {len(right)}")


def read_number(outputs: str, *, base: int = 10) -> int:
    return int(outputs, base)


@evaluator(over="run")
@per_row(read_number)
def spread(rows: Sequence[int], *, scale: float = 1.0) -> float:
    return scale * math.sqrt(sum(row * row for row in rows) / len(rows))


def measure(
    function: Callable[..., Any],
    rows: Sequence[Mapping[str, Any]] = ROWS,
    **settings: Any,
) -> ColumnScore:
    bound = bind(function, settings, name=function.__name__)
    return measure_run(bound, rows, range(len(rows)), 9)


def test_the_columns_of_all_rows_make_one_value_with_an_interval() -> None:
    score = measure(agreement)
    assert (score.value, score.reason, score.problem) == (0.6, "12 of 20", "")
    assert score.low is not None
    assert score.high is not None
    assert 0.35 < score.low < 0.45 < 0.75 < score.high < 0.85
    assert list(score.contributions.values()) == pytest.approx([1, 1, 0, 1, 0] * 4)
    assert measure(agreement, weight=0.5).value == 0.3


def test_rows_are_read_once_and_those_that_cannot_be_are_errors() -> None:
    rows = [{"outputs": text} for text in ("3", "4", "x", "5", "1", "2", "6", "2", "4", "3")]
    rows.append({"outputs": "7", "error": "cut off"})
    score = measure(spread, rows, scale=2.0)
    values = [3, 4, 5, 1, 2, 6, 2, 4, 3]
    assert score.value == pytest.approx(2 * math.sqrt(sum(v * v for v in values) / 9))
    assert sorted(score.unread) == [2, 10]
    assert score.unread[2].startswith("ValueError: invalid literal for int() with base 10: 'x' (")
    assert len(score.contributions) == 9
    assert measure(spread, [{"outputs": "a"}] * 9, base=16).value == 10
    assert measure(spread, [{"outputs": "x"}] * 3) == ColumnScore(
        None, unread=measure(spread, [{"outputs": "x"}] * 3).unread
    )


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (2.0, "returned 2.0, outside its range [0, 1]"),
        ("high", "returned the string 'high', not a number"),
        ([1], "returned list, not a bool, number, str or Score"),
        (math.nan, "returned nan, not a finite number"),
        (None, "it gave no value"),
        (Score(error="no scale fits"), "no scale fits"),
        (Score(reason="nothing to rank"), "nothing to rank"),
    ],
)
def test_a_result_that_is_no_value_is_an_error(result: object, error: str) -> None:
    @evaluator(over="run", range=(0, 1))
    def broken(outputs: list[str]) -> object:
        return result

    score = measure(broken)
    assert (score.value, score.error) == (None, error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"over": "column"}, "over is 'column', not 'row' or 'run'"),
        ({"over": "run", "kind": "pass"}, "a metric of a run is a number, not 'pass'"),
    ],
)
def test_a_declaration_that_fits_no_metric_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        evaluator(**arguments)


def test_the_function_of_rows_takes_rows_first() -> None:
    @evaluator(over="run")
    @per_row(read_number)
    def wrong(outputs: list[str]) -> float:
        return 0.0

    with pytest.raises(WorkbenchError, match="the function of 'wrong' takes no rows"):
        bind(wrong, {}, name="wrong")
