"""Rates and differences corrected by people's labels: the promise of their intervals."""

import numpy as np
import pytest
from draws import assert_rate, draws_of

from workbench.stats.judge_error import (
    JudgeRates,
    corrected_difference,
    corrected_rate,
    rate_by_error,
)
from workbench.stats.labelled_difference import correct_difference
from workbench.stats.means import wilson_interval
from workbench.stats.pairs import paired_difference
from workbench.stats.sample import Scale
from workbench.stats.verdicts import verdicts

TRUTH, ROWS = 0.7, 1_000
LABELS = (50, 200)
JUDGES = ((0.6, 0.6), (0.6, 0.99), (0.8, 0.8), (0.95, 0.95), (0.99, 0.6), (0.99, 0.97))
Z = 1.959964


def judged(rng: np.random.Generator, truth: np.ndarray, rates: tuple[float, float]) -> np.ndarray:
    """What a judge of this sensitivity and specificity says."""
    sensitivity, specificity = rates
    draws = rng.random(len(truth))
    return np.where(truth == 1, draws < sensitivity, draws > specificity).astype(float)


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("rates", JUDGES)
def test_a_rate_corrected_by_labels_of_its_own_rows(
    labels: int, rates: tuple[float, float]
) -> None:
    rng = np.random.default_rng([labels, *(int(100 * rate) for rate in rates)])
    covered, halves, alone = 0, 0.0, 0.0
    for _ in range(draws_of(2_000)):
        truth = (rng.random(ROWS) < TRUTH).astype(float)
        people = dict(enumerate(truth[:labels].tolist()))
        corrected = corrected_rate(judged(rng, truth, rates).tolist(), people)
        assert corrected
        covered += corrected.low <= TRUTH <= corrected.high
        halves += corrected.high - corrected.low
        low, high = wilson_interval(float(truth[:labels].mean()), labels, Z)
        alone += high - low
    assert_rate(covered, 2_000, truth=(0.93, 1.0), tight=(0.93, 1.0))
    assert halves <= 1.02 * alone  # of the labels alone


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("rates", JUDGES)
def test_a_rate_by_the_error_on_rows_from_elsewhere(
    labels: int, rates: tuple[float, float]
) -> None:
    rng = np.random.default_rng([labels, *(int(1_000 * rate) for rate in rates)])
    covered = corrected_draws = 0
    for _ in range(draws_of(2_000)):
        truth = (rng.random(ROWS) < TRUTH).astype(float)
        elsewhere = (rng.random(labels) < TRUTH).astype(float)
        said = judged(rng, elsewhere, rates)
        passed = elsewhere == 1
        error = JudgeRates(
            float(said[passed].mean()),
            float(1 - said[~passed].mean()),
            int(passed.sum()),
            int((~passed).sum()),
        )
        corrected = rate_by_error(float(judged(rng, truth, rates).mean()), ROWS, error)
        if corrected:  # the judge seems better than chance
            corrected_draws += 1
            covered += corrected.low <= TRUTH <= corrected.high
    share = covered + draws_of(2_000) - corrected_draws
    assert_rate(share, 2_000, truth=(0.93, 1.0), tight=(0.93, 1.0))


@pytest.mark.parametrize("lenient", [(0.99, 0.6), (0.9, 0.6), (0.95, 0.5)])
def test_a_judge_that_is_lenient_to_one_variant_makes_no_winner(
    lenient: tuple[float, float],
) -> None:
    rng = np.random.default_rng([int(100 * rate) for rate in lenient])
    false = misled = 0
    for _ in range(draws_of(2_000)):
        before, after = (rng.random(500) < TRUTH, rng.random(500) < TRUTH)
        said = judged(rng, after, lenient) - judged(rng, before, (0.9, 0.9))
        people = {row: float(after[row]) - float(before[row]) for row in range(200)}
        corrected = corrected_difference(said.tolist(), people)
        assert corrected
        assert (corrected.low > 0) == (corrected.p_greater(0.0) < 0.025)
        false += corrected.low > 0
        misled += said.mean() - Z * said.std(ddof=1) / 500**0.5 > 0
    assert_rate(false, 2_000, truth=(0.0, 0.05), tight=(0.0, 0.05))
    assert misled > 0.7 * draws_of(2_000)  # without the labels


def test_labels_of_all_rows_need_no_judge() -> None:
    truth = [1.0, 0.0] * 20
    corrected = corrected_rate([1.0] * 40, dict(enumerate(truth)))
    assert corrected
    assert (corrected.mean, corrected.weight, corrected.labels) == (0.5, 0.0, 40)


def test_few_labels_correct_nothing() -> None:
    assert corrected_rate([1.0] * 100, dict.fromkeys(range(29), 1.0)) is None
    assert corrected_difference([1.0] * 100, dict.fromkeys(range(29), 1.0)) is None
    assert rate_by_error(0.5, 100, JudgeRates(0.9, 0.9, 20, 9)) is None


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    assert rate_by_error(0.5, 100, JudgeRates(0.5, 0.5, 50, 50)) is None
    assert rate_by_error(0.5, 100, JudgeRates(1.0, 1.0, 50, 0)) is None


def test_equal_labels_are_no_certainty() -> None:
    corrected = corrected_rate([1.0] * 100, dict.fromkeys(range(40), 1.0))
    assert corrected
    assert corrected.mean == 1.0
    assert corrected.low < 0.95


def test_a_corrected_difference_has_an_interval_and_a_test_that_agree() -> None:
    """The second passes in every row by the judge, and in as many as the first by people."""
    rows = range(60)
    first = {row: [float(row % 3 > 0)] for row in rows}
    raw = paired_difference(first, {row: [1.0] for row in rows}, Scale(pass_fail=True))
    assert raw
    assert verdicts([raw])[0].outcome == "better"
    judged = [1.0 - first[row][0] for row in rows]
    corrected = corrected_difference(judged, {row: float(row % 2) - 0.5 for row in range(40)})
    assert corrected
    difference = correct_difference(raw, corrected)
    assert (difference.mean, difference.before, difference.after) == (
        corrected.mean,
        raw.before,
        raw.after,
    )
    assert difference.low is not None
    assert (difference.low > 0) == (difference.p <= 0.05)
    (verdict,) = verdicts([difference], margins=[0.05])
    assert (verdict.outcome, verdict.rows_needed) == ("not enough evidence", None)
    assert corrected.scaled(1.0, 3.0).mean == 1.0 + 2 * corrected.mean
