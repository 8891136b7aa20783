"""Metrics of all rows that are made of other evaluators' finished columns.

ratio: {of: cost, per: exact_match}      the sum of the one over the sum of the other
pass_at: {of: python_tests, k: 5}        the chance that one of 5 repeats passes, averaged over rows
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.evaluator import Evaluator, Score
from workbench.evaluator.combination import PASS_AT, RATIO, CombinedScore
from workbench.project import Price
from workbench.results.column_score import ColumnScore
from workbench.results.tally import Tally
from workbench.scoring.run_metric import column_score
from workbench.stats.jackknife import RowIndexes, delete_groups
from workbench.stats.repeats import pass_all, pass_at

LIMIT_S = 60.0  # of an interval
Values = Mapping[int, float]  # by the number of an answer
Derived = tuple[ColumnScore, Sequence[int]]  # the value, and the answers that have a share in it


def add_derived_column(evaluator: Evaluator, tally: Tally, price: Price | None) -> None:
    """Add to the tally a metric that is made of columns which it has.

    `price` is that of the variant's model; None: it is unknown.
    """
    combination, column = evaluator.combination, tally.columns[evaluator.name]
    assert combination
    uncovered = column.not_applicable_rows()
    errors: dict[int, str] = {}
    parts: list[dict[int, float]] = []
    unscored: set[int] = set()
    for part in combination.parts:
        if part.name in tally.columns:
            scores = tally.columns[part.name]
            parts.append({number: scores.values[number] for number in scores.value_rows()})
            failed = scores.error_rows() - uncovered
            errors |= dict.fromkeys(failed, f"{part.name} has an error")
        else:
            parts.append(tally.costs(price))
            unscored = parts[-1].keys() - tally.scored()
    for values in parts if unscored else ():
        values |= dict.fromkeys(unscored - values.keys(), 0.0)  # it was paid for, and gave nothing
    numbers = sorted(set.intersection(*map(set, parts)) - errors.keys() - uncovered)
    derive = _ratio if combination.kind == RATIO else _chance
    score, used = derive(combination, tally, numbers, parts)
    left_out = Score(reason=score.reason or "it has no value of this answer")
    for number in tally.scored().difference(used, errors, uncovered):
        column.put(number, left_out)
    unread = {len(used) + n: errors[number] for n, number in enumerate(sorted(errors))}
    tally.add_column(evaluator.name, replace(score, unread=unread), [*used, *sorted(errors)])


def _ratio(
    combination: CombinedScore, tally: Tally, numbers: Sequence[int], parts: Sequence[Values]
) -> Derived:
    """The ratio of the two sums over these answers."""
    if not numbers:
        return ColumnScore(None), ()
    of, per = (np.array([part[number] for number in numbers]) for part in parts)
    if not per.sum():
        return ColumnScore(None, reason=f"the sum of {combination.parts[1].name} is 0"), ()

    def statistic(rows: RowIndexes) -> float:
        total = per[rows].sum()
        return float(of[rows].sum() / total) if total else float("nan")

    groups = tally.groups_of(numbers)
    jackknife = delete_groups(statistic, groups, limit_s=LIMIT_S)
    return column_score(jackknife, groups, None), numbers


def _chance(
    combination: CombinedScore, tally: Tally, numbers: Sequence[int], parts: Sequence[Values]
) -> Derived:
    """The mean over rows of the chance that one of k of its answers passes, or that all do."""
    answers: dict[int, list[int]] = {}
    for number in numbers:
        answers.setdefault(number // tally.repeats, []).append(number)
    rows = [row for row, each in answers.items() if len(each) >= combination.k]
    if not rows:
        return ColumnScore(None), ()
    of_row = pass_at if combination.kind == PASS_AT else pass_all
    passed = ((sum(parts[0][n] for n in answers[row]), len(answers[row])) for row in rows)
    chances = np.array([of_row([(round(n), of)], combination.k)[combination.k] for n, of in passed])
    groups = tally.groups_of([answers[row][0] for row in rows])
    jackknife = delete_groups(lambda of: float(chances[of].mean()), groups, limit_s=LIMIT_S)
    used = [number for row in rows for number in answers[row]]
    return column_score(jackknife, groups, (0.0, 1.0)), used
