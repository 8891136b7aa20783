"""Metrics with a value of each row, and those that have one value for all rows.

    macro_f1       one value of all answers of a variant, to which every row contributes
    exact_match    a value of each row

Both have intervals, verdicts, gates and decisions. What looks at single rows, or at them while
answers are still coming, needs a metric of the second sort: a race, --grow, --power, slices.
"""

from collections.abc import Collection, Iterable

from workbench.errors import WorkbenchError
from workbench.evaluator.contract import Evaluator

NO_ROW_VALUES = "it has one value for all rows and none of a single row"
NO_VERDICT = f"no verdict, because {NO_ROW_VALUES}"
NO_EVALUATORS = "nothing is measured: the experiment has no evaluators"
ADD_EVALUATORS = (
    "add `evaluators: [exact_match]` (workbench evaluators lists what there is); stored answers "
    "are scored without asking again"
)


def first_with_row_values(evaluators: Iterable[Evaluator]) -> str:
    """Return the name of the first metric with a value of each row; of the first if none has.

    Empty without evaluators.
    """
    names = {evaluator.name: evaluator.traits.by_column for evaluator in evaluators}
    first = next(iter(names), "")
    return next((name for name, by_column in names.items() if not by_column), first)


def require_evaluators(evaluators: Collection[object], purpose: str, *, where: str) -> None:
    """Check that an experiment has evaluators, which `purpose` needs.

    Raises:
        WorkbenchError: it has none.
    """
    if not evaluators:
        message = f"{purpose} needs a metric, but {NO_EVALUATORS}"
        raise WorkbenchError(message, where=where, fix=ADD_EVALUATORS)


def require_row_values(evaluator: Evaluator, purpose: str, *, where: str, fix: str) -> None:
    """Check that a metric has a value of each row, which `purpose` needs.

    Raises:
        WorkbenchError: it has one value for all rows.
    """
    if evaluator.traits.by_column:
        message = f"{purpose} can't use {evaluator.name}: {NO_ROW_VALUES}"
        raise WorkbenchError(message, where=where, fix=fix)
