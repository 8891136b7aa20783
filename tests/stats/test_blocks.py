"""Times compared in blocks: the test and its interval, and rates of error under a drifting load.

The load is a random walk, an autocorrelated wave and bursts, together; the answers have a long
tail. Rates are over WORKBENCH_DRAWS draws (400; 2,000 hold the tight bounds) with a fixed seed.
"""

from itertools import pairwise

import numpy as np
import pytest
from draws import assert_rate, draws_of
from numpy.random import Generator
from scipy.stats import wilcoxon

from workbench.stats.blocks import (
    FEW_ROWS,
    NOT_TOGETHER,
    BlockDifference,
    PairedTimes,
    SignedRanks,
    block_difference,
)
from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE, verdicts

FULL = 2_000
DRAWS = draws_of(FULL)


def drifting_load(rng: Generator, calls: int) -> np.ndarray:
    """Factor on the time of each call, in the order of asking."""
    walk = np.cumsum(rng.normal(0, 0.03, calls))
    wave, shocks = np.zeros(calls), rng.normal(0, 0.1, calls)
    for call in range(1, calls):
        wave[call] = 0.97 * wave[call - 1] + shocks[call]
    load = np.exp(walk - walk.mean() + wave)
    for _ in range(rng.poisson(3)):
        start = rng.integers(calls)
        load[start : start + rng.integers(5, calls // 10 + 6)] *= rng.uniform(2, 8)
    return load


def draw_times(
    rng: Generator, rows: int, *, factor: float = 1.0, order: str = "random"
) -> PairedTimes:
    """Times of two variants, the second's multiplied by `factor`; one call at a time.

    `order`: of the two calls of a row; `sequential`: all rows of one variant first.
    """
    calls = 2 * rows
    tail = np.exp(rng.normal(0, 0.6, calls)) * (1 + (rng.random(calls) < 0.03) * rng.pareto(1.5))
    times = drifting_load(rng, calls) * tail
    if order == "sequential":
        positions = np.arange(calls).reshape(2, rows).T
    else:
        first = rng.random(rows) < (0.5 if order == "random" else 1.0)
        starts = 2 * np.arange(rows)
        positions = np.stack([starts + ~first, starts + first], axis=1)
    length = np.exp(rng.normal(0, 0.4, rows))  # of a row's answer
    taken = times[positions] * length[:, None] * [1.0, factor]
    # The time of asking is that of storing less the time taken: known to a fraction of a second.
    asked = np.zeros(calls)
    asked[positions] = taken
    asked = (np.cumsum(asked) - asked)[positions] + rng.uniform(0, 0.05, (rows, 2))
    return PairedTimes(taken[:, 0], taken[:, 1], asked[:, 0], asked[:, 1])


def words(times: PairedTimes, share: float = 0.0) -> tuple[str, BlockDifference]:
    """The verdict with a margin that is a share of the first variant's median."""
    difference = block_difference(times, rows=len(times.before))
    margin = share * difference.before
    (verdict,) = verdicts([difference], margins=[margin], higher_is_better=False)
    assert verdict.reason == difference.reason
    return verdict.outcome, difference


@pytest.mark.parametrize("count", [10, 11, 17, 30])
def test_the_test_is_scipys(count: int) -> None:
    values = np.random.default_rng(count).normal(0.3, 1, count)
    ranks = SignedRanks(tuple(values))
    for bound in (-0.5, 0.0, 0.4):
        for side, p in (("greater", ranks.p_greater(bound)), ("less", ranks.p_less(bound))):
            expected = wilcoxon(values - bound, alternative=side, method="exact").pvalue
            assert p == pytest.approx(expected, abs=1e-12)
    assert ranks.p == pytest.approx(wilcoxon(values, method="exact").pvalue, abs=1e-12)


def test_equal_differences_share_a_rank_and_zeros_count_for_nothing() -> None:
    assert SignedRanks((0.0, 0.0)).p == 1.0
    assert SignedRanks((0.0, *[0.1] * 10)).p == pytest.approx(2 / 2**10)
    # Ranks 1.5, 1.5, 3: of the 8 signs, 3 have a sum of 4.5 or more.
    assert SignedRanks((1.0, -1.0, 2.0)).p_greater(0.0) == 3 / 8


@pytest.mark.parametrize("count", [10, 19, 30])
def test_the_interval_holds_the_centres_that_the_test_does_not_reject(count: int) -> None:
    values = np.random.default_rng(count).standard_t(3, count)
    ranks = SignedRanks(tuple(values))
    low, high = ranks.interval()
    assert low < ranks.centre < high
    for inside, outside in ((low + 1e-9, low - 1e-9), (high - 1e-9, high + 1e-9)):
        p = [min(ranks.p_greater(at), ranks.p_less(at)) for at in (inside, outside)]
        assert p[0] > 0.025 >= p[1]


@pytest.mark.slow
@pytest.mark.parametrize("order", ["random", "fixed"])
@pytest.mark.parametrize("rows", [50, 100, 150, 400])
def test_equal_variants_get_no_word_under_a_drifting_load(rows: int, order: str) -> None:
    rng = np.random.default_rng(rows)
    counts = dict.fromkeys(["words", "tails", "covered", "no word"], 0)
    for _ in range(DRAWS):
        word, difference = words(draw_times(rng, rows, order=order))
        counts["words"] += word != INCONCLUSIVE
        counts["no word"] += bool(difference.reason)
        counts["tails"] += difference.tail is not None and difference.tail.p <= 0.05
        if difference.low is not None and difference.high is not None:
            counts["covered"] += difference.low <= 0 <= difference.high
    rates = {name: round(count / DRAWS, 3) for name, count in counts.items()}
    print(f"equal, {rows} rows, {order} order: {rates}")
    assert_rate(counts["words"], FULL, (0.0, 0.05), (0.0, 0.06))
    assert_rate(counts["tails"], FULL, (0.0, 0.05), (0.0, 0.06))
    compared = (DRAWS - counts["no word"]) / DRAWS
    assert_rate(counts["covered"] + counts["no word"], FULL, (0.95, 1.0), (0.94, 1.0))
    assert compared > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100, 400])
