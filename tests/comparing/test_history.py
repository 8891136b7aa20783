"""Recorded runs over time: series of variants, what was edited, and the verdicts."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from workbench.comparing.history import (
    Change,
    RecordedEvaluator,
    RecordedMean,
    RecordedRows,
    Series,
    VariantRecord,
    build_series,
    metric_names,
)
from workbench.comparing.run_pairs import compare_over_time
from workbench.stats.verdicts import BETTER, EQUIVALENT, WORSE

CLUSTERS = {"a": 0, "b": 0, "c": 0, "d": 1, "e": 2}
MARKS = RecordedEvaluator("9f86", limits=(1.0, 5.0))


def record(day: int, **fields: object) -> VariantRecord:
    """The variant `plain` of an invocation of that day; other answers each day."""
    standard = VariantRecord(
        invocation=f"parent {day}",
        run_id=f"run {day} {fields.get('name', 'plain')} {fields.get('settings', '')}",
        started_ms=day * 86_400_000,
        name="plain",
        prompt="qa.plain",
        version="1",
        model="echo:last",
        answers=f"answers {day}",
        metrics={"exact_match": RecordedMean(0.5, 0.4, 0.6, 100, kind="pass")},
    )
    return replace(standard, **fields)


def rows(values: Mapping[str, float | None], content: str = "") -> RecordedRows:
    """Rows by id; None: it failed."""
    return RecordedRows(
        dict.fromkeys(values, content),
        {row: [value] for row, value in values.items() if value is not None},
        {row: 1 for row, value in values.items() if value is None},
    )


def passes(share: float, number: int = 100) -> dict[str, float]:
    return {f"r{n}": float(n < share * number) for n in range(number)}


def compared(*days: RecordedRows, **fields: object) -> Series:
    """A series of an invocation per day with these rows."""
    records = [record(day, **fields) for day in range(len(days))]
    (series,) = build_series(records, "exact_match")
    by_run = dict(zip([each.run_id for each in records], days, strict=True))
    return compare_over_time(series, lambda run, metric: by_run[run.run_id])


def outcomes(series: Series) -> list[str]:
    return [m.comparison.verdict.outcome if m.comparison else "" for m in series.measurements]


def test_an_interval_that_too_few_rows_without_a_range_were_given_is_dropped() -> None:
    few = RecordedMean(2.0, 1.0, 3.0, 349, tail_unknown=True)
    assert (few.mean, few.low, few.high, few.tail_unknown) == (2.0, None, None, True)
    copies = RecordedMean(2.0, 1.0, 3.0, 4_000, clusters=40, tail_unknown=True)
    assert (copies.low, copies.high, copies.tail_unknown) == (None, None, True)
    enough = RecordedMean(2.0, 1.0, 3.0, 350, tail_unknown=True)
    assert (enough.low, enough.high, enough.tail_unknown) == (1.0, 3.0, False)


def test_edits_are_named() -> None:
    first = record(1, settings={"temperature": "0"}, dataset={"dataset": "ab"})
    later = record(
        2,
        version="2",
        settings={"temperature": "0.7", "seed": "1"},
        dataset={"dataset": "cd"},
        evaluators={"exact_match": RecordedEvaluator("9f86")},
    )
    (series,) = build_series([first, later], "exact_match")
    assert [m.changes for m in series.measurements] == [
        (),
        (
            Change("prompt version", "1", "2"),
            Change("temperature", "0", "0.7"),
            Change("dataset", "ab", "cd"),
            Change("evaluator", "", "9f86"),
            Change("seed", "", "1"),
        ),
    ]


def test_runs_with_the_same_answers_are_one_measurement() -> None:
    days = [record(1), record(2, answers="answers 1"), record(3), record(4, answers="answers 3")]
    (series,) = build_series(days, "exact_match")
    assert [(m.record.started_ms, len(m.equal)) for m in series.measurements] == [
        (days[0].started_ms, 1),
        (days[2].started_ms, 1),
    ]


def test_an_edit_makes_a_measurement_although_the_answers_are_the_same() -> None:
    days = [record(1), record(2, answers="answers 1", version="2")]
    (series,) = build_series(days, "exact_match")
    assert len(series.measurements) == 2


def settings(temperature: str, max_tokens: str) -> dict[str, str]:
    return {"temperature": temperature, "max_tokens": max_tokens}


def test_another_grouping_of_the_rows_is_an_edit() -> None:
    """It changes intervals and verdicts, and no answer."""
    days = [record(1), record(2, answers="answers 1", dataset={"cluster": "passage 8f3a12cd"})]
    days.append(record(3, answers="answers 1", dataset={"cluster": "passage 0b52d1c7"}))
    (series,) = build_series(days, "exact_match")
    assert [m.changes for m in series.measurements] == [
        (),
        (Change("cluster", "", "passage 8f3a12cd"),),
        (Change("cluster", "passage 8f3a12cd", "passage 0b52d1c7"),),
    ]


def test_points_of_a_grid_go_on_each_by_itself() -> None:
    """Settings that ran in one invocation are different variants; an edit continues the nearest."""
    days = [
        record(1, settings=settings("0", "8")),
        record(1, settings=settings("0.7", "8")),
        record(2, settings=settings("0.7", "16")),
        record(2, settings=settings("0", "16")),
    ]
    series = build_series(days, "exact_match")
    assert [[m.record.settings for m in each.measurements] for each in series] == [
        [settings("0.7", "8"), settings("0.7", "16")],
        [settings("0", "8"), settings("0", "16")],
    ]


def test_settings_that_run_together_later_are_not_joined() -> None:
    days = [
        record(1, settings=settings("0", "8")),
        record(2, settings=settings("0.7", "8")),
        record(3, settings=settings("0", "8")),
        record(3, settings=settings("0.7", "8")),
    ]
    series = build_series(days, "exact_match")
    assert [len(each.measurements) for each in series] == [2, 2]


def test_the_metrics_of_the_newest_invocation_come_first() -> None:
    old = record(1, metrics={"old": RecordedMean(1.0), "label": RecordedMean(None)})
    new = record(2, metrics={"new": RecordedMean(1.0), "old": RecordedMean(1.0)})
    assert metric_names([old, new]) == ["new", "old"]


def test_each_measurement_has_the_verdict_on_its_difference_from_the_one_before() -> None:
    series = compared(*(rows(passes(share, 400)) for share in (0.5, 0.8, 0.8, 0.6)))
    assert outcomes(series) == ["", BETTER, EQUIVALENT, WORSE]
    comparison = series.measurements[1].comparison
    assert comparison is not None
    assert comparison.difference.mean == pytest.approx(0.3)
    assert comparison.baseline == series.measurements[0].record.run_id


def test_the_verdicts_of_a_series_are_a_family() -> None:
    """A difference that is clear on its own is not clear as one of many."""
    clear = [rows(passes(0.50)), rows(passes(0.57))]
    assert outcomes(compared(*clear)) == ["", BETTER]
    rest = [rows(passes(0.57 + 0.01 * (day % 2))) for day in range(1, 12)]
    assert BETTER not in outcomes(compared(*clear, *rest))


def test_edited_rows_are_not_compared() -> None:
    before, after = passes(0.5), passes(0.5)
    edited = rows({f"r{n}": 1.0 for n in range(50, 60)}, "edited")
    now = rows({row: value for row, value in after.items() if row not in edited.contents})
    both = RecordedRows(
        {**now.contents, **edited.contents, "new": ""},
        {**now.values, **edited.values, "new": [1.0]},
        {},
    )
    later = compared(rows({**before, "gone": 1.0}), both).measurements[1]
    assert (later.edited, later.added, later.removed) == (10, 1, 1)
    assert later.comparison is not None
    assert (later.comparison.difference.rows, later.comparison.difference.mean) == (90, 0.0)


def test_failed_rows_are_shown_at_the_worst_of_the_range() -> None:
    better = {row: 4.0 if float(row[1:]) < 90 else None for row in passes(0.5)}
    marks = {"exact_match": RecordedMean(3.0, kind="number")}
    series = compared(
        rows(dict.fromkeys(better, 3.0)),
        rows(better),
        metrics=marks,
        evaluators={"exact_match": MARKS},
    )
    comparison = series.measurements[1].comparison
    assert comparison is not None
    assert comparison.worst is not None
    assert (comparison.difference.rows, comparison.left_out) == (90, 10)
    assert comparison.difference.mean == pytest.approx(1.0)
    assert comparison.worst.mean == pytest.approx(0.9 * 1.0 + 0.1 * -2.0)


def test_times_of_two_runs_are_not_compared() -> None:
    seconds = {"exact_match": RecordedEvaluator(higher_is_better=False, unit="s")}
    series = compared(rows(passes(0.5)), rows(passes(0.8)), evaluators=seconds)
    assert [(m.comparison, m.not_compared[:19]) for m in series.measurements] == [
        (None, ""),
        (None, "the load of a model"),
    ]


def test_copies_of_a_row_count_once() -> None:
    before = replace(rows({"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0, "e": 1.0}), clusters=CLUSTERS)
    series = compared(before, rows({"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0, "e": 1.0}))
    comparison = series.measurements[1].comparison
    assert comparison is not None
    assert (comparison.difference.rows, comparison.difference.clusters) == (5, 3)


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (None, "the rows of a run can't be read"),
        (rows({"other": 1.0}), "no row has a score in both runs and the same content"),
    ],
)
def test_a_measurement_without_a_comparison_has_a_reason(
    later: RecordedRows | None, reason: str
) -> None:
    series = compared(rows(passes(0.5)), later)  # type: ignore[arg-type]
    assert [m.not_compared for m in series.measurements] == ["", reason]


def test_a_variant_that_dropped_out_of_a_race_is_compared_by_an_anytime_valid_test() -> None:
    series = compared(rows(passes(0.5)), rows(passes(0.9)), stopped="worse than plain")
    comparison = series.measurements[1].comparison
    assert comparison is not None
    assert comparison.difference.anytime_valid
    numbers = compared(
        rows(passes(0.5)),
        rows(passes(0.9)),
        stopped="worse than plain",
        metrics={"exact_match": RecordedMean(3.0)},
    )
    assert numbers.measurements[1].comparison is None
    assert "a metric with a range only" in numbers.measurements[1].not_compared
