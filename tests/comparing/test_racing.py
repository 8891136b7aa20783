"""A race: the variants that drop out, when, and its error rates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from bench import Bench, refusal
from draws import assert_rate, draws_of
from scipy.special import ndtri

from workbench.comparing.race import Race
from workbench.plan import Plan, Scope, batch_ends, batch_requests, shuffled_rows
from workbench.results.scores import MetricScores

NAMES = ["a", "b", "c"]
TEXT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [a, b, c]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""


@dataclass
class Drawn:
    """Scores of a variant, as a tally has them."""

    row_values: Mapping[int, Sequence[float]]
    lost_rows: Mapping[int, int] = field(default_factory=dict)
    silent: frozenset[int] = frozenset()

    def scores(self, name: str) -> MetricScores:
        assert name
        return MetricScores(self.row_values, self.lost_rows)

    def unreached(self) -> set[int]:
        return set(self.silent)


@pytest.fixture
def planned(bench: Bench) -> Callable[..., Plan]:
    for name in NAMES:
        bench.write(f"{name}.jinja", f"user:\n{name} {{{{ text }}}}")

    def plan(
        rows: int,
        text: str = TEXT,
        *,
        race: str = "exact_match",
        copies: int = 1,
        stored: frozenset[str] = frozenset(),
    ) -> Plan:
        texts = [n // copies for n in range(rows)]
        lines = [f'{{"text": "{n}", "label": "1"}}\n' for n in texts]
        bench.write("rows.jsonl", "".join(lines))
        return bench.plan(text, scope=Scope(race=race), stored=stored)

    return plan


@dataclass
class RaceResult:
    """A race over drawn values, and the requests that it sent."""

    race: Race
    sent: list[int]  # of each variant
    spared: int


def raced(plan: Plan, drawn: Sequence[Drawn]) -> RaceResult:
    spared: list[int] = []
    race = Race(plan, lambda: drawn, spared.append)
    sent = [0] * len(plan.variants)
    for batch in race.batches(plan):
        for number, requests in enumerate(batch):
            sent[number] += len(requests)
    assert sum(spared) == race.spared
    return RaceResult(race, sent, race.spared)


def shares(rng: np.random.Generator, rows: int, *means: float) -> list[Drawn]:
    """Pass or fail with these means, on rows that are equally hard for all."""
    hard = rng.random(rows)
    variants = []
    for mean in means:
        passed = np.where(rng.random(rows) < 0.5, hard, rng.random(rows)) < mean
        variants.append(Drawn({row: [float(value)] for row, value in enumerate(passed)}))
    return variants


def test_batches_grow_by_half_and_end_with_the_last_row() -> None:
    assert list(batch_ends(100)) == [20, 30, 45, 68, 100]
    assert list(batch_ends(10)) == [10]
    assert list(batch_ends(100, 45)) == [68, 100]
    assert list(batch_ends(100, 100)) == []


def test_rows_come_in_an_order_that_has_nothing_to_do_with_the_file(planned) -> None:
    order = shuffled_rows(planned(50))
    assert sorted(order) == list(range(50))
    assert order != sorted(order)
    assert order == shuffled_rows(planned(50))


def test_the_rows_of_a_cluster_stand_together(planned) -> None:
    plan = planned(60, copies=3)
    order = shuffled_rows(plan)
    assert sorted(order) == list(range(60))
    clusters = [plan.clusters(range(3))[row] for row in order]
    assert clusters[::3] == clusters[1::3] == clusters[2::3]
    assert clusters != sorted(clusters)


def test_no_look_comes_between_the_rows_of_a_cluster(planned) -> None:
    plan = planned(105, copies=7)
    race = Race(plan, lambda: [Drawn({})] * 3, lambda _: None)
    ends = [len({r.key for r in batch[0]}) for batch in race.batches(plan)]
    assert ends == [3, 2, 2, 3, 5]  # distinct requests: 21, 35, 49, 70 and 105 rows


def test_an_equal_request_is_sent_once_by_a_variant_that_still_runs(planned) -> None:
    """`b` says what `a` says: if `a` is not asked, `b` has to be."""
    same = TEXT.replace("[a, b, c]", "[a, c]").replace("[echo:last]", "[echo:last, echo:prompt]")
    plan = planned(30, same)
    cells, sent = plan.cells, set[str]()
    first = batch_requests(plan, {1}, range(10), sent)
    assert [len(requests) for requests in first] == [0, 10, 0, 0]
    assert sent == {cell.key for cell in cells[1][:10]}
    second = batch_requests(plan, {0, 1}, range(20), sent)
    assert [len(requests) for requests in second] == [20, 10, 0, 0]
    third = batch_requests(plan, {0, 1, 2, 3}, range(20), sent)
    assert [len(requests) for requests in third] == [0, 0, 20, 20]


def test_a_clearly_worse_variant_drops_out_and_the_others_run_to_the_end(planned) -> None:
    result = raced(planned(400), shares(np.random.default_rng(1), 400, 0.8, 0.8, 0.2))
    assert result.sent[:2] == [400, 400]
    assert result.sent[2] == result.race.eliminated[2].rows < 100
    assert list(result.race.eliminated) == [2]
    assert result.race.eliminated[2].difference < -0.3
    assert result.spared == 400 - result.sent[2]
    better = "ab"[result.race.eliminated[2].better]
    assert result.race.reason(2) == f"worse than {better} after 20 rows"


def test_an_interrupted_race_continues_to_the_same_end(planned) -> None:
    """The answers to the first 60 rows of all variants are stored, more than some would ask for."""
    drawn = shares(np.random.default_rng(10), 400, 0.8, 0.6, 0.3)
    plan = planned(400)
    stored = {cells[row].key for cells in plan.cells for row in shuffled_rows(plan)[:60]}
    complete, resumed = raced(plan, drawn), raced(planned(400, stored=frozenset(stored)), drawn)
    assert sorted(complete.race.eliminated) == [1, 2]
    assert resumed.race.eliminated == complete.race.eliminated
    assert sum(resumed.sent) < sum(complete.sent)


def test_a_single_remaining_variant_still_gets_all_its_rows(planned) -> None:
    result = raced(planned(400), shares(np.random.default_rng(2), 400, 0.2, 0.9, 0.2))
    assert result.sent[1] == 400
    assert sorted(result.race.eliminated) == [0, 2]
    assert result.sent[0] + result.sent[2] + result.spared == 800


def test_lower_is_better_drops_the_higher_variant(planned, bench: Bench) -> None:
    judge = (
        "from workbench.evaluator import evaluator\n\n\n"
        "@evaluator(higher_is_better=False, range=(0, 10))\n"
        "def harm(outputs: str) -> float:\n    return len(outputs)\n"
    )
    (bench.root / "evaluators").mkdir()
    (bench.root / "evaluators" / "harm.py").write_text(judge)
    plan = planned(200, TEXT.replace("[exact_match, output_tokens]", "[harm]"), race="harm")
    rng = np.random.default_rng(3)
    drawn = [
        Drawn({row: [float(rng.integers(low, low + 3))] for row in range(200)}) for low in (6, 2, 2)
    ]
    assert list(raced(plan, drawn).race.eliminated) == [0]


def test_failing_does_not_look_like_winning(planned) -> None:
    """The first is right in all it answers, which is half; rows without a reply are nobody's."""
    half = {row: [1.0] for row in range(0, 200, 2)}
    others = {row: [float(row % 5 > 0)] for row in range(200)}
    lost = dict.fromkeys(range(1, 200, 2), 1)
    useless = raced(planned(200), [Drawn(half, lost), Drawn(others), Drawn(others)])
    assert list(useless.race.eliminated) == [0]
    silent = raced(planned(200), [Drawn(half, lost, frozenset(lost)), Drawn(others), Drawn(others)])
    assert 0 not in silent.race.eliminated