def test_a_difference_of_the_margin_is_seldom_called_equivalent(rows: int) -> None:
    rng = np.random.default_rng(rows)
    false = 0
    for _ in range(DRAWS):
        times = draw_times(rng, rows, factor=1.2)
        false += words(times, share=0.2)[0] == EQUIVALENT
    print(f"equivalent at the margin, {rows} rows: {false / DRAWS:.3f}")
    assert_rate(false, FULL, (0.0, 0.05), (0.0, 0.06))


@pytest.mark.slow
def test_a_slower_variant_is_found() -> None:
    rng = np.random.default_rng(1)
    cases = [(100, 2.0), (400, 1.3)]
    if DRAWS == FULL:
        cases += [(100, 1.3), (150, 1.3), (150, 2.0), (400, 2.0)]
    counts = dict.fromkeys(cases, 0)
    for rows, factor in counts:
        found = [words(draw_times(rng, rows, factor=factor))[0] for _ in range(DRAWS)]
        assert found.count(BETTER) <= 0.01 * DRAWS
        counts[rows, factor] = found.count(WORSE)
    print({case: round(count / DRAWS, 3) for case, count in counts.items()})
    assert counts[100, 2.0] > 0.8 * DRAWS
    assert counts[400, 1.3] > 0.8 * DRAWS


@pytest.mark.slow
@pytest.mark.parametrize("rows", [50, 150])
def test_variants_asked_one_after_the_other_get_no_word(rows: int) -> None:
    rng = np.random.default_rng(rows)
    for _ in range(100):
        word, difference = words(draw_times(rng, rows, order="sequential"))
        assert (word, difference.reason, difference.low) == (INCONCLUSIVE, NOT_TOGETHER, None)


def test_few_rows_get_no_word() -> None:
    times = draw_times(np.random.default_rng(0), 49)
    difference = block_difference(times, rows=49)
    assert (difference.reason, difference.p, difference.rows) == (FEW_ROWS, 1.0, 49)
    assert difference.mean == np.median(times.after) - np.median(times.before)
    assert difference.p_equivalence(1e9) == 1.0


def test_rows_of_several_days_are_compared_where_both_were_asked() -> None:
    """Of 200 rows the first variant was asked for half of them a day before."""
    times = draw_times(np.random.default_rng(2), 200)
    early = np.where(np.arange(200) < 100, times.before_sent_at - 86_400, times.before_sent_at)
    mixed = PairedTimes(times.before, times.after, early, times.after_sent_at)
    difference = block_difference(mixed, rows=200)
    assert difference.reason == ""
    assert difference.blocks is not None
    assert len(difference.blocks.differences) in (15, 16)  # of 30, one of them at the border


def test_more_rows_make_the_interval_narrower() -> None:
    widths = []
    for rows in (100, 1_000, 10_000):
        times = draw_times(np.random.default_rng(3), rows)
        difference = block_difference(times, rows=rows)
        assert difference.low is not None
        assert difference.high is not None
        widths.append(difference.high - difference.low)
    assert all(later < earlier for earlier, later in pairwise(widths))
