"""Error rates of verdicts and intervals, on simulated data whose truth is known.

Every rate is over WORKBENCH_DRAWS draws (400; 2,000 hold the tight bounds) with a fixed seed;
`pytest -s` prints them.
"""

from collections.abc import Callable

import numpy as np
import pytest
from draws import assert_rate, draws_of
from numpy.random import Generator
from scipy.special import stdtrit
from simulated_data import (
    MEAN_DISTRIBUTIONS,
    PAIR_DISTRIBUTIONS,
    SCENARIOS,
    UNRANGED_DISTRIBUTIONS,
    Scenario,
    by_row,
)

from workbench.results.scores import shown_ends
from workbench.stats.means import estimate_mean, p_mean_less
from workbench.stats.pairs import Difference, paired_difference
from workbench.stats.sample import Scale
from workbench.stats.verdicts import (
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    rows_to_detect,
    verdicts,
)

FULL = 2_000
DRAWS = draws_of(FULL)
# The interval of a correct program covers the truth in nearly 95% of cases, or more where a worst
# value that was not seen counts; tight bounds are four standard errors of that rate over 2,000.
COVERED, TIGHT_COVERED = (0.935, 1.0), (0.93, 1.0)
ONE_SIDED, TWO_SIDED = (0.0, 0.025), (0.0, 0.05)
TIGHT_ONE_SIDED, TIGHT_TWO_SIDED = (0.0, 0.05), (0.0, 0.05 + 0.015)  # + three standard errors
COVERED_OR_MORE = (0.93, 1.0)
TIGHT_FALSE = (0.0, 0.05 + 0.01)  # + two standard errors
SIZES = [20, 50, 200]
pytestmark = [pytest.mark.slow]


def rate(seed: int, trial: Callable[[Generator], bool], draws: int = DRAWS) -> float:
    rng = np.random.default_rng(seed)
    return sum(trial(rng) for _ in range(draws)) / draws


def draw_difference(
    scenario: Scenario, rng: Generator, rows: int, effect: float = 0.0
) -> Difference:
    first, second = scenario.draw(rng, rows, effect)
    difference = paired_difference(by_row(first), by_row(second), scenario.scale)
    assert difference
    return difference


def holds(difference: Difference, truth: float, median: float | None = None) -> bool:
    """True if the interval that is shown has the truth in it; `median` is that of the differences.

    None: the same as the mean.
    """
    ends = shown_ends(difference)
    assert ends
    shown = truth if median is None or not difference.median else median
    return ends[0] <= shown <= ends[1]


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_without_a_difference_a_verdict_of_one_is_seldom(name: str, rows: int) -> None:
    counts = {"better": 0, "covered": 0, "any": 0}

    def trial(rng: Generator) -> bool:
        difference = draw_difference(SCENARIOS[name], rng, rows)
        (verdict,) = verdicts([difference])
        counts["better"] += verdict.outcome == BETTER
        counts["any"] += verdict.outcome != INCONCLUSIVE
        counts["covered"] += holds(difference, 0)
        return True

    rate(rows, trial)
    better, either, covered = (counts[key] / DRAWS for key in ("better", "any", "covered"))
    print(f"{name}, {rows} rows: better {better:.3f}, either {either:.3f}, holds {covered:.3f}")
    assert_rate(counts["better"], FULL, ONE_SIDED, TIGHT_ONE_SIDED)
    assert_rate(counts["any"], FULL, TWO_SIDED, TIGHT_TWO_SIDED)
    assert_rate(counts["covered"], FULL, COVERED, TIGHT_COVERED)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_mean_s_interval_holds_the_truth(name: str, rows: int) -> None:
    scenario = SCENARIOS[name]

    def trial(rng: Generator) -> bool:
        values, _ = scenario.draw(rng, rows, 0.0)
        estimate = estimate_mean(by_row(values), scenario.scale)
        assert estimate
        ends = shown_ends(estimate)
        assert ends
        return ends[0] <= (scenario.median if estimate.median else scenario.mean) <= ends[1]

    covered = rate(rows, trial)
    print(f"{name}, {rows} rows: the interval holds {covered:.3f}")
    assert_rate(covered * DRAWS, FULL, COVERED, TIGHT_COVERED)


