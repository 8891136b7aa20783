"""The metrics that have one value of all of a variant's rows, once all rows are scored.

score_columns(scored, stopped)      tally.columns["macro_f1"].column_score = ColumnScore(0.671, …)
"""

from workbench.errors import StopCheck
from workbench.evaluator import Evaluator
from workbench.results.tally import Tally
from workbench.scoring.answer_reader import NumberedRow
from workbench.scoring.cells import score_column
from workbench.scoring.derived_columns import add_derived_column
from workbench.scoring.scored_rows import ScoredRows


def score_columns(scored: ScoredRows, stopped: StopCheck) -> None:
    """Add these metrics to the tallies of all variants.

    Raises:
        Stopped: `stopped` returned True; the scores so far are stored.
        WorkbenchError: the store can't be written, or an evaluator has changed.
    """
    evaluators = [e for e in scored.plan.experiment.evaluators if e.traits.by_column]
    computed = [evaluator for evaluator in evaluators if evaluator.combination is None]
    for variant, tally in enumerate(scored.tallies if evaluators else ()):
        if computed and (rows := _rows(scored, variant, tally)):
            for evaluator in computed:
                _score(evaluator, rows, scored, tally, stopped)
        price = scored.plan.experiment.prices.get(scored.plan.variants[variant].model.model.ref)
        for evaluator in evaluators:
            if evaluator.combination:
                add_derived_column(evaluator, tally, price)


def _rows(scored: ScoredRows, variant: int, tally: Tally) -> list[NumberedRow]:
    """The rows of a variant with a scored answer."""
    batches = scored.answered(variant, skipped=set(tally.missing()))
    read = (row for batch in batches for row in scored.reader.read(variant, batch))
    return [(number, row) for number, row in read if row.scored]


def _score(
    evaluator: Evaluator,
    rows: list[NumberedRow],
    scored: ScoredRows,
    tally: Tally,
    stopped: StopCheck,
) -> None:
    covered = [(n, row) for n, row in rows if evaluator.covers(row.cell.example.columns())]
    if not covered:
        return
    numbers = [number for number, _ in covered]
    answers = [row for _, row in covered]
    groups = tally.groups_of(numbers)
    score = score_column(evaluator, answers, groups, scored.store, stopped=stopped)
    tally.add_column(evaluator.name, score, numbers)
