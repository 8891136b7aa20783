"""`workbench history` on a wide and on a narrow terminal."""

from dataclasses import replace
from datetime import datetime

import pytest

from workbench.comparing.history import (
    RecordedMean,
    RecordedRows,
    TaskHistory,
    VariantRecord,
    build_series,
)
from workbench.comparing.run_pairs import compare_over_time
from workbench.report.compare import difference_text
from workbench.report.history import history_json, history_lines

DAY_MS = 86_400_000
START_MS = int(datetime(2026, 11, 20, 14, 2).timestamp() * 1000)
WIDE = """\
exact_match: mean with 95% interval; difference from the run before, on the same rows

plain
  when              commit    version  mean                  rows               difference               verdict
  2026-11-20 14:02  1f2e3d4+  1        0.500 [0.400, 0.600]  100 (90 clusters)
  2026-11-21 14:02  1f2e3d4   2        0.900 [0.800, 0.950]  100                {}  better
    prompt version 1 → 2; temperature not set → 0.7
    rows not compared: 1 added
    with the worst score for failed answers 0.880 [0.780, 0.930]
    difference: 1 row left out; with the worst score for failed answers {}, better
    1 more run with the same answers, the last at 2026-11-22 14:02
  2026-11-23 14:02  none      2        0.900 [0.800, 0.950]  100
    the same requests, other answers
    not compared: the rows of a run can't be read

verdicts: a false one in at most 5% of variants, all runs of it together (Holm)
equivalent: within 0.05 (`margin:` in the experiment file)
other metrics: output_tokens (--metric)
earlier runs are not shown (--last)
2 incompletely recorded runs of variants left out: workbench sync completes them
"""  # noqa: E501
NARROW = """\
  2026-11-20 14:02  1f2e3d4+  v1  0.500 [0.400, 0.600]  100 rows (90 clusters)
  2026-11-21 14:02  1f2e3d4   v2  0.900 [0.800, 0.950]  100 rows
    {} better
    prompt version 1 → 2; temperature not set → 0.7
"""


@pytest.fixture
def history() -> TaskHistory:
    worst = RecordedMean(0.88, 0.78, 0.93, 101, 101)
    means = {
        day: RecordedMean(0.9, 0.8, 0.95, 100, 100, "pass", worst if day in (1, 2) else None)
        for day in (1, 2, 3)
    }
    means[0] = RecordedMean(0.5, 0.4, 0.6, 100, 90, "pass")
    records = [
        VariantRecord(
            invocation=f"parent {day}",
            run_id=f"run {day}",
            started_ms=START_MS + day * DAY_MS,
            name="plain",
            prompt="qa.plain",
            version="2" if day else "1",
            model="echo:last",
            answers=f"answers {min(day, 1) if day < 3 else 3}",
            commit="" if day == 3 else "1f2e3d4a5b",
            modified=day == 0,
            settings={"temperature": "0.7"} if day else {},
            metrics={"exact_match": means[day]},
        )
        for day in range(4)
    ]
    before = {f"r{n}": [float(n < 50)] for n in range(100)}
    after = {f"r{n}": [float(n < 90)] for n in range(100)} | {"new": [1.0]}
    contents = dict.fromkeys([*before, "lost"], "")
    rows = {
        "run 0": RecordedRows(contents, before, {"lost": 1}),
        "run 1": RecordedRows({**contents, "new": ""}, after, {"lost": 1}),
        "run 3": None,
    }
    (series,) = build_series(records, "exact_match")
    compared = compare_over_time(series, lambda run, metric: rows[run.run_id])
    return TaskHistory("qa", "exact_match", ["exact_match", "output_tokens"], [compared], 2, True)


def differences(history: TaskHistory) -> list[str]:
    comparison = history.series[0].measurements[1].comparison
    assert comparison is not None
    assert comparison.worst is not None
    return [difference_text(comparison.difference), difference_text(comparison.worst)]


def test_a_measurement_is_one_line_where_it_fits(history: TaskHistory) -> None:
    assert "\n".join([*history_lines(history, 120), ""]) == WIDE.format(*differences(history))


def test_a_narrow_terminal_gets_two_lines(history: TaskHistory) -> None:
    lines = "\n".join(history_lines(history, 80))
    assert NARROW.format(*differences(history)) in lines
    assert max(map(len, lines.splitlines())) <= 80
    assert "when" not in lines


def test_note_on_a_model_stands_at_the_end(history: TaskHistory) -> None:
    (series,) = history.series
    ref = "transformers:smollm2-135m-instruct"
    measurements = [
        replace(measurement, record=replace(measurement.record, model=ref))
        for measurement in series.measurements
    ]
    noted = replace(history, series=(replace(series, measurements=tuple(measurements)),))
    lines = " ".join(line.strip() for line in history_lines(noted, 80))
    assert lines.count(f"{ref}: four-bit weights: PIQA 0.618 ± 0.013 (acc_norm)") == 1


def test_json_has_what_the_text_says(history: TaskHistory) -> None:
    document = history_json(history)
    (variant,) = document["variants"]
    assert [
        (run["mean"], len(run["changes"]), run["added"], bool(run["comparison"]))
        for run in variant["runs"]
    ] == [(0.5, 0, 0, False), (0.9, 2, 1, True), (0.9, 0, 0, False)]
    assert variant["runs"][1]["equal_runs"] == ["run 2"]
    assert (document["older"], document["incomplete"]) == (True, 2)
