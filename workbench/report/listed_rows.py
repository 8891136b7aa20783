"""Rows of a run on a terminal: those that are wrong, that failed, or all.

few_shot: 12 of 150 rows are wrong by exact_match
  row 13, r12: 'Is water wet?' (expected 'yes')
    → no
    exact_match false (right answer is yes)
  and 2 more: workbench show ROW has one with all answers
"""

from collections.abc import Callable, Iterator, Sequence

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import MetricFamily
from workbench.errors import WorkbenchError, pluralize, unknown_name
from workbench.evaluator import Evaluator
from workbench.evaluator.row_values import first_with_row_values, require_evaluators
from workbench.plan import Plan
from workbench.report.changed_rows import example_text
from workbench.report.row_answers import score_text
from workbench.report.safe_text import NAME_WIDTH, shorten
from workbench.results.types import Row

WRONG, FAILED, ALL = "wrong", "failed", "all"
KINDS = (WRONG, FAILED, ALL)
MAX_ROWS = 10
WIDTH = 160  # characters of an answer, and of a reason
NumberedRow = tuple[int, Row]


def check_kind(kind: str, plan: Plan) -> None:
    """Check the value of `--show` before anything is sent.

    Raises:
        WorkbenchError: it is unknown, or no metric says which rows are wrong.
    """
    if kind and kind not in KINDS:
        raise unknown_name("list of rows", kind, KINDS, where="--show")
    if kind != WRONG:
        return
    path = plan.experiment.path
    require_evaluators(plan.experiment.evaluators, "--show wrong", where=path)
    if deciding_evaluator(plan).traits.by_column:
        message = "--show wrong needs a metric that has a value of each row"
        raise WorkbenchError(message, where=path, fix="--show failed, or --show all")


def deciding_evaluator(plan: Plan) -> Evaluator:
    """The evaluator whose scores say which rows are wrong: the first with values of rows."""
    name = first_with_row_values(plan.experiment.evaluators)
    return next(each for each in plan.experiment.evaluators if each.name == name)


def listed_lines(
    compared: ExperimentComparison, kind: str, variants: Sequence[int]
) -> Iterator[str]:
    """The rows of these variants: wrong ones, or the lowest scores where none is plainly wrong."""
    for number in variants:
        rows = [row for batch in compared.read_rows(number) for row in batch]
        title, listed = _select(compared, kind, rows)
        yield f"{shorten(compared.plan.variants[number].name, NAME_WIDTH)}: {title}"
        for index, row in listed[:MAX_ROWS]:
            yield from _row_lines(compared.plan, index, row)
        if (more := len(listed) - MAX_ROWS) > 0:
            yield f"  and {more:,} more: -o rows.csv writes all, workbench show ROW shows one"


def _select(
    compared: ExperimentComparison, kind: str, rows: Sequence[NumberedRow]
) -> tuple[str, Sequence[NumberedRow]]:
    """The title of a list, and its rows."""
    count = pluralize(len(rows), "answer" if compared.plan.experiment.repeats > 1 else "row")
    if kind == ALL:
        return count, rows
    if kind == FAILED:
        failed = [(index, row) for index, row in rows if _has_failed(row)]
        return f"{len(failed):,} of {count} failed", failed
    evaluator = deciding_evaluator(compared.plan)
    scored = [
        (index, row, score.number)
        for index, row in rows
        if (score := row.scores.get(evaluator.name)) and score.number is not None
    ]
    family = MetricFamily.build(evaluator, compared.tallies, compared.plan)
    name, worst = shorten(evaluator.name), family.scale.worst
    if family.scale.pass_fail:
        wrong = [(index, row) for index, row, value in scored if value == worst]
        return f"{len(wrong):,} of {count} are wrong by {name}", wrong
    sign = 1 if evaluator.traits.higher_is_better else -1
    best = max((sign * value for _, _, value in scored), default=0.0)
    lower = sorted((each for each in scored if sign * each[2] < best), key=_by_value(sign))
    title = f"{len(lower):,} of {count} are below the best score by {name}, the worst first"
    return title, [(index, row) for index, row, _ in lower]


def _by_value(sign: int) -> Callable[[tuple[int, Row, float]], float]:
    return lambda scored: sign * scored[2]


def _has_failed(row: Row) -> bool:
    failed = row.completion is not None and not row.completion.scored
    return failed or any(score.error for score in row.scores.values())


def _row_lines(plan: Plan, index: int, row: Row) -> Iterator[str]:
    repeats, completion = plan.experiment.repeats, row.completion
    repeat = f" (repeat {row.cell.repeat + 1})" if repeats > 1 else ""
    yield f"  {example_text(index // repeats + 1, row.cell.example)}{repeat}"
    if completion is None:
        yield "    not run"
        return
    answer = completion.text if completion.scored else completion.error or completion.state
    mark = "→" if completion.scored else "failed:"
    yield f"    {mark} {shorten(answer, WIDTH) or '(an empty answer)'}"
    for name, score in row.scores.items():
        yield f"    {shorten(name)} {shorten(score_text(score), WIDTH)}"