def test_a_variant_without_values_is_neither_out_nor_a_reason(planned) -> None:
    """All its answers failed, say."""
    drawn = shares(np.random.default_rng(4), 200, 0.9, 0.1, 0.5)
    drawn[2] = Drawn({})
    result = raced(planned(200), drawn)
    assert list(result.race.eliminated) == [1]
    assert result.sent[2] == 200


def test_numbers_without_a_range_let_no_variant_drop_out(planned, bench: Bench) -> None:
    (bench.root / "evaluators").mkdir()
    (bench.root / "evaluators" / "mark.py").write_text(
        "def mark(outputs: str) -> float:\n    return len(outputs) / 3\n"
    )
    plan = planned(100, TEXT.replace("exact_match, ", "mark, "), race="mark")
    drawn = [Drawn({row: [number + 0.5] for row in range(100)}) for number in range(3)]
    result = raced(plan, drawn)
    assert (result.sent, result.race.eliminated) == ([100, 100, 100], {})
    assert (
        result.race.disabled
        == "mark turned out to be a number without a range: no variant can drop out"
    )


def test_a_race_needs_a_metric_with_a_range(planned) -> None:
    assert "did you mean 'exact_match'?" in refusal(planned, 20, race="exact_mach")
    message = refusal(planned, 20, race="output_tokens")
    assert "a race can't use output_tokens: it is a number without a range" in message
    assert "--race-on a pass/fail metric" in message
    timed = TEXT.replace("output_tokens", "latency")
    message = refusal(planned, 20, timed, race="latency")
    assert "a race can't use latency: it is a time" in message
    single = TEXT.replace("[a, b, c]", "[a]")
    assert "a race needs two variants" in refusal(planned, 20, single)


