"""The rows behind a difference, and the comparisons by slice of the data.

RowChange(variant=1, metric="exact_match", row="r12", before=1.0, after=0.0, …)
Slice("language", "de", 40, {1: {"exact_match": Comparison(…)}})
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.comparing.metrics import add_comparisons
from workbench.dataset import EXPECTED
from workbench.errors import unknown_name
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.results.types import Comparison, Row, VariantResult

ReadRows = Callable[[int], Iterable[Sequence[tuple[int, Row]]]]  # variant -> its rows, in order


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row whose value differs from the baseline's.

    Attributes:
        gain: positive where the variant is better; infinite where a value is missing.
        before, after: the values; None: the answer failed, or could not be scored.
        answers: the baseline's and the variant's.
    """

    variant: int
    metric: str
    row: str
    repeat: int
    gain: float
    before: float | None
    after: float | None
    answers: tuple[str, str]
    expectations: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Slice:
    """The rows with the same value of a column; comparisons by variant's number, then by metric."""

    column: str
    value: str
    rows: int
    comparisons: Mapping[int, Mapping[str, Comparison]]


def row_changes(plan: Plan, read_rows: ReadRows) -> Iterator[RowChange]:
    """Yield the changes of every variant from its baseline, in the dataset's order."""
    for number, base in enumerate(plan.baselines):
        if base is None:
            continue
        for before, after in zip(read_rows(base), read_rows(number), strict=True):
            base_rows = dict(before)
            for index, row in after:
                if index in base_rows:
                    yield from _changes(plan, number, base_rows[index], row)


def _changes(plan: Plan, number: int, before: Row, after: Row) -> Iterator[RowChange]:
    for evaluator in plan.experiment.evaluators:
        old, new = (_value(row, evaluator.name) for row in (before, after))
        if old == new:
            continue
        if old is None or new is None:
            gain = float("-inf") if new is None else float("inf")
        else:
            gain = new - old if evaluator.traits.higher_is_better else old - new
        example = after.cell.example
        yield RowChange(
            variant=number,
            metric=evaluator.name,
            row=example.id,
            repeat=after.cell.repeat,
            gain=gain,
            before=old,
            after=new,
            answers=(_text(before), _text(after)),
            expectations=example.expectations,
        )


def _value(row: Row, metric: str) -> float | None:
    score = row.scores.get(metric)
    return score.number if score else None


def _text(row: Row) -> str:
    answer = row.completion
    if answer is None:
        return ""
    return answer.text if answer.scored else answer.error or answer.state


def slices(
    column: str, plan: Plan, results: Sequence[VariantResult], tallies: Sequence[Tally]
) -> list[Slice]:
    """The comparisons within the rows of each value of a column, the largest slice first.

    Raises:
        WorkbenchError: no row has that column.
    """
    dataset = plan.experiment.content.get("dataset")
    expected = dataset.get("expected") if isinstance(dataset, dict) else None
    name = EXPECTED if column == expected else column
    rows_by_value: dict[str, set[int]] = {}
    for number, example in enumerate(plan.examples):
        for source in (example.inputs, example.expectations):
            if name in source:
                rows_by_value.setdefault(str(source[name]), set()).add(number)
                break
    if not rows_by_value:
        columns = {c for e in plan.examples for c in (*e.inputs, *e.expectations)}
        columns |= {expected} if expected else set()
        raise unknown_name("column", column, columns, where=plan.experiment.dataset.source)
    parts: list[Slice] = []
    for value, rows in sorted(rows_by_value.items(), key=lambda part: -len(part[1])):
        compared = enumerate(add_comparisons(results, tallies, plan, rows=rows))
        comparisons = {n: result.comparisons for n, result in compared if result.comparisons}
        parts.append(Slice(column, value, len(rows), comparisons))
    return parts