@pytest.mark.parametrize(
    ("name", "effect"), [("pass or fail", 0.15), ("skewed", 0.1), ("tied", 0.2)]
)
def test_a_difference_is_found_as_often_as_the_closed_form_says(name: str, effect: float) -> None:
    scenario = SCENARIOS[name]
    first, second = scenario.draw(np.random.default_rng(0), 100_000, effect)
    counted = scenario.scale.pass_fail
    unseen = 0.0 if counted else scenario.scale.width or 0.0
    sd = float((second - first).std())
    rows = rows_to_detect(effect, sd, is_binary=counted, unseen=unseen)
    covered = [0]

    def trial(rng: Generator) -> bool:
        difference = draw_difference(scenario, rng, rows, effect)
        covered[0] += holds(difference, effect)
        return verdicts([difference])[0].outcome == BETTER

    power = rate(9, trial)
    print(f"{name}, {rows} rows: found {power:.3f}, interval holds {covered[0] / DRAWS:.3f}")
    assert_rate(power * DRAWS, FULL, (0.78, 0.83), (0.75, 0.85))
    assert_rate(covered[0], FULL, COVERED, TIGHT_COVERED)


def test_of_five_equal_variants_none_is_called_different() -> None:
    scenario = SCENARIOS["tied"]

    def trial(rng: Generator) -> bool:
        base, _ = scenario.draw(rng, 60, 0.0)
        others = [scenario.draw(rng, 60, 0.0)[0] for _ in range(5)]
        family = [
            paired_difference(by_row(base), by_row(values), scenario.scale) for values in others
        ]
        results = verdicts([difference for difference in family if difference])
        return any(verdict.outcome != INCONCLUSIVE for verdict in results)

    wrong = rate(10, trial)
    print(f"five variants: one is wrongly told apart {wrong:.3f}")
    assert_rate(wrong * DRAWS, FULL, TWO_SIDED, TIGHT_TWO_SIDED)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_difference_as_large_as_the_margin_is_seldom_called_equivalent(name: str) -> None:
    margin = 0.1

    def trial(rng: Generator) -> bool:
        difference = draw_difference(SCENARIOS[name], rng, 200, margin)
        return verdicts([difference], margins=[margin])[0].outcome == EQUIVALENT

    wrong = rate(11, trial)
    print(f"{name}: equivalent though a margin apart {wrong:.3f}")
    assert_rate(wrong * DRAWS, FULL, TWO_SIDED, TIGHT_TWO_SIDED)


@pytest.mark.parametrize("passes", [True, False])
def test_repeats_make_no_interval_shrink_as_if_they_were_rows(passes: bool) -> None:
    """Thirty rows, ten repeats each; what a row is worth it is worth ten times."""
    counts = {"mean": 0, "difference": 0, "better": 0}

    def trial(rng: Generator) -> bool:
        ease = rng.beta(0.6, 0.4, 30)[:, None]
        first, second = (
            (rng.random((30, 10)) < ease).astype(float)
            if passes
            else ease + rng.normal(0, 0.1, (30, 10))
            for _ in range(2)
        )
        mean = estimate_mean(by_row(first), Scale(pass_fail=passes))
        difference = paired_difference(by_row(first), by_row(second), Scale(pass_fail=passes))
        assert mean
        assert difference
        ends = shown_ends(mean)
        assert ends
        counts["mean"] += ends[0] <= (0.6 if passes else 0.6795837) <= ends[1]
        counts["difference"] += holds(difference, 0)
        counts["better"] += verdicts([difference])[0].outcome == BETTER
        return True

    rate(12, trial)
    mean, between, better = (counts[key] / DRAWS for key in ("mean", "difference", "better"))
    print(
        f"repeats, passes={passes}: mean {mean:.3f}, difference {between:.3f}, better {better:.3f}"
    )
    assert_rate(counts["mean"], FULL, COVERED, TIGHT_COVERED)
    assert_rate(counts["difference"], FULL, COVERED, TIGHT_COVERED)
    assert_rate(counts["better"], FULL, ONE_SIDED, TIGHT_ONE_SIDED)


@pytest.mark.parametrize("rows", [5, *SIZES])
@pytest.mark.parametrize("name", MEAN_DISTRIBUTIONS)
def test_a_mean_s_interval_holds_the_truth_near_an_end_and_by_clusters(
    name: str, rows: int
) -> None:
    distribution = MEAN_DISTRIBUTIONS[name]
    if distribution.clusters:
        rows *= 10  # of a group are as good as one
    clusters = distribution.clusters(rows) if distribution.clusters else None
    least, most = distribution.scale.limits or (0.0, 0.0)

    def trial(rng: Generator) -> bool:
        estimate = estimate_mean(by_row(distribution.draw(rng, rows)), distribution.scale, clusters)
        assert estimate
        assert estimate.low is not None
        assert estimate.high is not None
        assert least <= estimate.low < estimate.high <= most
        return estimate.low <= distribution.mean <= estimate.high

    covered = rate(rows, trial)
    print(f"{name}, {rows} rows: the mean's interval holds {covered:.3f}")
    assert_rate(covered * DRAWS, FULL, COVERED_OR_MORE, COVERED_OR_MORE)


