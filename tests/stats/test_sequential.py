"""A test that is looked at after every few rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats.sequential import evidence

ALPHA = 0.05


def test_without_rows_there_is_no_evidence() -> None:
    assert evidence([], bound=0.0) == 1.0


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), max_size=40), st.randoms())
def test_the_order_of_the_rows_makes_no_difference(values: list[float], chance) -> None:
    mixed = values[:]
    chance.shuffle(mixed)
    assert evidence(values, bound=0.0) == pytest.approx(evidence(mixed, bound=0.0))


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=12))
def test_it_is_a_fair_bet(values: list[float]) -> None:
    """One more row that is a coin of -1 and 1 leaves the evidence what it is, on average."""
    before = evidence(values, bound=0.0)
    after = [evidence([*values, coin], bound=0.0) for coin in (-1.0, 1.0)]
    assert sum(after) / 2 == pytest.approx(before)


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="a value beyond -1 to 1"):
        evidence([1.5], bound=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.1, 0.1), (0.3, 0.3), (0.02, 0.02)])
def test_looking_after_every_ten_rows_cries_wolf_no_more_often(shares: tuple[float, float]) -> None:
    chance = np.random.default_rng(3)
    wrong = 0
    for _ in range(2_000):
        up, down = shares
        rows = chance.choice([1.0, -1.0, 0.0], 600, p=[up, down, 1 - up - down])
        wrong += any(evidence(rows[:seen], bound=0.0) >= 1 / ALPHA for seen in range(10, 601, 10))
    print(f"discordant {shares}: evidence without a difference {wrong / 2_000:.3f}")
    assert wrong / 2_000 <= ALPHA


@pytest.mark.slow
def test_a_real_difference_is_found_with_rows_of_the_same_order() -> None:
    """0.3 up and 0.1 down: 77 rows are the fixed test's for 80%."""
    chance = np.random.default_rng(4)
    needed = []
    for _ in range(500):
        rows = chance.choice([1.0, -1.0, 0.0], 1_000, p=[0.3, 0.1, 0.6])
        needed.append(
            next(
                (n for n in range(10, 1_001, 10) if evidence(rows[:n], bound=0.0) >= 1 / ALPHA),
                1_001,
            )
        )
    print(f"rows until it is found: median {np.median(needed)}, 80% {np.quantile(needed, 0.8)}")
    assert np.quantile(needed, 0.8) <= 2.5 * 77
