"""An evaluator function of all of a variant's rows, measured with its interval.

@evaluator(over="run", range=(0, 1))
def agreement(outputs: list[str], expectations: list[dict]) -> float: …

measure_run(evaluator, [{"outputs": "yes", "expectations": {…}}, …], clusters, limit_s)
ColumnScore(value=0.671, low=0.551, high=0.788, contributions={…})
"""

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.evaluator import Evaluator, Score
from workbench.evaluator.contract import ROWS, checked_score
from workbench.evaluator.errors import exception_message
from workbench.evaluator.traits import MAY_BE_BEST, ROW, UNSEEN
from workbench.results.column_score import ColumnScore
from workbench.stats.jackknife import ColumnMean, Jackknife, RowIndexes, delete_groups
from workbench.stats.sample import ClusterSums


def measure_run(
    evaluator: Evaluator,
    rows: Sequence[Mapping[str, Any]],
    clusters: Sequence[int],
    limit_s: float,
) -> ColumnScore:
    """Call the evaluator's function with these rows, and without each group of clusters.

    Args:
        evaluator: of a whole run.
        rows: data arguments of each answer, or the `error` for which it can't be read.
        clusters: of each answer; those of one cluster depend on each other.
        limit_s: seconds for the interval.

    Raises whatever the function raises for all rows.
    """
    columns, unread = _columns(evaluator, rows)
    scores: list[Score] = []

    def statistic(numbers: RowIndexes) -> float:
        chosen = numbers.tolist()
        scores.append(
            _score(evaluator, {k: [column[n] for n in chosen] for k, column in columns.items()})
        )
        return math.nan if (number := scores[-1].number) is None else number

    read_clusters = [cluster for n, cluster in enumerate(clusters) if n not in unread]
    if not read_clusters:
        return ColumnScore(None, unread=unread)
    jackknife = delete_groups(statistic, read_clusters, limit_s=limit_s)
    reason, error = scores[0].reason, scores[0].error
    if scores[0].number is None:
        return ColumnScore(None, unread=unread, error=error or reason or "it gave no value")
    reach = None if jackknife.problem else _reach(evaluator, columns)
    unseen = _unseen(evaluator, columns, jackknife)
    score = column_score(jackknife, read_clusters, evaluator.traits.range, (unseen, reach))
    return replace(score, unread=unread, reason=reason)


def column_score(
    jackknife: Jackknife,
    clusters: Sequence[int],
    limits: tuple[float, float] | None,
    allowances: tuple[float, float | None] = (0.0, None),
) -> ColumnScore:
    """The value of these clusters' answers with its interval.

    `limits` are the least and the greatest possible value; None: unknown. `allowances` are `unseen`
    and `reach`, as of `ColumnScore`.
    """
    low, high = None, None
    unseen, reach = allowances
    if contributions := jackknife.contributions:
        values = np.array([contributions[cluster] for cluster in clusters])
        sample = ClusterSums.of_rows(values, range(len(clusters)), clusters)
        mean = ColumnMean(sample, limits, unseen, reach)
        low, high = mean.low, mean.high
    return ColumnScore(jackknife.value, low, high, contributions, unseen, reach, jackknife.problem)


def _unseen(
    evaluator: Evaluator, columns: Mapping[str, Sequence[Any]], jackknife: Jackknife
) -> float:
    """The variance of entries of `rows` that may be missing by chance: of one of each."""
    entries_of = getattr(evaluator.function, UNSEEN, None)
    if not entries_of or not jackknife.contributions:
        return 0.0
    rows = columns[ROWS]
    values = [_score(evaluator, {ROWS: [*rows, entry]}).number for entry in entries_of(rows)]
    return sum((value - jackknife.value) ** 2 for value in values if value is not None)


def _reach(evaluator: Evaluator, columns: Mapping[str, Sequence[Any]]) -> float | None:
    """The best value of the metric, if its rows are no surprise at it."""
    traits, may_be_best = evaluator.traits, getattr(evaluator.function, MAY_BE_BEST, None)
    if not may_be_best or not traits.range:
        return None
    if not may_be_best(columns[ROWS], **_settings(evaluator, may_be_best)):
        return None
    return traits.range[1] if traits.higher_is_better else traits.range[0]


def _columns(
    evaluator: Evaluator, rows: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, list[Any]], dict[int, str]]:
    """The columns that the function takes, and the reason of each row that can't be read."""
    unread = {number: row["error"] for number, row in enumerate(rows) if "error" in row}
    read_row = getattr(evaluator.function, ROW, None)
    if not read_row:
        read = [row for number, row in enumerate(rows) if number not in unread]
        return {name: [row[name] for row in read] for name in evaluator.arguments}, unread
    settings = _settings(evaluator, read_row)
    values: list[Any] = []
    for number, row in enumerate(rows):
        if number not in unread:
            try:
                values.append(read_row(**{k: row[k] for k in evaluator.arguments}, **settings))
            except Exception as error:  # of a user's function
                root = evaluator.spec.root if evaluator.spec else None
                unread[number] = exception_message(error, root)
    return {ROWS: values}, unread


def _settings(evaluator: Evaluator, function: Callable[..., Any]) -> dict[str, Any]:
    """The settings that a function of the evaluator takes."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in evaluator.settings.items() if name in names}


def _score(evaluator: Evaluator, columns: Mapping[str, Sequence[Any]]) -> Score:
    assert evaluator.function
    settings = _settings(evaluator, evaluator.function)
    result = evaluator.function(**columns, **copy.deepcopy(settings))
    return checked_score(result, evaluator.traits)
