"""Variance components of repeated scores, and samples planned with those of a pilot."""

import numpy as np
import pytest
from draws import assert_rate, draws_of
from scipy.special import ndtr, ndtri

from workbench.stats.components import (
    Components,
    assured_components,
    design_effect,
    difference_components,
    variance_components,
)
from workbench.stats.sample import RowValues
from workbench.stats.verdicts import rows_to_detect

ROWS = 4_000


def scores(
    rng: np.random.Generator, *, rows_sd: float, answers_sd: float, repeats: int
) -> RowValues:
    """Values of rows whose means, and whose answers, vary by so much."""
    means = rng.normal(0, rows_sd, ROWS)[:, None]
    values = means + rng.normal(0, answers_sd, (ROWS, repeats))
    return {row: list(answers) for row, answers in enumerate(values)}


@pytest.mark.slow
@pytest.mark.parametrize(("rows_sd", "answers_sd"), [(1.0, 0.5), (0.2, 1.0), (0.0, 1.0)])
def test_rows_are_told_from_answers(rows_sd: float, answers_sd: float) -> None:
    rng = np.random.default_rng(1)
    values = scores(rng, rows_sd=rows_sd, answers_sd=answers_sd, repeats=4)
    values = {row: answers[: 2 + row % 3] for row, answers in values.items()}  # unequal numbers
    parts = variance_components(values)
    assert parts
    assert parts.rows == pytest.approx(rows_sd**2, abs=0.06)
    assert parts.answers == pytest.approx(answers_sd**2, abs=0.06)


def test_a_judge_is_told_from_the_answers_it_judges_twice() -> None:
    rng = np.random.default_rng(2)
    quality = rng.normal(0, 1, (ROWS, 2))  # of a row's two answers, each of which comes twice
    values = {n: list(np.repeat(pair, 2) + rng.normal(0, 0.5, 4)) for n, pair in enumerate(quality)}
    texts = {row: ["a", "a", "b", "b"] for row in range(ROWS)}
    parts = variance_components(values, texts)
    assert parts
    assert parts.judge == pytest.approx(0.25, abs=0.02)
    # Two of four answers are copies: the pooled variance within rows is 2/3 of the answers' own.
    assert parts.answers == pytest.approx(2 / 3, abs=0.05)
    assert sum(parts.shares().values()) == pytest.approx(1)


def test_without_repeats_the_sources_are_unknown() -> None:
    parts = variance_components({row: [float(row % 2)] for row in range(20)})
    assert parts
    assert (parts.rows, parts.shares()) == (None, {})
    with pytest.raises(ValueError, match="unknown without repeats"):
        parts.sd(2)
    assert variance_components({0: [1.0]}) is None


def test_a_difference_loses_the_rows_that_both_find_hard() -> None:
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 2, ROWS)[:, None]
    first, second = (
        dict(enumerate((hard + rng.normal(0, 0.5, (ROWS, 3))).tolist())) for _ in range(2)
    )
    parts = difference_components(first, second)
    assert parts
    assert (parts.rows, parts.answers) == (
        pytest.approx(0, abs=0.03),
        pytest.approx(0.5, abs=0.03),
    )
    assert parts.sd(4) == pytest.approx(np.sqrt(0.5 / 4), abs=0.05)


def test_copies_of_rows_raise_the_rows_needed_by_their_number() -> None:
    rng = np.random.default_rng(5)
    second = {row: [value] for row, value in enumerate(np.repeat(rng.normal(size=400), 5).tolist())}
    first = {row: [0.0] for row in second}
    effect, groups = design_effect(first, second, [row // 5 for row in second])
    assert (effect, groups) == (pytest.approx(5, rel=0.01), 400)
    assert design_effect(first, second, list(second)) == (pytest.approx(1), 2_000)


@pytest.mark.parametrize("pilot_rows", [20, 50, 200])
def test_a_planned_sample_has_its_power_as_often_as_promised(pilot_rows: int) -> None:
    """The pilot's standard deviation varies; planning with its upper limit keeps 80% power."""
    rng, sd, effect = np.random.default_rng(4), 1.0, 0.2

    def power_is_kept(_: int) -> bool:
        pilot = rng.normal(0, sd, pilot_rows)
        planned = assured_components(Components(None, float(pilot.var(ddof=1))), pilot_rows)
        rows = rows_to_detect(effect, planned.sd(1))
        return float(ndtr(effect * np.sqrt(rows) / sd - ndtri(0.975))) >= 0.8

    kept = sum(power_is_kept(draw) for draw in range(draws_of(2_000)))
    assert_rate(kept, 2_000, truth=(0.8, 0.86), tight=(0.78, 0.88))
