"""Metrics of all rows at once in a comparison of two variants.

macro_f1 before: spam: precision 0.96, recall 0.80, F1 0.87 (83 rows); …
worst_error: 3.000 n=150 before, 2.000 n=150 after; no verdict: it hangs on single rows
"""

from collections.abc import Iterator

from workbench.comparing.comparison import ExperimentComparison
from workbench.report.estimates import estimate
from workbench.report.safe_text import plain, shorten
from workbench.results.types import MetricResult


def column_lines(compared: ExperimentComparison, base: int, number: int) -> Iterator[str]:
    """Lines on metrics of all rows: their words, and why one can't be compared."""
    for name, metric in compared.results[number].metrics.items():
        if metric.kind != "column":
            continue
        first, title = compared.results[base].metrics[name], shorten(name)
        if name not in compared.results[number].comparisons:
            reason = metric.problem or first.problem or "they share no rows"
            values = f"{_value(first)} before, {_value(metric)} after"
            yield f"  {title}: {values}; no verdict: {reason}"
        for when, words in (("before", first.reason), ("after", metric.reason)):
            yield from (f"  {title} {when}: {plain(words)}",) if words else ()


def _value(metric: MetricResult) -> str:
    if metric.mean is None:
        return "no value"
    return f"{estimate(metric.mean, metric)} n={metric.n}"
