"""Order-statistic intervals of quantiles, and summaries of times."""

import numpy as np
import pytest
from scipy.stats import binom, quantile_test

from workbench.stats.quantiles import Quantile, quantile_ranks, row_median, summarize_times

SIZES = [*range(1, 90), 100, 150, 1_000, 20_000]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_ranks_are_the_closest_that_err_in_at_most_a_fortieth_of_samples(share: float) -> None:
    for n in SIZES:
        low, high = quantile_ranks(n, share)
        # The value of rank r is above the quantile where fewer than r values are below it.
        errs_low = [binom.cdf(rank - 1, n, share) <= 0.025 for rank in range(1, n + 1)]
        errs_high = [binom.sf(rank - 1, n, share) <= 0.025 for rank in range(1, n + 1)]
        assert low == (sum(errs_low) or None), n
        assert high == (n + 1 - sum(errs_high) if any(errs_high) else None), n


@pytest.mark.parametrize(("n", "share"), [(20, 0.5), (75, 0.5), (150, 0.95), (400, 0.95)])
def test_the_interval_is_scipys(n: int, share: float) -> None:
    times = np.random.default_rng(n).lognormal(size=n)
    low, high = quantile_ranks(n, share)
    assert low is not None
    assert high is not None
    found = quantile_test(times, q=np.quantile(times, share), p=share).confidence_interval(0.95)
    ordered = np.sort(times)
    assert (ordered[low - 1], ordered[high - 1]) == (found.low, found.high)


def test_a_few_times_have_open_ends() -> None:
    summary = summarize_times([0.4, 0.2])
    assert summary is not None
    assert summary.mean == pytest.approx(0.3)
    assert summary.median == Quantile(pytest.approx(0.3), None, None)
    assert summarize_times([]) is None


def test_the_median_of_clusters_is_of_all_rows_and_its_ends_are_of_clusters() -> None:
    """Ten copies of twenty rows say as much as the rows; rows that differ say more."""
    values = np.arange(1.0, 21.0)
    once = row_median(values, range(20))
    assert once == Quantile(10.5, 6.0, 15.0)
    groups = [row // 10 for row in range(200)]
    assert row_median(np.repeat(values, 10), range(200), groups) == once
    mixed = row_median(np.tile(values, 10), range(200), groups)
    assert mixed.low is not None
    assert mixed.high is not None
    assert 7 <= mixed.low < mixed.high <= 14
    assert mixed.low + mixed.high == 21  # as the values are symmetric


def test_the_median_of_few_clusters_has_open_ends() -> None:
    values = np.arange(50.0)
    assert row_median(values, range(50), [row // 10 for row in range(50)]).low is None
    assert row_median(values, range(50), [row // 9 for row in range(50)]).low is not None


def test_an_end_that_may_err_more_seldom_is_farther_out() -> None:
    values = np.arange(40.0)
    usual, wide = row_median(values, range(40)), row_median(values, range(40), None, (0.005, 0.025))
    assert (usual.low, usual.high, wide.low, wide.high) == (13.0, 26.0, 11.0, 26.0)
