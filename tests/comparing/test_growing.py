"""A gate that may ask for rows: its batches, when it stops, its error rates."""

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
        rows: int,
        rule: str = DROP,
        *,
        repeats: int = 1,
        copies: int = 1,
        stored: frozenset[str] = frozenset(),
    ) -> Plan:
        texts = [n // copies for n in range(rows)]
        lines = [f'{{"text": "{n}", "label": "1"}}\n' for n in texts]
        bench.write("rows.jsonl", "".join(lines))
        gate = f"gate: {{exact_match: {{{rule}}}}}\nrepeats: {repeats}\n"
        return bench.plan(TEXT + gate, stored=stored)

    return plan


def tallies(plan: Plan, drawn: Drawn, state: str = "", rows: int = 10_000) -> list[Tally]:
    """Tallies of the first `rows` drawn values; a wrong answer may have a state instead."""
    filled = []
    for cells, variant_rows in zip(plan.cells, drawn, strict=True):
        tally = Tally(plan.experiment.evaluators, len(cells), plan.experiment.repeats)
        values = [value for row in variant_rows for value in row]
        for number, (cell, value) in list(enumerate(zip(cells, values, strict=True)))[:rows]:
            scores = {"exact_match": Score(bool(value)), "output_tokens": Score(3.0)}
            row = Row(cell, Completion(cell.key, "ok"), scores)
            without_score = Row(cell, Completion(cell.key, state or "ok"), {})
            tally.add(number, without_score if state and not value else row)
        filled.append(tally)
    return filled


class AnswerFeed:
    """Tallies of the stored answers, to which those of sent requests are added."""

    def __init__(self, plan: Plan, drawn: Drawn) -> None:
        self.tallies = tallies(plan, drawn, rows=0)
        self._rows: dict[str, list[tuple[int, int, bool]]] = {}
        for number, (cells, variant_rows) in enumerate(zip(plan.cells, drawn, strict=True)):
            values = [value for row in variant_rows for value in row]
            for index, (cell, value) in enumerate(zip(cells, values, strict=True)):
                self._rows.setdefault(cell.key, []).append((number, index, value))
        self._plan = plan
        needed = {request.key for requests in plan.requests for request in requests}
        self.take(self._rows.keys() - needed)

    def take(self, keys: set[str]) -> None:
        for key in keys:
            for number, index, value in self._rows[key]:
                scores = {"exact_match": Score(bool(value)), "output_tokens": Score(3.0)}
                cell = self._plan.cells[number][index]
                self.tallies[number].add(index, Row(cell, Completion(key, "ok"), scores))


@dataclass
class GrownGate:
    growing: GrowingGate
    sent: int
    lines: list[str]

    @property
    def outcomes(self) -> list[str]:
        return [check.outcome for check in self.growing.checks]


def grow(plan: Plan, drawn: Drawn, weight: float = 1.0) -> GrownGate:
    lines: list[str] = []
    growing = GrowingGate([], lines.append, plan.experiment.repeats)
    feed = AnswerFeed(plan, drawn)
    growing.start(lambda: feed.tallies, weight)
    sent = 0
    for batch in growing.batches(plan):
        feed.take({request.key for requests in batch for request in requests})
        sent += sum(len(requests) for requests in batch)
    return GrownGate(growing, sent, lines)


def passes(rng: np.random.Generator, rows: int, *means: float) -> Drawn:
    """Values of variants with these means, on rows that are equally hard for all."""
    hard = rng.random(rows)
    variants = []
    for mean in means:
        passed = np.where(rng.random(rows) < 0.7, hard, rng.random(rows)) < mean
        variants.append([[bool(value)] for value in passed])
    return variants


def only_check(result: GrownGate) -> Check:
    (check,) = result.growing.checks
    return check


def test_it_asks_for_rows_until_it_is_decided(planned) -> None:
    plan = planned(1_000)
    result = grow(plan, passes(np.random.default_rng(1), 1_000, 0.7, 0.75))
    check = only_check(result)
    assert check.outcome == PASSED
    assert result.sent == 2 * check.rows < 1_000
    assert result.lines[0] == "20 rows: 1 of 1 check open"
    assert result.lines[-1] == f"{check.rows} rows: 0 of 1 check open"
    assert check.low is not None
    assert check.low > -0.1


def test_a_drop_is_found_and_then_nothing_more_is_asked(planned) -> None:
    result = grow(planned(1_000), passes(np.random.default_rng(2), 1_000, 0.8, 0.3))
    assert only_check(result).outcome == FAILED
    assert result.sent < 200


def test_stored_rows_come_first_and_may_be_enough(planned) -> None:
    """The first 200 rows of the file are answered, as by a run with --limit 200."""
    plan = planned(600)
    stored = frozenset(cell.key for cells in plan.cells for cell in cells[:200])
    drawn = passes(np.random.default_rng(3), 600, 0.8, 0.3)
    result = grow(planned(600, stored=stored), drawn)
    assert (result.sent, only_check(result).rows, only_check(result).outcome) == (0, 20, FAILED)
    equal = passes(np.random.default_rng(4), 600, 0.7, 0.7)
    result = grow(planned(600, "no_worse_than: baseline, by: 0.03", stored=stored), equal)
    assert result.lines[:2] == ["200 rows: 1 of 1 check open", "300 rows: 1 of 1 check open"]


@pytest.mark.slow
def test_the_same_command_decides_the_same_again(planned) -> None:
    """Whatever was decided on the way, when all that was asked is stored."""
    rule = "min: 0.55, no_worse_than: baseline, by: 0.1"
    for seed in range(20):
        drawn = passes(np.random.default_rng(seed), 400, 0.7, 0.7)
        plan = planned(400, rule)
        feed, sent = AnswerFeed(plan, drawn), set[str]()
        first = GrowingGate([], lambda text: None)
        first.start(lambda feed=feed: feed.tallies, 1.0)
        for batch in first.batches(plan):
            sent |= {request.key for requests in batch for request in requests}
            feed.take({request.key for requests in batch for request in requests})
        second = grow(planned(400, rule, stored=frozenset(sent)), drawn)
        assert second.sent == 0
        assert second.outcomes == [check.outcome for check in first.checks]


def test_one_failed_check_decides_the_gate(planned) -> None:
    rule = "min: 0.7, no_worse_than: baseline, by: 0.01"
    result = grow(planned(600, rule), passes(np.random.default_rng(5), 600, 0.4, 0.4))
    assert result.outcomes == [FAILED, INCONCLUSIVE]
    assert result.sent < 600


def test_a_metric_without_a_range_is_checked_once(planned, bench: Bench) -> None:
    """More rows would not make it pass, so none is asked for."""
    plan = planned(300)
    text = TEXT + "gate: {output_tokens: {max: 2.5}}\n"
    plan = bench.plan(text)
    result = grow(plan, passes(np.random.default_rng(6), 300, 0.5, 0.5))
    check = only_check(result)
    assert (check.fixed_sample, check.rows, check.outcome) == (True, 20, FAILED)


def test_a_passed_check_stays_passed(planned) -> None:
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


def test_a_weight_demands_more_evidence(planned) -> None:
    plan = planned(1_000)
    drawn = passes(np.random.default_rng(1), 1_000, 0.7, 0.75)
    assert only_check(grow(plan, drawn, 1e4)).rows > only_check(grow(plan, drawn)).rows


def test_repeats_of_a_row_count_as_one_row(planned) -> None:
    """Sixty rows, five times each: what one answer says, all five say."""
    rng = np.random.default_rng(7)
    once = passes(rng, 60, 0.7, 0.7)
    five = [[row * 5 for row in variant_rows] for variant_rows in once]
    single = only_check(grow(planned(60), once))
    repeated = only_check(grow(planned(60, repeats=5), five))
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
    scored = tallies(plan, drawn, state)
    growing = GrowingGate([], lambda text: None)
    growing.start(lambda: scored, 1.0)
    list(growing.batches(plan))
    (check,) = growing.checks
    assert (check.outcome, check.unreached) == (outcome, 30 if state == "failed" else 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "rule", [DROP, pytest.param(f"min: 0.6, {DROP}", marks=pytest.mark.nightly)]
)
def test_a_drop_as_large_as_may_be_hardly_ever_fails_however_often_it_is_looked_at(
    planned, rule: str
) -> None:
    """Means of 0.7 and 0.6, or a floor of 0.6: on the border, where it is hardest."""
    plan = planned(200, rule)
    rng, failed, passed = np.random.default_rng(8), 0, 0
    draws = draws_of(1_000)
    for _ in range(draws):
        outcomes = grow(plan, passes(rng, 200, 0.7, 0.6)).outcomes
        failed += FAILED in outcomes
        passed += PASSED in outcomes
    print(f"{rule}: on the border it fails in {failed / draws:.3f}, passes {passed / draws:.3f}")
    most = 0.05 * (1 + ("min" in rule))  # each of the two checks may pass
    assert_rate(failed, 1_000, (0.0, 0.05), (0.0, 0.05))
    assert_rate(passed, 1_000, (0.0, most), (0.0, most))


@pytest.mark.slow
@pytest.mark.parametrize("rule", [DROP, "min: 0.6"])
def test_copies_of_rows_keep_the_promise(planned, rule: str) -> None:
    """Twenty-five rows, eight copies of each, on the border."""
    plan = planned(200, rule, copies=8)
    rng, failed, passed = np.random.default_rng(11), 0, 0
    draws = draws_of(200)
    for _ in range(draws):
        drawn = [np.repeat(values, 8, axis=0).tolist() for values in passes(rng, 25, 0.7, 0.6)]
        check = only_check(grow(plan, drawn))
        failed += check.outcome == FAILED
        passed += check.outcome == PASSED
    print(f"{rule}, copies: it fails in {failed / draws:.3f}, passes in {passed / draws:.3f}")
    assert_rate(failed, 200, (0.0, 0.05), (0.0, 0.05))
    assert_rate(passed, 200, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
def test_asking_the_same_rows_again_and_again_keeps_the_promise(planned) -> None:
    """Sixty rows, then twice each, then three and four times; a drop as large as may be."""
    unsent = planned(60, repeats=4)
    stored = frozenset(cell.key for cells in unsent.cells for cell in cells)
    plans = [planned(60, repeats=repeats, stored=stored) for repeats in (1, 2, 3, 4)]
    rng, failed, passed = np.random.default_rng(10), 0, 0
    draws = draws_of(500)
    for _ in range(draws):
        hard = rng.beta(1.2, 0.8, 60)
        drawn = [rng.random((60, 4)) < hard[:, None] * mean for mean in (1.0, 5 / 6)]
        growing = GrowingGate([], lambda text: None)
        for level, plan in enumerate(plans):
            scored = tallies(plan, [values[:, : level + 1].tolist() for values in drawn])
            growing.start(lambda scored=scored: scored, 2.0 ** (level + 1))
            list(growing.batches(plan))
        failed += only_check(GrownGate(growing, 0, [])).outcome == FAILED
        passed += only_check(GrownGate(growing, 0, [])).outcome == PASSED
    print(
        f"four times each: on the border it fails in {failed / draws:.3f}, passes {passed / draws}"
    )
    assert_rate(failed, 500, (0.0, 0.05), (0.0, 0.05))
    assert_rate(passed, 500, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
def test_a_real_drop_fails_and_no_change_passes(planned) -> None:
    plan = planned(1_500)
    rng = np.random.default_rng(9)
    rows_needed: dict[str, list[int]] = {PASSED: [], FAILED: []}
    draws = draws_of(2_000) // 8  # 50, and at night 250
    for expected, mean in ((PASSED, 0.7), (FAILED, 0.5)):
        for _ in range(draws):
            check = only_check(grow(plan, passes(rng, 1_500, 0.7, mean)))
            rows_needed[expected] += [check.rows] if check.outcome == expected else []
    print({outcome: (len(rows), float(np.median(rows))) for outcome, rows in rows_needed.items()})
    assert all(len(rows) >= 0.8 * draws for rows in rows_needed.values())
