"""What is promised of verdicts and intervals, in worlds whose truth is known.

Every rate is over WORKBENCH_DRAWS draws (400; 2,000 hold the tight bounds) with a fixed seed;
`pytest -s` prints them.
"""

from collections.abc import Callable

import numpy as np
import pytest
from draws import assert_rate, draws_of
from worlds import WORLDS, Chance, World, by_row

from workbench.stats.means import estimate_mean
from workbench.stats.pairs import Difference, Scale, paired_difference
from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, rows_to_detect, verdicts

FULL = 2_000
DRAWS = draws_of(FULL)
# The interval of a correct program covers the truth in nearly 95% of cases; tight bounds are four
# standard errors of that rate over 2,000 draws.
COVERED, TIGHT_COVERED = (0.935, 0.965), (0.93, 0.97)
ONE_SIDED, TWO_SIDED = (0.0, 0.025), (0.0, 0.05)
TIGHT_ONE_SIDED, TIGHT_TWO_SIDED = (0.0, 0.05), (0.0, 0.05 + 0.015)  # + three standard errors
SIZES = [20, 50, 200]
pytestmark = [pytest.mark.slow]


def rate(seed: int, once: Callable[[Chance], bool], draws: int = DRAWS) -> float:
    chance = np.random.default_rng(seed)
    return sum(once(chance) for _ in range(draws)) / draws


def apart(world: World, chance: Chance, rows: int, effect: float = 0.0) -> Difference:
    first, second = world.draw(chance, rows, effect)
    found = paired_difference(by_row(first), by_row(second), world.scale)
    assert found
    return found


def holds(found: Difference, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("name", WORLDS)
def test_without_a_difference_a_verdict_of_one_is_seldom(name: str, rows: int) -> None:
    said = {"better": 0, "covered": 0, "any": 0}

    def once(chance: Chance) -> bool:
        found = apart(WORLDS[name], chance, rows)
        (verdict,) = verdicts([found])
        said["better"] += verdict.outcome == BETTER
        said["any"] += verdict.outcome != INCONCLUSIVE
        said["covered"] += holds(found, 0)
        return True

    rate(rows, once)
    better, either, covered = (said[one] / DRAWS for one in ("better", "any", "covered"))
    print(f"{name}, {rows} rows: better {better:.3f}, either {either:.3f}, holds {covered:.3f}")
    assert_rate(said["better"], FULL, ONE_SIDED, TIGHT_ONE_SIDED)
    assert_rate(said["any"], FULL, TWO_SIDED, TIGHT_TWO_SIDED)
    assert_rate(said["covered"], FULL, COVERED, TIGHT_COVERED)


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("name", WORLDS)
def test_a_mean_s_interval_holds_the_truth(name: str, rows: int) -> None:
    world = WORLDS[name]

    def once(chance: Chance) -> bool:
        values, _ = world.draw(chance, rows, 0.0)
        found = estimate_mean(list(by_row(values).values()), pass_fail=world.scale.pass_fail)
        assert found
        assert found.low is not None
        assert found.high is not None
        return found.low <= world.mean <= found.high

    covered = rate(rows, once)
    print(f"{name}, {rows} rows: the mean's interval holds {covered:.3f}")
    assert_rate(covered * DRAWS, FULL, COVERED, TIGHT_COVERED)


@pytest.mark.parametrize(
    ("name", "effect"), [("pass or fail", 0.15), ("skewed", 0.3), ("tied", 0.2)]
)
def test_a_difference_is_found_as_often_as_the_closed_form_says(name: str, effect: float) -> None:
    world = WORLDS[name]
    first, second = world.draw(np.random.default_rng(0), 100_000, effect)
    counted = world.scale.pass_fail
    rows = rows_to_detect(effect, float((second - first).std()), is_binary=counted)
    covered = [0]

    def once(chance: Chance) -> bool:
        found = apart(world, chance, rows, effect)
        covered[0] += holds(found, effect)
        return verdicts([found])[0].outcome == BETTER

    power = rate(9, once)
    print(f"{name}, {rows} rows: found {power:.3f}, interval holds {covered[0] / DRAWS:.3f}")
    assert_rate(power * DRAWS, FULL, (0.78, 0.83), (0.75, 0.85))
    assert_rate(covered[0], FULL, COVERED, TIGHT_COVERED)


def test_of_five_variants_none_is_wrongly_told_apart() -> None:
    world = WORLDS["tied"]

    def once(chance: Chance) -> bool:
        base, _ = world.draw(chance, 60, 0.0)
        others = [world.draw(chance, 60, 0.0)[0] for _ in range(5)]
        family = [paired_difference(by_row(base), by_row(one), world.scale) for one in others]
        said = verdicts([one for one in family if one])
        return any(one.outcome != INCONCLUSIVE for one in said)

    wrong = rate(10, once)
    print(f"five variants: one is wrongly told apart {wrong:.3f}")
    assert_rate(wrong * DRAWS, FULL, TWO_SIDED, TIGHT_TWO_SIDED)


@pytest.mark.parametrize("name", WORLDS)
def test_a_difference_as_large_as_the_margin_is_seldom_called_equivalent(name: str) -> None:
    margin = 0.1

    def once(chance: Chance) -> bool:
        found = apart(WORLDS[name], chance, 200, margin)
        return verdicts([found], margin=margin)[0].outcome == EQUIVALENT

    wrong = rate(11, once)
    print(f"{name}: equivalent though a margin apart {wrong:.3f}")
    assert_rate(wrong * DRAWS, FULL, TWO_SIDED, TIGHT_TWO_SIDED)


@pytest.mark.parametrize("passes", [True, False])
def test_repeats_make_no_interval_shrink_as_if_they_were_rows(passes: bool) -> None:
    """Thirty rows, ten repeats each; what a row is worth it is worth ten times."""
    said = {"mean": 0, "difference": 0, "better": 0}

    def once(chance: Chance) -> bool:
        ease = chance.beta(0.6, 0.4, 30)[:, None]
        first, second = (
            (chance.random((30, 10)) < ease).astype(float)
            if passes
            else ease + chance.normal(0, 0.1, (30, 10))
            for _ in range(2)
        )
        mean = estimate_mean(list(by_row(first).values()), pass_fail=passes)
        found = paired_difference(by_row(first), by_row(second), Scale(pass_fail=passes))
        assert mean
        assert mean.low is not None
        assert mean.high is not None
        assert found
        said["mean"] += mean.low <= 0.6 <= mean.high
        said["difference"] += holds(found, 0)
        said["better"] += verdicts([found])[0].outcome == BETTER
        return True

    rate(12, once)
    mean, between, better = (said[one] / DRAWS for one in ("mean", "difference", "better"))
    print(
        f"repeats, passes={passes}: mean {mean:.3f}, difference {between:.3f}, better {better:.3f}"
    )
    assert_rate(said["mean"], FULL, COVERED, TIGHT_COVERED)
    assert_rate(said["difference"], FULL, COVERED, TIGHT_COVERED)
    assert_rate(said["better"], FULL, ONE_SIDED, TIGHT_ONE_SIDED)
