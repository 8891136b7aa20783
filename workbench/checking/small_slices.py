"""A warning of slices with few rows, whose intervals say little.

exact_match: 2 of 5 slices have fewer than 20 rows: opera 3, chess 12
"""

from collections.abc import Iterator, Sequence

from workbench.checking.finding import Finding
from workbench.dataset import Example
from workbench.errors import list_first
from workbench.evaluator import Evaluator

FEW_ROWS = 20
MAX_NAMED = 6


def slice_findings(
    evaluators: Sequence[Evaluator], examples: Sequence[Example]
) -> Iterator[Finding]:
    """A warning for each evaluator that has a slice of few of these rows."""
    by_metric: dict[str, list[Evaluator]] = {}
    for evaluator in evaluators:
        if evaluator.slice_of:
            by_metric.setdefault(evaluator.slice_of, []).append(evaluator)
    columns = [example.columns() for example in examples] if by_metric else []
    for metric, parts in by_metric.items():
        counts = {
            part.name.removeprefix(f"{metric}: "): sum(part.covers(row) for row in columns)
            for part in parts
        }
        if small := [f"{name} {rows}" for name, rows in counts.items() if rows < FEW_ROWS]:
            message = f"{len(small)} of {len(parts)} slices have fewer than {FEW_ROWS} rows"
            named = list_first(small, MAX_NAMED)
            yield Finding(f"{metric}: {message}: {named}", fix="their intervals are wide")
