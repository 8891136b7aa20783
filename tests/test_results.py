"""Every planned row stands in exactly one count."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest
from bench import Bench
from hypothesis import given
from hypothesis import strategies as st

from workbench.dataset import Example
from workbench.evaluator import Evaluator, Score, Traits
from workbench.model import Completion, State, Usage
from workbench.plan import Cell, Plan
from workbench.project import Price
from workbench.prompt import choose
from workbench.results.serialize import variant_json
from workbench.results.tally import Tally
from workbench.results.types import MetricResult, Row, VariantResult, interval_text
from workbench.results.variant_results import metric_scales

STATES = list(get_args(State))
SCORES = [
    Score(True),
    Score(False, label="unparsed"),
    Score(None),
    Score(error="broken"),
]
CELL = Cell(Example("row", {}, {}), 0, "key")
JUDGE = Evaluator("judge", lambda outputs: True, arguments=("outputs",))


def row(bench: Bench, state: str | None, score: Score | None = None, **usage: int) -> Row:
    cell = bench.plan().cells[0][0]
    answer = Completion(cell.key, state, usage=Usage(**usage)) if state else None  # type: ignore[arg-type]
    scores = {"judge": score} if score else {}
    return Row(cell, answer, scores)


def tally(evaluator: Evaluator, rows: Sequence[Row], repeats: int = 1) -> Tally:
    """The rows in the order they were drawn; those without an answer never come."""
    made = Tally([evaluator], len(rows), repeats)
    for number, one in reversed(list(enumerate(rows))):
        if one.completion:
            made.add(number, one)
    return made


def metric_result(evaluator: Evaluator, rows: Sequence[Row], repeats: int = 1) -> MetricResult:
    counted = tally(evaluator, rows, repeats)
    scales = metric_scales([evaluator], [counted])
    return counted.result(None, None, scales).metrics["judge"]  # type: ignore[arg-type]


def summarise(plan: Plan, rows: Sequence[Row], price: Price | None = None) -> VariantResult:
    counted = tally(JUDGE, rows)
    return counted.result(plan.variants[0], price, metric_scales([JUDGE], [counted]))


def counts(metric: MetricResult) -> tuple[int, int, int, int, int]:
    return metric.n, metric.errors, metric.not_applicable, metric.failed, metric.not_run


def test_a_metric_counts_what_is_not_in_its_mean(bench: Bench) -> None:
    rows = [
        row(bench, "ok", Score(True)),
        row(bench, "ok", Score(False)),
        row(bench, "ok", Score(error="broken")),
        row(bench, "ok", Score(None)),
        row(bench, "failed"),
        row(bench, None),
    ]
    found = metric_result(JUDGE, rows)
    assert found.mean == 0.5
    assert counts(found) == (2, 1, 1, 1, 1)


@given(st.lists(st.tuples(st.sampled_from([*STATES, None]), st.sampled_from(SCORES)), max_size=30))
def test_counts_add_up_to_the_planned_rows(drawn: list[tuple[str | None, Score]]) -> None:
    rows = []
    for state, score in drawn:
        answer = Completion("key", state) if state else None  # type: ignore[arg-type]
        unscored = Row(CELL, answer)
        rows.append(Row(CELL, answer, {"judge": score}) if unscored.scored else unscored)
    assert sum(counts(metric_result(JUDGE, rows))) == len(rows)


def test_a_row_that_failed_in_some_repeats_and_is_not_applicable_in_others_is_in_no_number(
    bench: Bench,
) -> None:
    rows = [
        *(row(bench, "ok", Score(True)), row(bench, "ok", Score(True))),
        *(row(bench, "ok", Score(None)), row(bench, "rejected")),
    ]
    metric = metric_result(JUDGE, rows, repeats=2)
    assert counts(metric) == (1, 0, 1, 0, 0)  # as the rows: two scored, none failed
    assert (metric.answers.not_applicable, metric.answers.failed) == (1, 1)
    assert (metric.mean, metric.worst) == (1.0, None)
    assert interval_text(metric).endswith("n=1, 1 answer not applicable")


def test_categories_are_counted_and_have_no_mean(bench: Bench) -> None:
    rows = [row(bench, "ok", Score(word)) for word in ("calm", "angry", "calm")]
    found = metric_result(JUDGE, rows)
    assert (found.mean, found.n, found.kind) == (None, 3, "category")
    assert found.outcomes == {"calm": 2, "angry": 1}


def test_all_rows_failed_is_no_mean(bench: Bench) -> None:
    found = metric_result(JUDGE, [row(bench, "failed"), row(bench, "empty_output")])
    assert (found.mean, found.n, found.failed) == (None, 0, 2)


@pytest.mark.parametrize(
    ("price", "cost"),
    [(Price(input=2.0, output=10.0), 0.00022), (None, None)],
)
def test_an_unknown_price_is_an_unknown_cost(
    bench: Bench, price: Price | None, cost: float | None
) -> None:
    plan = bench.plan()
    rows = [row(bench, "ok", input_tokens=10, output_tokens=20)]
    assert summarise(plan, rows, price).cost == cost


def test_cached_input_has_its_own_price(bench: Bench) -> None:
    usage = {"input_tokens": 1000, "output_tokens": 10, "cached_tokens": 800}
    rows = [row(bench, "ok", **usage), row(bench, "ok", input_tokens=1000, output_tokens=10)]
    price = Price(input=2.0, output=10.0, cached_input=0.5)
    result = summarise(bench.plan(), rows, price)
    assert (result.cached_tokens, result.cost) == (800, pytest.approx(0.0030))
    without = summarise(bench.plan(), rows, Price(input=2.0, output=10.0))
    assert without.cost == pytest.approx(0.0042)


def test_answers_with_an_unknown_finish_reason_are_counted(bench: Bench) -> None:
    rows = [row(bench, state) for state in ("ok", "ok", "filtered")]
    rows = [replace(r, completion=replace(r.completion, finish_reason="moonset")) for r in rows]
    assert summarise(bench.plan(), [*rows, row(bench, "ok")]).unknown_finishes == {"moonset": 2}


def test_ties_are_counted_apart_from_unknown_finish_reasons(bench: Bench) -> None:
    completion = replace(row(bench, "ok").completion, choice_scores={"a": -1.0, "b": -1.0})
    rows = [row(bench, "ok"), replace(row(bench, "ok"), completion=choose(completion, "none"))]
    result = summarise(bench.plan(), rows)
    assert (result.ties, result.unknown_finishes) == (1, {})
    assert variant_json(result)["ties"] == 1


def test_an_uncounted_row_makes_the_sum_unknown(bench: Bench) -> None:
    plan = bench.plan()
    rows = [row(bench, "ok", input_tokens=10, output_tokens=20), row(bench, "ok")]
    assert summarise(plan, rows).input_tokens is None


def test_a_metric_on_one_line(bench: Bench) -> None:
    rows = [
        row(bench, "ok", Score(True)),
        row(bench, "ok", Score(False, label="unparsed")),
        row(bench, "ok", Score(error="broken")),
    ]
    text = interval_text(metric_result(JUDGE, rows, repeats=3))
    assert text == "0.500 n=1, 1 unparsed, 1 error, at worst 0.333 n=1"


def test_a_category_among_numbers_is_an_error(bench: Bench) -> None:
    rows = [row(bench, "ok", Score(1.5)), row(bench, "ok", Score("x"))]
    found = metric_result(JUDGE, rows)
    assert (found.mean, found.n, found.errors) == (1.5, 1, 1)


def test_reasons_are_counted(bench: Bench) -> None:
    plan = bench.plan()
    rows = [row(bench, "ok", Score(error="broken")), row(bench, "ok", Score(error="broken"))]
    found = summarise(plan, rows)
    assert found.reasons == {"judge: broken": 2}


@pytest.mark.parametrize(
    ("limits", "kind", "worst"),
    [((0, 10), "number", 10.0), ((0, 1), "pass", 1.0), (None, "pass", 1.0)],
)
def test_marks_that_happen_to_be_0_and_1_are_numbers(
    bench: Bench, limits: tuple[float, float] | None, kind: str, worst: float
) -> None:
    judge = Evaluator("judge", lambda outputs: 0.0, traits=Traits(False, range=limits))
    rows = [row(bench, "ok", Score(0.0)), row(bench, "ok", Score(1.0)), row(bench, "filtered")]
    metric = metric_result(judge, rows)
    assert metric.worst
    assert (metric.kind, metric.worst.mean) == (kind, pytest.approx((1 + worst) / 3))


def test_a_measured_zero_is_no_failed_check(bench: Bench) -> None:
    judge = Evaluator("judge", lambda outputs: 0.0, traits=Traits(unit="s"))
    cells = bench.plan().cells[0]
    rows = [Row(cell, Completion(cell.key, "ok"), {"judge": Score(0.0)}) for cell in cells]
    found = metric_result(judge, rows)
    assert (found.kind, found.mean, found.low) == ("number", 0.0, None)  # no range: no interval


def test_latency_and_cost_are_not_diluted_by_failed_rows(bench: Bench) -> None:
    """A filtered reply is paid for but has no usable answer; a request that failed is neither."""
    rows = [
        answered_in(0.4, "a"),
        answered_in(0.466, "b"),
        answered_in(9.0, "c", state="filtered"),
        answered_in(None, "d", state="failed"),
        answered_in(None, "e", state="failed"),
        answered_in(None, "f"),
    ]
    result = summarise(bench.plan(), rows, Price(input=1.0, output=1.0))
    assert result.latency_s == pytest.approx(0.433)
    assert result.seconds == pytest.approx(9.866)
    assert result.cost == pytest.approx(4 * 20e-6)
    assert result.cost_of_1000 == pytest.approx(1_000 * 20e-6)  # 4 rows got a reply


def test_rows_that_share_an_answer_share_its_time(bench: Bench) -> None:
    result = summarise(bench.plan(), [*[answered_in(3.0, "a")] * 9, answered_in(1.0, "b")])
    assert result.latency is not None
    assert (result.latency.n, result.latency.mean, result.latency.median.value) == (2, 2.0, 2.0)


def answered_in(latency_s: float | None, key: str, state: str = "ok") -> Row:
    usage = Usage(input_tokens=10, output_tokens=10)
    completion = Completion(key, state, usage=usage, latency_s=latency_s)  # type: ignore[arg-type]
    return Row(Cell(Example("row", {}, {}), 0, key), completion)


@pytest.mark.parametrize(
    ("state", "cost"), [("rejected", 6.0), ("failed", 6.0), ("filtered", None)]
)
def test_a_reply_that_may_be_billed_and_was_not_counted_makes_the_cost_unknown(
    bench: Bench, state: str, cost: float | None
) -> None:
    rows = [row(bench, "ok", input_tokens=1, output_tokens=1), row(bench, state)]
    plan = bench.plan()
    price = Price(input=2e6, output=4e6)
    assert summarise(plan, rows, price).cost == cost


def test_a_row_is_asked_for_when_its_repeats_are() -> None:
    totals = tally(JUDGE, [answered_in(seconds, str(seconds)) for seconds in (1, 3, 2, 2)], 2)
    assert totals.sent_at() == {}
    totals.set_stored_at([101.0, 105.0, 112.0, None])
    assert totals.sent_at() == {0: 101.0}  # sent at 100 and 102; a repeat of row 1 is not stored
