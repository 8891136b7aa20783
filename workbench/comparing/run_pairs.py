"""Each recorded measurement compared with the one before it, on the rows of both.

    before  r1 1.0   r2 0.0   r3 failed   r4 (edited since)
    after   r1 1.0   r2 1.0   r3 1.0      r4 1.0               compared: r1, r2; r3 is left out

Rows are the same if their ids and their content are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from workbench.comparing.history import (
    Measurement,
    ReadRows,
    RecordedRows,
    Series,
    VariantRecord,
)
from workbench.comparing.metrics import ScorePair, add_verdicts
from workbench.evaluator.row_values import NO_ROW_VALUES
from workbench.plan.clusters import find_copies, number_clusters
from workbench.results.scores import MetricScores
from workbench.results.types import MetricComparison
from workbench.stats.pairs import anytime_difference, paired_difference
from workbench.stats.sample import Clusters, Scale

UNREADABLE = "the rows of a run can't be read"
NO_RANGE = "a variant that dropped out of a race is compared by a metric with a range only"
TIMES = "the load of a model differs from run to run, and its times with it"
NO_ROWS = "no row has a score in both runs and the same content"


def compare_over_time(series: Series, read_rows: ReadRows) -> Series:
    """Compare each measurement with the one before it; the verdicts of a series are a family."""
    first, *_ = series.measurements
    measurements = [first]
    earlier_rows = read_rows(first.record, series.metric) if series.measurements[1:] else None
    for before, after in pairwise(series.measurements):
        later_rows = read_rows(after.record, series.metric)
        if earlier_rows and later_rows:
            pair = _RunPair(series.metric, before.record, after.record, earlier_rows, later_rows)
            measurements.append(pair.compare(after))
        else:
            measurements.append(replace(after, not_compared=UNREADABLE))
        earlier_rows = later_rows
    return replace(series, measurements=list(_with_verdicts(measurements, series.metric)))


def _with_verdicts(measurements: Sequence[Measurement], metric: str) -> Iterator[Measurement]:
    evaluator = measurements[-1].record.evaluator(metric)
    family = [each.comparison for each in measurements if each.comparison]
    judged = iter(add_verdicts(family, higher_is_better=evaluator.higher_is_better))
    for each in measurements:
        yield replace(each, comparison=next(judged)) if each.comparison else each


@dataclass(frozen=True)
class _RunPair:
    """Two consecutive measurements with their rows."""

    metric: str
    before: VariantRecord
    after: VariantRecord
    first: RecordedRows
    second: RecordedRows

    def compare(self, measurement: Measurement) -> Measurement:
        """Return the later measurement with the rows that changed and the difference."""
        old, new = self.first.contents, self.second.contents
        shared = [row for row, content in new.items() if old.get(row) == content]
        comparison, not_compared = None, self._obstacle
        if not not_compared:
            comparison = self._compare_rows(shared)
            not_compared = "" if comparison else NO_ROWS
        return replace(
            measurement,
            comparison=comparison,
            not_compared=not_compared,
            edited=sum(old[row] != new[row] for row in old.keys() & new.keys()),
            added=len(new.keys() - old.keys()),
            removed=len(old.keys() - new.keys()),
        )

    @property
    def _obstacle(self) -> str:
        """The reason why the runs can't be compared by this metric; empty if they can."""
        if self.after.evaluator(self.metric).measures_time:
            return TIMES
        if self.after.metrics[self.metric].kind == "column":
            return NO_ROW_VALUES
        return NO_RANGE if self._in_race and self._scale.width is None else ""

    def _compare_rows(self, shared: Sequence[str]) -> MetricComparison | None:
        first, second = (_scores(rows, shared) for rows in (self.first, self.second))
        compare = anytime_difference if self._in_race else paired_difference
        difference = partial(compare, scale=self._scale, clusters=self._clusters(shared))
        pair = ScorePair(first, second, self._scale, difference)
        margin = self.after.evaluator(self.metric).margin
        return pair.compare(self.before.run_id, len(shared), margin)

    @property
    def _in_race(self) -> bool:
        return bool(self.before.stopped or self.after.stopped)

    @property
    def _scale(self) -> Scale:
        evaluator = self.after.evaluator(self.metric)
        kinds = {record.metrics[self.metric].kind for record in (self.before, self.after)}
        low, high = evaluator.limits or (None, None)
        return Scale(kinds == {"pass"}, low, high, evaluator.higher_is_better)

    def _clusters(self, shared: Sequence[str]) -> Clusters:
        """The cluster of each shared row: rows that depend on each other in one of the runs."""
        labels = (
            [rows.clusters.get(row, row) for row in shared] for rows in (self.first, self.second)
        )
        return number_clusters(len(shared), map(find_copies, labels))


def _scores(rows: RecordedRows, shared: Sequence[str]) -> MetricScores:
    """The scores of the shared rows, numbered in their order."""
    return MetricScores(
        values={n: rows.values[row] for n, row in enumerate(shared) if rows.values.get(row)},
        lost={n: rows.lost[row] for n, row in enumerate(shared) if rows.lost.get(row)},
        not_applicable={n for n, row in enumerate(shared) if row in rows.not_applicable},
    )
