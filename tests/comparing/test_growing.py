"""A gate that may ask for rows: what it asks for, when it stops, how seldom it is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from bench import Bench
from draws import assert_rate, draws_of

from workbench.comparing.checks import FAILED, PASSED, Check
from workbench.comparing.growth import GrowingGate
from workbench.evaluator import Score
from workbench.model import Completion
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.results.types import Row
from workbench.stats.verdicts import INCONCLUSIVE

TEXT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""
DROP = "no_worse_than: baseline, by: 0.1"
Drawn = Sequence[Sequence[Sequence[bool]]]  # of each variant each row's repeats


@pytest.fixture
def planned(bench: Bench) -> Callable[..., Plan]:
    bench.write("short.jinja", "user:\nShort: {{ text }}")

    def plan(
        rows: int, rule: str = DROP, *, repeats: int = 1, stored: frozenset[str] = frozenset()
    ) -> Plan:
        lines = [f'{{"text": "{n}", "label": "1"}}\n' for n in range(rows)]
        bench.write("rows.jsonl", "".join(lines))
        gate = f"gate: {{exact_match: {{{rule}}}}}\nrepeats: {repeats}\n"
        return bench.plan(TEXT + gate, stored=stored)

    return plan


def tallies(plan: Plan, drawn: Drawn, state: str = "", rows: int = 10_000) -> list[Tally]:
    """Of drawn values, the first so many; a row that is not right may have a state instead."""
    found = []
    for cells, own in zip(plan.cells, drawn, strict=True):
        tally = Tally(plan.experiment.evaluators, len(cells), plan.experiment.repeats)
        values = [value for row in own for value in row]
        for number, (cell, value) in list(enumerate(zip(cells, values, strict=True)))[:rows]:
            scores = {"exact_match": Score(bool(value)), "output_tokens": Score(3.0)}
            row = Row(cell, Completion(cell.key, "ok"), scores)
            lost = Row(cell, Completion(cell.key, state or "ok"), {})
            tally.add(number, lost if state and not value else row)
        found.append(tally)
    return found


class Arriving:
    """Tallies that know what is stored, and get what is asked."""

    def __init__(self, plan: Plan, drawn: Drawn) -> None:
        self.tallies = tallies(plan, drawn, rows=0)
        self._rows: dict[str, list[tuple[int, int, bool]]] = {}
        for number, (cells, own) in enumerate(zip(plan.cells, drawn, strict=True)):
            values = [value for row in own for value in row]
            for place, (cell, value) in enumerate(zip(cells, values, strict=True)):
                self._rows.setdefault(cell.key, []).append((number, place, value))
        self._plan = plan
        needed = {request.key for requests in plan.requests for request in requests}
        self.take(self._rows.keys() - needed)

    def take(self, keys: set[str]) -> None:
        for key in keys:
            for number, place, value in self._rows[key]:
                scores = {"exact_match": Score(bool(value)), "output_tokens": Score(3.0)}
                cell = self._plan.cells[number][place]
                self.tallies[number].add(place, Row(cell, Completion(key, "ok"), scores))


@dataclass
class Grown:
    growing: GrowingGate
    asked: int
    told: list[str]

    @property
    def outcomes(self) -> list[str]:
        return [check.outcome for check in self.growing.checks]


def grown(plan: Plan, drawn: Drawn, weight: float = 1.0) -> Grown:
    told: list[str] = []
    growing = GrowingGate([], told.append, plan.experiment.repeats)
    own = Arriving(plan, drawn)
    growing.start(lambda: own.tallies, weight)
    asked = 0
    for some in growing.batches(plan):
        own.take({request.key for requests in some for request in requests})
        asked += sum(len(requests) for requests in some)
    return Grown(growing, asked, told)


def passes(chance: np.random.Generator, rows: int, *means: float) -> Drawn:
    """Once each, on rows that are as hard for one as for another."""
    hard = chance.random(rows)
    drawn = [np.where(chance.random(rows) < 0.7, hard, chance.random(rows)) for _ in means]
    return [[[bool(one)] for one in own < mean] for own, mean in zip(drawn, means, strict=True)]


def only(found: Grown) -> Check:
    (check,) = found.growing.checks
    return check


def test_it_asks_for_rows_until_it_is_decided(planned) -> None:
    plan = planned(1_000)
    found = grown(plan, passes(np.random.default_rng(1), 1_000, 0.7, 0.75))
    check = only(found)
    assert check.outcome == PASSED
    assert found.asked == 2 * check.rows < 1_000
    assert found.told[0] == "20 rows: 1 of 1 check open"
    assert found.told[-1] == f"{check.rows} rows: 0 of 1 check open"
    assert check.low is not None
    assert check.low > -0.1


def test_a_drop_is_found_and_then_nothing_more_is_asked(planned) -> None:
    found = grown(planned(1_000), passes(np.random.default_rng(2), 1_000, 0.8, 0.3))
    assert only(found).outcome == FAILED
    assert found.asked < 200


def test_what_is_stored_comes_first_and_may_be_enough(planned) -> None:
    """The first 200 rows of the file are answered, as by a run with --limit 200."""
    plan = planned(600)
    stored = frozenset(cell.key for cells in plan.cells for cell in cells[:200])
    drawn = passes(np.random.default_rng(3), 600, 0.8, 0.3)
    found = grown(planned(600, stored=stored), drawn)
    assert (found.asked, only(found).rows, only(found).outcome) == (0, 20, FAILED)
    equal = passes(np.random.default_rng(4), 600, 0.7, 0.7)
    found = grown(planned(600, "no_worse_than: baseline, by: 0.03", stored=stored), equal)
    assert found.told[:2] == ["200 rows: 1 of 1 check open", "300 rows: 1 of 1 check open"]


@pytest.mark.slow
def test_the_same_command_comes_to_the_same_again(planned) -> None:
    """Whatever was decided on the way, when all that was asked is stored."""
    rule = "min: 0.55, no_worse_than: baseline, by: 0.1"
    for seed in range(20):
        drawn = passes(np.random.default_rng(seed), 400, 0.7, 0.7)
        plan = planned(400, rule)
        own, asked = Arriving(plan, drawn), set[str]()
        first = GrowingGate([], lambda text: None)
        first.start(lambda own=own: own.tallies, 1.0)
        for some in first.batches(plan):
            asked |= {request.key for requests in some for request in requests}
            own.take({request.key for requests in some for request in requests})
        second = grown(planned(400, rule, stored=frozenset(asked)), drawn)
        assert second.asked == 0
        assert second.outcomes == [check.outcome for check in first.checks]


def test_one_failed_check_decides_the_gate(planned) -> None:
    rule = "min: 0.7, no_worse_than: baseline, by: 0.01"
    found = grown(planned(600, rule), passes(np.random.default_rng(5), 600, 0.4, 0.4))
    assert found.outcomes == [FAILED, INCONCLUSIVE]
    assert found.asked < 600


def test_a_metric_without_a_range_is_judged_once(planned, bench: Bench) -> None:
    """More rows would not make it pass, so none is asked for."""
    plan = planned(300)
    text = TEXT + "gate: {output_tokens: {max: 2.5}}\n"
    plan = bench.plan(text)
    found = grown(plan, passes(np.random.default_rng(6), 300, 0.5, 0.5))
    check = only(found)
    assert (check.fixed_sample, check.rows, check.outcome) == (True, 20, FAILED)


def test_what_was_once_shown_stays_shown(planned) -> None:
    """The first rows are clearly no worse; the others would not say so any more."""
    plan = planned(400, "min: 0.5, no_worse_than: baseline, by: 0.02")
    growing = GrowingGate([], lambda text: None)
    good, bad = [[[True]] * 400] * 2, [[[True]] * 400, [[False]] * 400]
    growing.start(lambda: tallies(plan, good, rows=100), 1.0)
    growing.check_rows(plan)
    assert [check.outcome for check in growing.checks] == [PASSED, INCONCLUSIVE]
    growing.start(lambda: tallies(plan, bad), 1.0)
    growing.check_rows(plan)
    assert [check.outcome for check in growing.checks] == [PASSED, FAILED]


def test_evidence_has_to_be_as_many_times_as_strong(planned) -> None:
    plan = planned(1_000)
    drawn = passes(np.random.default_rng(1), 1_000, 0.7, 0.75)
    assert only(grown(plan, drawn, 1e4)).rows > only(grown(plan, drawn)).rows


def test_repeats_of_a_row_count_as_one_row(planned) -> None:
    """Sixty rows, five times each: what one answer says, all five say."""
    chance = np.random.default_rng(7)
    once = passes(chance, 60, 0.7, 0.7)
    five = [[row * 5 for row in own] for own in once]
    single = only(grown(planned(60), once))
    repeated = only(grown(planned(60, repeats=5), five))
    assert (single.outcome, single.p, single.low) == (
        repeated.outcome,
        repeated.p,
        repeated.low,
    )


@pytest.mark.parametrize(
    ("state", "outcome"), [("failed", INCONCLUSIVE), ("empty_output", FAILED), ("", FAILED)]
)
def test_a_server_that_was_down_fails_no_gate(planned, state: str, outcome: str) -> None:
    """The second is right wherever it got a reply; an answer that is useless is its own fault."""
    plan = planned(60)
    drawn = [[[True]] * 60, [[row % 2 == 0] for row in range(60)]]
    own = tallies(plan, drawn, state)
    growing = GrowingGate([], lambda text: None)
    growing.start(lambda: own, 1.0)
    list(growing.batches(plan))
    (check,) = growing.checks
    assert (check.outcome, check.rows) == (outcome, 30 if state == "failed" else check.rows)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [DROP, f"min: 0.6, {DROP}"])
def test_a_drop_as_large_as_may_be_hardly_ever_fails_however_often_it_is_looked_at(
    planned, rule: str
) -> None:
    """Means of 0.7 and 0.6, or a floor of 0.6: on the border, where it is hardest."""
    plan = planned(200, rule)
    chance, failed, passed = np.random.default_rng(8), 0, 0
    draws = draws_of(1_000)
    for _ in range(draws):
        outcomes = grown(plan, passes(chance, 200, 0.7, 0.6)).outcomes
        failed += FAILED in outcomes
        passed += PASSED in outcomes
    print(f"{rule}: on the border it fails in {failed / draws:.3f}, passes {passed / draws:.3f}")
    most = 0.05 * (1 + ("min" in rule))  # each of the two checks may pass
    assert_rate(failed, 1_000, (0.0, 0.05), (0.0, 0.05))
    assert_rate(passed, 1_000, (0.0, most), (0.0, most))


@pytest.mark.slow
def test_asking_the_same_rows_again_and_again_keeps_the_promise(planned) -> None:
    """Sixty rows, then twice each, then three and four times; a drop as large as may be."""
    plans = [planned(60, repeats=repeats) for repeats in (1, 2, 3, 4)]
    chance, failed, passed = np.random.default_rng(10), 0, 0
    draws = draws_of(500)
    for _ in range(draws):
        hard = chance.beta(1.2, 0.8, 60)
        drawn = [chance.random((60, 4)) < hard[:, None] * mean for mean in (1.0, 5 / 6)]
        growing = GrowingGate([], lambda text: None)
        for level, plan in enumerate(plans):
            own = tallies(plan, [one[:, : level + 1].tolist() for one in drawn])
            growing.start(lambda own=own: own, 2.0 ** (level + 1))
            list(growing.batches(plan))
        failed += only(Grown(growing, 0, [])).outcome == FAILED
        passed += only(Grown(growing, 0, [])).outcome == PASSED
    print(
        f"four times each: on the border it fails in {failed / draws:.3f}, passes {passed / draws}"
    )
    assert_rate(failed, 500, (0.0, 0.05), (0.0, 0.05))
    assert_rate(passed, 500, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
def test_a_real_drop_fails_and_no_change_passes(planned) -> None:
    plan = planned(1_500)
    chance = np.random.default_rng(9)
    asked: dict[str, list[int]] = {PASSED: [], FAILED: []}
    for wanted, mean in ((PASSED, 0.7), (FAILED, 0.5)):
        for _ in range(100):
            found = grown(plan, passes(chance, 1_500, 0.7, mean))
            asked[wanted] += [only(found).rows] if only(found).outcome == wanted else []
    print({word: (len(rows), float(np.median(rows))) for word, rows in asked.items()})
    assert all(len(rows) >= 80 for rows in asked.values())
