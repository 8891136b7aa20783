"""The scored rows of a plan, read again from the store.

for numbered_rows in scored.rows(variant=1): …        [(0, Row(…)), (1, Row(…)), …]
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from workbench.evaluator import Score
from workbench.evaluator.combination_order import combination_order
from workbench.model import Completion
from workbench.plan import Plan, describe_models
from workbench.results.tally import Tally
from workbench.results.types import Row
from workbench.scoring.answer_reader import AnswerReader, NumberedRow
from workbench.scoring.cells import add_combined_scores, stored_scores
from workbench.scoring.judged_scores import UNPAIRED
from workbench.store import Store
from workbench.store.outdated_turns import outdated_turns

BATCH_SIZE = 500  # rows read together
RowPlace = tuple[int, int]  # variant and row


@dataclass(frozen=True)
class ScoredRows:
    """The rows of a plan in the store, and what the store does not keep of them.

    Attributes:
        tallies: by variant.
        failed: requests without a reply.
        unstored_scores: errors of evaluators, and scores that are not kept.
    """

    plan: Plan
    store: Store
    reader: AnswerReader
    tallies: list[Tally]
    failed: dict[RowPlace, Completion] = field(default_factory=dict)
    unstored_scores: dict[RowPlace, dict[str, Score]] = field(default_factory=dict)

    def described(self) -> "ScoredRows":
        """The same with descriptions of the providers, which can't be pickled."""
        plan = describe_models(self.plan)
        return replace(self, plan=plan, reader=self.reader.with_plan(plan))

    def rows(self, variant: int) -> Iterator[list[NumberedRow]]:
        """All scored rows of a variant, some at a time, in order."""
        not_run = set(self.tallies[variant].missing())
        for received in self.answered(variant, skipped=not_run):
            yield self._scored(variant, received)

    def stored(self, variant: int) -> Iterator[list[NumberedRow]]:
        """All rows of a variant that have an answer, with the scores that are stored, in order."""
        for received in self.answered(variant, skipped=set()):
            yield self._scored(variant, received)

    def numbered(self, variant: int, numbers: Collection[int]) -> list[NumberedRow]:
        """The scored rows of a variant with these numbers, in order; at most some hundred."""
        received = self._answered(variant, numbers)
        return self._scored(variant, received) if received else []

    def _scored(self, variant: int, received: list[NumberedRow]) -> list[NumberedRow]:
        evaluators = self.plan.experiment.evaluators
        rows = self.paired(variant, self.reader.read(variant, received))
        scores_by_row = stored_scores(evaluators, [row for _, row in rows], self.store)
        scored: list[NumberedRow] = []
        combined = combination_order(evaluators)
        for (number, row), stored_of_row in zip(rows, scores_by_row, strict=True):
            scores = stored_of_row | self.unstored_scores.get((variant, number), {})
            add_combined_scores(combined, scores, row)
            ordered = {e.name: scores[e.name] for e in evaluators if e.name in scores}
            scored.append((number, replace(row, scores=ordered)))
        return scored

    def paired(self, variant: int, rows: Sequence[NumberedRow]) -> list[NumberedRow]:
        """The rows with the baseline's answers, where a judge compares them."""
        if not any(judge.pairwise for judge in self.plan.experiment.judges.values()):
            return list(rows)
        base = self.plan.baselines[variant] if self.plan.baselines else None
        if base is None:
            return [(n, replace(row, baseline=UNPAIRED)) for n, row in rows]
        received = self._answered(base, [number for number, _ in rows])
        answers = {number: row.completion for number, row in self.reader.read(base, received)}
        return [(n, replace(row, baseline=answers.get(n))) for n, row in rows]

    def answered(self, variant: int, *, skipped: set[int]) -> Iterator[list[NumberedRow]]:
        """The other rows with an answer as it was received, or a failure, in order.

        A request that got no reply is a failure where the plan doesn't send it again.
        """
        cells = self.plan.cells[variant]
        for start in range(0, len(cells), BATCH_SIZE):
            numbers = set(range(start, min(start + BATCH_SIZE, len(cells)))) - skipped
            if rows := self._answered(variant, numbers):
                yield rows

    def _answered(self, variant: int, numbers: Collection[int]) -> list[NumberedRow]:
        cells = self.plan.cells[variant]
        stored = self.store.completions({cells[number].key for number in numbers})
        if self.plan.experiment.dataset.later_turns:
            for key in outdated_turns(self.store, stored):
                del stored[key]
        missing = {cells[number].key for number in numbers} - stored.keys() - self.plan.withdrawn
        no_replies = self.store.no_replies.completions(missing)
        rows: list[NumberedRow] = []
        for number in sorted(numbers):
            key = cells[number].key
            completion = self.failed.get((variant, number)) or stored.get(key)
            if completion := completion or no_replies.get(key):
                rows.append((number, Row(cells[number], completion)))
        return rows