@pytest.mark.parametrize("rows", [20, 50, 150, 350])
@pytest.mark.parametrize("name", UNRANGED_DISTRIBUTIONS)
def test_what_is_shown_of_a_metric_without_a_range_holds_the_truth(name: str, rows: int) -> None:
    """Below 350 rows the median; a mean's interval holds it in 22% of 20 rows with time-outs."""
    distribution = UNRANGED_DISTRIBUTIONS[name]
    total = rows * 10 if distribution.clusters else rows
    clusters = distribution.clusters(total) if distribution.clusters else None
    has_mean = rows >= 350 and len(set(clusters or range(total))) >= 350
    widths: list[float] = []

    def trial(rng: Generator) -> bool:
        values = distribution.draw(rng, total)
        estimate = estimate_mean(by_row(values), distribution.scale, clusters)
        assert estimate
        assert (estimate.median is None, estimate.low is not None) == (has_mean, has_mean)
        ends = shown_ends(estimate)
        assert ends
        widths.append(ends[1] - ends[0])
        return ends[0] <= (distribution.mean if has_mean else distribution.median) <= ends[1]

    covered = rate(rows, trial)
    student = 2 * float(stdtrit(rows - 1, 0.975)) / np.sqrt(rows)
    width = float(np.median(widths)) / student
    kind = "mean" if has_mean else "median"
    print(f"{name}, {rows} rows: the {kind}'s interval holds {covered:.3f}")
    assert_rate(covered * DRAWS, FULL, COVERED_OR_MORE, COVERED_OR_MORE)
    if name == "normal":
        assert width < 1.6, "not absurdly wide"


@pytest.mark.parametrize("rows", [20, 50, 150])
@pytest.mark.parametrize("name", PAIR_DISTRIBUTIONS)
def test_a_false_word_is_rare_whatever_the_shape_of_the_differences(name: str, rows: int) -> None:
    distribution = PAIR_DISTRIBUTIONS[name]
    if distribution.clusters:
        rows *= 10
    if not distribution.scale.width:
        rows = rows * 7 // 3  # a word needs 350
    clusters = distribution.clusters(rows) if distribution.clusters else None
    margin = abs(distribution.difference)
    counts = {"false": 0, "covered": 0, "shown": 0}

    def trial(rng: Generator) -> bool:
        first, second = distribution.draw(rng, rows)
        difference = paired_difference(by_row(first), by_row(second), distribution.scale, clusters)
        assert difference
        (verdict,) = verdicts([difference], margins=[margin])
        right = (INCONCLUSIVE, WORSE) if distribution.difference else (INCONCLUSIVE,)
        counts["false"] += verdict.outcome not in right
        is_shown = shown_ends(difference) is not None
        counts["shown"] += is_shown
        counts["covered"] += is_shown and holds(
            difference, distribution.difference, distribution.median
        )
        return True

    rate(rows, trial)
    false, covered = counts["false"] / DRAWS, counts["covered"] / DRAWS
    assert counts["shown"] == DRAWS
    print(f"{name}, {rows} rows: false word {false:.3f}, interval holds {covered:.3f}")
    assert_rate(counts["false"], FULL, TWO_SIDED, TIGHT_FALSE)
    assert_rate(counts["covered"], FULL, COVERED_OR_MORE, COVERED_OR_MORE)


@pytest.mark.parametrize("rows", [20, 50])
@pytest.mark.parametrize("name", ["exponential", "log-normal"])
def test_a_floor_at_the_mean_of_skewed_values_seldom_fails(name: str, rows: int) -> None:
    """The sample's mean is mostly below the true one, because large values are rare."""
    draw, mean = {
        "exponential": (lambda rng: rng.exponential(1, rows), 1.0),
        "log-normal": (lambda rng: np.exp(rng.normal(0, 1, rows)), np.exp(0.5)),
    }[name]
    wrong = rate(rows, lambda rng: p_mean_less(by_row(draw(rng)), mean, Scale()) <= 0.05)
    print(f"{name}, {rows} rows: a floor at the mean fails {wrong:.3f}")
    assert_rate(wrong * DRAWS, FULL, TWO_SIDED, TIGHT_FALSE)
