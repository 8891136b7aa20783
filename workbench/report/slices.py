"""Slices of a comparison, on a terminal, as Markdown, and as JSON.

language=de, exact_match: -0.100 [-0.214, +0.014], not enough evidence, 50 rows
language=fr, exact_match: no row has a score of both (zero_shot: 12 scored; few_shot: 12 failed)
exact_match: the difference depends on language (p = 0.003); de: -0.100, opposite to +0.050 overall
"""

from collections.abc import Iterator
from dataclasses import asdict

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.slices import Interaction, Slice, SliceCounts, count_rows
from workbench.errors import list_first, pluralize
from workbench.report.estimates import estimate
from workbench.report.safe_text import escape_markdown, p_text, shorten
from workbench.results.scores import Measure
from workbench.results.serialize import comparison_json
from workbench.results.types import MetricComparison
from workbench.stats.agreement import ALPHA
from workbench.stats.pairs import Difference

MAX_SLICES = 20
MAX_OPPOSITE = 3  # slices named in one line


def slice_lines(compared: ExperimentComparison, number: int) -> Iterator[str]:
    """A line per slice and metric of a variant, then a line per metric with its test."""
    if len(compared.slices) > MAX_SLICES:
        yield f"  the {MAX_SLICES} largest of {len(compared.slices):,} slices; --json lists all"
    for part in compared.slices[:MAX_SLICES]:
        comparisons, unpaired = part.comparisons.get(number, {}), part.unpaired.get(number, {})
        for metric in compared.results[number].comparisons:
            notes = []
            if metric in unpaired:
                notes.append(_unpaired_text(compared, number, *unpaired[metric]))
            if metric in comparisons:
                notes.append(_comparison_text(comparisons[metric]))
            if notes:  # a metric of all rows has no part of a slice
                yield f"  {_value(part)}, {shorten(metric)}: {'; '.join(notes)}"
    for metric, text in interaction_lines(compared, number):
        yield f"  {shorten(metric)}: {text}"


def interaction_lines(compared: ExperimentComparison, number: int) -> Iterator[tuple[str, str]]:
    """Each metric of a variant with its test that all slices have the same difference."""
    for test in compared.interactions:
        if test.variant == number and test.p is not None:
            yield test.metric, _interaction_text(test, compared.slices[0].column)


def value_lines(compared: ExperimentComparison) -> Iterator[str]:
    """A block per variant, with a line per slice and metric; none where variants are compared."""
    if compared.pairs:
        return
    for number, variant in enumerate(compared.plan.variants):
        yield shorten(variant.name)
        for part in compared.slices[:MAX_SLICES]:
            for metric, value in part.values[number].items():
                text = "no row has a score"
                if value is not None:
                    text = f"{estimate(value.mean, value)}, {pluralize(value.n, 'row')}"
                yield f"  {_value(part)}, {shorten(metric)}: {text}"
        yield ""


def value_markdown(compared: ExperimentComparison) -> list[str]:
    """The lines of `value_lines` as Markdown."""
    marks = {"": "", " ": "- "}
    lines = ((marks.get(line[:1], "### "), line.strip()) for line in value_lines(compared))
    return [mark + escape_markdown(text) for mark, text in lines]


def unpaired_lines(compared: ExperimentComparison, base: int, number: int) -> Iterator[str]:
    """A line per metric of a variant for which no row has a score of both."""
    for name in compared.results[number].metrics:
        comparison = compared.results[number].comparisons.get(name)
        if comparison and not comparison.imputed:
            continue
        before, after = (compared.tallies[n].scores(name) for n in (base, number))
        is_rowless = name in compared.rowless_metrics
        if not is_rowless and before.values.keys().isdisjoint(after.values):
            counts = (count_rows(scores, compared.plan.rows) for scores in (before, after))
            yield f"  {shorten(name)}: {_unpaired_text(compared, number, *counts)}"


def slices_json(compared: ExperimentComparison) -> list[JSON]:
    """Every slice, with the comparisons of each variant by metric."""
    names = [variant.name for variant in compared.plan.variants]
    return [
        {
            "column": part.column,
            "value": part.value,
            "rows": len(part.rows),
            "values": {
                names[number]: {
                    metric: value and _measure_json(value) for metric, value in v.items()
                }
                for number, v in part.values.items()
            },
            "comparisons": {
                names[number]: {metric: comparison_json(c) for metric, c in comparisons.items()}
                for number, comparisons in part.comparisons.items()
            },
            "unpaired": {
                names[number]: {
                    metric: {"baseline": asdict(before), "variant": asdict(after)}
                    for metric, (before, after) in counts.items()
                }
                for number, counts in part.unpaired.items()
            },
        }
        for part in compared.slices
    ]


def _measure_json(value: Measure) -> JSON:
    ends = {"mean": value.mean, "low": value.low, "high": value.high, "n": value.n}
    return {**ends, "median": asdict(value.median) if value.median else None}


def interactions_json(compared: ExperimentComparison) -> list[JSON]:
    """The tests that a difference is the same in all slices."""
    names = [variant.name for variant in compared.plan.variants]
    return [
        {
            "variant": names[test.variant],
            "metric": test.metric,
            "difference": test.mean,
            "p_adjusted": test.p,
            "opposite": dict(test.opposite),
        }
        for test in compared.interactions
    ]


def _value(part: Slice) -> str:
    pairs = zip(part.columns, part.key, strict=True)
    return ", ".join(f"{shorten(name)}={shorten(value, 40)}" for name, value in pairs)


def _comparison_text(comparison: MetricComparison) -> str:
    difference = comparison.difference
    start = "with the worst score for failed answers " if comparison.imputed else ""
    return (
        f"{start}{estimate(difference.mean, difference, '+')}, "
        f"{comparison.verdict.text}, {_rows_text(difference)}"
    )


def _rows_text(difference: Difference) -> str:
    rows, clusters = pluralize(difference.rows, "row"), pluralize(difference.clusters, "cluster")
    return f"{rows} ({clusters})" if difference.clusters < difference.rows else rows


def _unpaired_text(
    compared: ExperimentComparison, number: int, before: SliceCounts, after: SliceCounts
) -> str:
    base = compared.plan.baselines[number]
    pair = [(n, counts) for n, counts in ((base, before), (number, after)) if n is not None]
    texts = (f"{shorten(compared.plan.variants[n].name)}: {_counts(c)}" for n, c in pair)
    return f"no row has a score of both ({'; '.join(texts)})"


def _counts(counts: SliceCounts) -> str:
    """`12 scored, 3 not run`."""
    shown = ((count, name.replace("_", " ")) for name, count in asdict(counts).items() if count)
    return ", ".join(f"{count:,} {name}" for count, name in shown)


def _interaction_text(test: Interaction, column: str) -> str:
    p = test.p or 0.0
    depends = p <= ALPHA
    text = "the difference depends on" if depends else "no evidence that the difference depends on"
    text += f" {shorten(column)} ({p_text(p)})"
    opposite = [f"{shorten(v, 40)}: {mean:+.3f}" for v, mean in test.opposite.items()]
    if opposite:
        names = list_first(opposite, MAX_OPPOSITE)
        text += f"; {names}, opposite to {test.mean:+.3f} overall"
    return text