def test_it_is_another_invocation_than_the_run_of_all_rows(planned, bench: Bench) -> None:
    plan = planned(20, race="")
    assert (plan.race, plan.scope) == ("exact_match", {"race": "exact_match"})
    assert plan.digest != bench.plan(TEXT).digest


def copula(rng: np.random.Generator, rows: int, *means: float) -> list[Drawn]:
    """Pass or fail with these means; the variants' latent scores have a correlation of 0.6."""
    latent = 0.6**0.5 * rng.standard_normal((rows, 1)) + 0.4**0.5 * rng.standard_normal(
        (rows, len(means))
    )
    passed = (latent < ndtri(means)).astype(float)
    return [Drawn({row: [value] for row, value in enumerate(column)}) for column in passed.T]


def ten(planned: Callable[..., Plan], bench: Bench, rows: int) -> Plan:
    names = [f"v{n}" for n in range(10)]
    for name in names:
        bench.write(f"{name}.jinja", f"user:\n{name} {{{{ text }}}}")
    return planned(rows, TEXT.replace("[a, b, c]", f"[{', '.join(names)}]"))


@pytest.mark.slow
def test_a_race_of_ten_spares_a_fifth_of_the_requests(planned, bench: Bench) -> None:
    """0.8 against nine of 0.6, the best one last; 150 rows."""
    plan = ten(planned, bench, 150)
    rng, draws = np.random.default_rng(7), draws_of(200)
    results = [raced(plan, copula(rng, 150, *[0.6] * 9, 0.8)) for _ in range(draws)]
    spared = np.mean([result.spared for result in results]) / 1_500
    print(f"0.8 and nine of 0.6, 150 rows: {spared:.3f} spared")
    assert spared >= 0.24
    assert not any(9 in result.race.eliminated for result in results)


@pytest.mark.slow
def test_of_ten_equal_variants_hardly_ever_one_drops_out(planned, bench: Bench) -> None:
    plan = ten(planned, bench, 150)
    rng, draws = np.random.default_rng(8), draws_of(2_000)
    wrong = sum(
        bool(raced(plan, copula(rng, 150, *[0.7] * 10)).race.eliminated) for _ in range(draws)
    )
    print(f"of ten equal variants one drops out in {wrong / draws:.4f} of races")
    assert_rate(wrong, 2_000, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
def test_copies_of_rows_keep_the_error_rate(planned) -> None:
    """Two equal variants on 20 rows, ten copies of each."""
    plan = planned(200, TEXT.replace("[a, b, c]", "[a, b]"), copies=10)
    rng, draws, wrong = np.random.default_rng(9), draws_of(2_000), 0
    for _ in range(draws):
        values = np.repeat(rng.random((20, 2)) < 0.7, 10, axis=0).astype(float)
        drawn = [Drawn({n: [v] for n, v in enumerate(column)}) for column in values.T]
        wrong += bool(raced(plan, drawn).race.eliminated)
    print(f"of two equal variants on 20 rows of ten copies one drops out in {wrong / draws:.4f}")
    assert_rate(wrong, 2_000, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_of_equal_variants_hardly_ever_one_drops_out(planned, shared: bool) -> None:
    plan = planned(150)
    rng, wrong = np.random.default_rng(5), 0
    draws = draws_of(2_000)
    for _ in range(draws):
        if shared:
            drawn = shares(rng, 150, 0.7, 0.7, 0.7)
        else:
            drawn = [Drawn({n: [float(value < 0.7)] for n, value in enumerate(rng.random(150))})]
            drawn += [shares(rng, 150, 0.7)[0] for _ in range(2)]
        wrong += bool(raced(plan, drawn).race.eliminated)
    print(f"of three equal variants one drops out in {wrong / draws:.4f} of races")
    assert_rate(wrong, 2_000, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
def test_the_best_stays_and_the_others_cost_less(planned) -> None:
    """0.8, 0.6 and 0.4 of 600 rows."""
    plan = planned(600)
    rng, lost, sent = np.random.default_rng(6), 0, []
    for _ in range(200):
        result = raced(plan, shares(rng, 600, 0.8, 0.6, 0.4))
        lost += 0 in result.race.eliminated
        sent.append(result.sent)
    mean = np.mean(sent, axis=0)
    print(f"the best drops out in {lost / 200:.3f} of races; requests {mean.round().tolist()}")
    assert lost / 200 <= 0.05
    assert mean.sum() < 0.75 * 1_800
