"""Numbers that no statistic can hold are errors where a score is accepted."""

import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from command import EXPERIMENT, invoke, write_task

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, bind, evaluator
from workbench.evaluator.as_json import evaluator_as_json
from workbench.model import Completion
from workbench.project import Price
from workbench.results.column_score import ColumnScore

BEYOND = "; scores beyond 1e+50 can't be averaged"
REFUSED = {
    "near the end of floats": (1.5e308, f"returned 1.5e+308{BEYOND}"),
    "its square is not finite": (1e160, f"returned 1e+160{BEYOND}"),
    "its fourth power is not finite": (-1e100, f"returned -1e+100{BEYOND}"),
    "a whole number": (10**200, f"returned 1e+200{BEYOND}"),
    "a whole number beyond floats": (10**400, "returned a whole number too large for a float"),
    "digits beyond the limit of texts": (10**9999, "returned a whole number too large for a float"),
    "infinity": (float("inf"), "returned inf, not a finite number"),
    "none": (float("nan"), "returned nan, not a finite number"),
    "float16": (np.float16("inf"), "returned inf, not a finite number"),
    "float64": (np.float64(1e200), f"returned 1e+200{BEYOND}"),
    "decimal": (Decimal("1e999"), "returned Decimal, not a bool, number, str or Score"),
    "fraction": (Fraction(1, 3), "returned Fraction, not a bool, number, str or Score"),
    "a Score": (Score(1e200), f"returned 1e+200{BEYOND}"),
}


def judged(value: object) -> Score:
    """The score of an evaluator that returns `value`."""

    def large(outputs: str):
        return value

    bound = bind(large, {}, name="large")
    assert evaluator_as_json(bound)
    return bound.score(inputs={}, expectations={}, completion=Completion("k", "ok"))


@pytest.mark.parametrize("case", REFUSED)
def test_number_that_can_not_be_averaged_is_an_error_of_its_row(case):
    value, error = REFUSED[case]
    score = judged(value)
    assert (score.value, score.error, score.number) == (None, error, None)


@pytest.mark.parametrize("value", [1e50, -1e50, 10**50, 5e-324, -0.0, True, 0.1, np.float16(2)])
def test_other_numbers_are_scores(value):
    assert judged(value) == Score(float(value) if not isinstance(value, bool) else value)


def test_a_stored_score_of_an_earlier_version_is_an_error_too():
    assert Score(value=1e308, reason="r").error == f"returned 1e+308{BEYOND}"


def test_a_stored_score_of_a_column_is_an_error_too():
    score = ColumnScore.from_score(ColumnScore(1e308, 1.0, 2.0).as_score())
    assert (score.value, score.error) == (None, f"returned 1e+308{BEYOND}")


@pytest.mark.parametrize("end", [1e308, float("inf"), float("nan")])
def test_range_whose_end_is_no_score_is_refused(end):
    @evaluator(range=(0, end))
    def large(outputs: str) -> float:
        return 1.0

    with pytest.raises(WorkbenchError) as error:
        bind(large, {}, name="large")
    assert str(error.value) == (
        f"evaluator 'large' has the range [0, {end}], whose ends are no scores\n"
        "  fix: name the least and the greatest score, up to 1e+50, or leave `range` out"
    )


def test_price_whose_costs_have_no_sum_is_refused():
    with pytest.raises(ValueError, match="less than or equal to 1000000000"):
        Price(input=1e300, output=1)


@pytest.mark.slow
def test_command_with_large_scores_fails_their_rows_in_every_run(tmp_path):
    write_task(tmp_path, EXPERIMENT.replace("exact_match", "large"))
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "large.py").write_text(
        "def large(outputs):\n    return 1e50 if outputs == 'yes' else -1e308\n"
    )
    for _ in range(2):
        ended = invoke(tmp_path, "run", "--json", "--tracking-uri", "none")
        assert ended.returncode == 3
        results = json.loads(ended.stdout, parse_constant=pytest.fail)
        metrics = [variant["metrics"]["large"] for variant in results["variants"]]
        assert [(metric["n"], metric["errors"]) for metric in metrics] == [(1, 1), (0, 2)]
