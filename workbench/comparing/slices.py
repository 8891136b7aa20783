"""Comparisons in slices of the rows, and the test that a difference is the same in all of them.

Slice(("language",), ("de",), rows={3, 8, …}, comparisons={1: {"exact_match": MetricComparison(…)}})
Interaction(1, "exact_match", mean=0.05, p=0.003, opposite={"de": -0.1})
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from workbench.comparing.metrics import MetricFamily
from workbench.dataset.row_columns import find_column
from workbench.evaluator.coverage import column_text
from workbench.evaluator.row_values import require_evaluators
from workbench.plan import Plan
from workbench.results.scores import Measure, MetricScores, measure
from workbench.results.tally import Tally
from workbench.results.types import MetricComparison, VariantResult
from workbench.stats.interaction import interaction_p
from workbench.stats.verdicts import holm_adjust


@dataclass(frozen=True, slots=True)
class SliceCounts:
    """Counts of one variant's rows in a slice, by one metric; they add up to the slice's rows."""

    scored: int
    failed: int
    not_applicable: int
    not_run: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows with the same value of a column, or of several.

    Attributes:
        columns, key: their names, and the value of each.
        rows: numbers of the dataset's rows.
        comparisons: by variant's number, then by metric.
        values: by variant's number, then by metric; None: no row has a score.
        unpaired: where no row has a score of both: the counts of the baseline and of the variant,
            by variant's number, then by metric.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: Set[int]
    values: dict[int, dict[str, Measure | None]]
    comparisons: dict[int, dict[str, MetricComparison]]
    unpaired: dict[int, dict[str, tuple[SliceCounts, SliceCounts]]]

    @property
    def column(self) -> str:
        """The names of the columns as one text."""
        return ", ".join(self.columns)

    @property
    def value(self) -> str:
        """The values of the columns as one text."""
        return ", ".join(self.key)


@dataclass(frozen=True, slots=True)
class Interaction:
    """The test that a variant's difference from its baseline is the same in all slices.

    Attributes:
        mean: the difference over all rows.
        p: adjusted for the variants compared by this metric; None: the metric has no range, or
            fewer than two slices have rows with a score of both.
        opposite: the differences of the slices whose sign is opposite to that of `mean`, by value.
    """

    variant: int
    metric: str
    mean: float
    p: float | None
    opposite: Mapping[str, float]


def compare_slices(
    columns: Sequence[str], plan: Plan, results: Sequence[VariantResult], tallies: Sequence[Tally]
) -> tuple[list[Slice], list[Interaction]]:
    """The comparisons within the rows of each value of the columns, the largest slice first.

    The tests are of each variant and metric that `results` compare over all rows.

    Raises:
        WorkbenchError: no row has one of the columns.
    """
    parts = sorted(rows_by_values(columns, plan).items(), key=lambda part: -len(part[1]))
    evaluators = [e for e in plan.experiment.evaluators if not e.slice_of]
    require_evaluators(evaluators, "a comparison by slices", where=plan.experiment.path)
    families = [MetricFamily.build(evaluator, tallies, plan) for evaluator in evaluators]
    families = [family for family in families if family.has_row_numbers]
    slices = [Slice(tuple(columns), key, rows, {}, {}, {}) for key, rows in parts]
    tests: list[Interaction] = []
    for family in families:
        for part in slices:
            _add_values(part, family)
            _add_comparisons(part, family, results)
        tests += _interactions(slices, family, results)
    return slices, tests


def _add_values(part: Slice, family: MetricFamily) -> None:
    repeats = family.plan.experiment.repeats
    for number, scores in enumerate(family.scores):
        rows = scores.restrict(part.rows).values
        value = measure(rows, family.scale, scores.clusters, repeats=repeats)
        part.values.setdefault(number, {})[family.evaluator.name] = value


def _add_comparisons(part: Slice, family: MetricFamily, results: Sequence[VariantResult]) -> None:
    metric, count = family.evaluator.name, len(part.rows)
    family = family.restrict([part.rows] * len(results))
    stopped = {number for number, result in enumerate(results) if result.stopped}
    comparisons = dict(family.comparisons(count, stopped))
    for number, base in enumerate(family.plan.baselines):
        if base is None or metric not in results[number].comparisons:
            continue
        comparison = comparisons.get(number)
        if comparison is not None:
            part.comparisons.setdefault(number, {})[metric] = comparison
        if comparison is None or comparison.imputed:
            before, after = (count_rows(family.scores[n], count) for n in (base, number))
            part.unpaired.setdefault(number, {})[metric] = (before, after)


def _interactions(
    slices: Sequence[Slice], family: MetricFamily, results: Sequence[VariantResult]
) -> Iterator[Interaction]:
    metric, scores = family.evaluator.name, family.scores
    rows = [part.rows for part in slices] if family.scale.limits is not None else []
    p_values: dict[int, float | None] = {}
    for number, base in enumerate(family.plan.baselines):
        comparison = results[number].comparisons.get(metric)
        if base is not None and comparison is not None and not comparison.imputed:
            clusters = family.plan.clusters((base, number))
            first, second = family.reference(base, number).values, scores[number].values
            width = family.scale.width or 0.0
            p_values[number] = interaction_p(first, second, rows, clusters, width=width)
    adjusted = iter(holm_adjust([p for p in p_values.values() if p is not None]))
    for number, p in p_values.items():
        mean = results[number].comparisons[metric].difference.mean
        opposite = _opposite(slices, number, metric, mean)
        yield Interaction(number, metric, mean, None if p is None else next(adjusted), opposite)


def _opposite(slices: Sequence[Slice], number: int, metric: str, mean: float) -> dict[str, float]:
    comparisons = {part.value: part.comparisons.get(number, {}).get(metric) for part in slices}
    means = {v: c.difference.mean for v, c in comparisons.items() if c and not c.imputed}
    return {value: of_slice for value, of_slice in means.items() if of_slice * mean < 0}


def rows_by_values(columns: Sequence[str], plan: Plan) -> dict[tuple[str, ...], set[int]]:
    """The numbers of the rows with each combination of values of the columns."""
    groups: dict[tuple[str, ...], set[int]] = {(): set(range(len(plan.examples)))}
    for column in columns:
        by_value = rows_by_value(column, plan)
        groups = {
            (*key, value): shared
            for key, rows in groups.items()
            for value, numbers in by_value.items()
            if (shared := rows & numbers)
        }
    return groups


def rows_by_value(column: str, plan: Plan) -> dict[str, set[int]]:
    """The numbers of the rows with each value of a column: an input, the answer, metadata, split.

    Raises:
        WorkbenchError: no row has that column.
    """
    dataset = plan.experiment.dataset
    name = find_column(column, dataset, plan.examples, where=dataset.source)
    numbers: dict[str, set[int]] = {}
    for number, example in enumerate(plan.examples):
        text = column_text(example.columns(), name)
        if text is not None:
            numbers.setdefault(text, set()).add(number)
    return numbers


def count_rows(scores: MetricScores, rows: int) -> SliceCounts:
    """Count a metric's rows, of so many in all."""
    scored = len(scores.values)
    failed = len(scores.lost.keys() - scores.values.keys())
    not_applicable = len(scores.not_applicable)
    return SliceCounts(scored, failed, not_applicable, rows - scored - failed - not_applicable)
