"""The percentile bootstrap of a statistic of a whole column."""

import numpy as np
import pytest
from draws import assert_rate, draws_of

from workbench.stats.bootstrap import bootstrap_interval


def test_the_interval_of_a_mean_is_the_normal_one_in_large_samples() -> None:
    values = np.random.default_rng(1).normal(10, 2, size=400)
    interval = bootstrap_interval(lambda rows: float(values[rows].mean()), range(400), limit_s=9)
    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.03)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.03)


def test_clusters_are_drawn_whole() -> None:
    drawn: list[set[int]] = []

    def statistic(rows: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> float:
        drawn.append(set(rows))
        return float(rows.mean())

    bootstrap_interval(statistic, [7, 3, 7, 3, 5], limit_s=9)
    assert all((0 in rows) == (2 in rows) and (1 in rows) == (3 in rows) for rows in drawn)


@pytest.mark.parametrize(
    ("values", "clusters"),
    [([1.0, 2.0], [0, 0]), ([1.0] * 9, range(9)), ([float("nan")] * 9, range(9))],
)
def test_there_is_no_interval_where_rows_tell_nothing(
    values: list[float], clusters: list[int]
) -> None:
    column = np.array(values)
    interval = bootstrap_interval(lambda rows: float(column[rows].max()), clusters, limit_s=9)
    assert (interval.low, interval.high) == (None, None)


def test_time_limits_the_resamples() -> None:
    assert bootstrap_interval(lambda rows: float(len(rows)), range(9), limit_s=0).resamples <= 1


def test_the_interval_of_an_rmse_covers_the_true_one() -> None:
    generator, inside = np.random.default_rng(2), 0
    for _ in range(draws_of(50)):
        errors = generator.normal(0, 1, size=100) ** 2
        interval = bootstrap_interval(
            lambda rows, errors=errors: float(np.sqrt(errors[rows].mean())), range(100), limit_s=9
        )
        assert interval.low is not None
        assert interval.high is not None
        inside += interval.low <= 1 <= interval.high
    assert_rate(inside, 50, truth=(0.91, 0.96), tight=(0.82, 1))
