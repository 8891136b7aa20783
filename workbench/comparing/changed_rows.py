"""The rows behind a difference, with the answers of both variants.

RowChange(variant=1, metric="exact_match", row="r12", before=1.0, after=0.0, …)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.plan import Plan
from workbench.results.types import Row

ReadRows = Callable[[int], Iterable[Sequence[tuple[int, Row]]]]  # variant -> its rows, in order


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row whose value differs from the baseline's.

    Attributes:
        gain: positive where the variant is better; infinite where a value is missing, but 0 where
            the evaluator does not apply to an answer.
        before, after: the values; None: the answer failed, could not be scored, or the evaluator
            does not apply to it.
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
        if _does_not_apply(before, evaluator.name) or _does_not_apply(after, evaluator.name):
            gain = 0.0
        elif old is None or new is None:
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
            answers=(answer_text(before), answer_text(after)),
            expectations=example.expectations,
        )


def _value(row: Row, metric: str) -> float | None:
    score = row.scores.get(metric)
    return score.number if score else None


def _does_not_apply(row: Row, metric: str) -> bool:
    score = row.scores.get(metric)
    return score is not None and score.value is None and not score.error


def answer_text(row: Row) -> str:
    """The answer of a row; the reason in place of one that failed; empty: there is none."""
    answer = row.completion
    if answer is None:
        return ""
    return answer.text if answer.scored else answer.error or answer.state
