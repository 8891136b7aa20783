"""The rows behind a difference: which changed, with both answers; how it is in parts of the data.

changes(plan, read)             RowChange(row="r12", metric="exact_match", before=1.0, after=0.0, …)
slices("language", plan, …)     Slice("language", "de", [("few_shot", "exact_match", Comparison)])
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.canonical import JSON
from workbench.comparing.metrics import Part, add_comparisons
from workbench.dataset import EXPECTED
from workbench.errors import unknown_name
from workbench.plan import Plan
from workbench.results.metrics import Comparison, Row, VariantResult
from workbench.results.tally import Tally

NumberedRow = tuple[int, Row]
Read = Callable[[int], Iterable[Sequence[NumberedRow]]]  # a variant's number -> its rows, in order


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row whose value is not what it is in the baseline.

    Attributes:
        variant: its number.
        gain: positive where the variant is better.
        before, after: the values; None: the answer failed, or could not be judged.
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
    """The rows with one value of a column.

    Attributes:
        rows: how many.
        comparisons: of each variant that has a baseline, by number, metric by metric.
    """

    column: str
    value: str
    rows: int
    comparisons: Mapping[int, Mapping[str, Comparison]]


def changes(plan: Plan, read: Read) -> Iterator[RowChange]:
    """Every change of every variant beside its baseline, in the dataset's order."""
    for number, base in enumerate(plan.baselines):
        if base is None:
            continue
        for before, after in zip(read(base), read(number), strict=True):
            old = dict(before)
            for place, row in after:
                if place in old:
                    yield from _changes(plan, number, old[place], row)


def _changes(plan: Plan, number: int, before: Row, after: Row) -> Iterator[RowChange]:
    for evaluator in plan.experiment.evaluators:
        old, new = (_value(row, evaluator.name) for row in (before, after))
        if old == new:
            continue
        better = 1 if evaluator.traits.higher_is_better else -1
        gain = better * (new - old) if old is not None and new is not None else 0.0
        gain = float("-inf") if new is None else float("inf") if old is None else gain
        yield RowChange(
            number,
            evaluator.name,
            after.cell.example.id,
            after.cell.repeat,
            gain,
            old,
            new,
            (_text(before), _text(after)),
            after.cell.example.expectations,
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
    """The comparisons within the rows of each value of a column, the largest part first.

    Raises:
        WorkbenchError: no row has that column.
    """
    said = plan.experiment.content.get("dataset")
    expected = said.get("expected") if isinstance(said, dict) else None
    name = EXPECTED if column == expected else column
    parts: dict[str, set[int]] = {}
    for number, example in enumerate(plan.examples):
        for source in (example.inputs, example.expectations):
            if name in source:
                parts.setdefault(str(source[name]), set()).add(number)
                break
    if not parts:
        columns = {name for one in plan.examples for name in (*one.inputs, *one.expectations)}
        columns |= {expected} if expected else set()
        raise unknown_name("column", column, columns, where=plan.experiment.dataset.source)
    found = []
    for value, rows in sorted(parts.items(), key=lambda part: -len(part[1])):
        own = [Part(tally, rows) for tally in tallies]
        within = add_comparisons(
            [replace(one, comparisons={}) for one in results], own, plan, rows=len(rows)
        )
        own_verdicts = {n: one.comparisons for n, one in enumerate(within) if one.comparisons}
        found.append(Slice(column, value, len(rows), own_verdicts))
    return found
