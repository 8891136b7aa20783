"""A stream whose rows are also scored by judges: their verdicts are requested, and awaited.

with open_stream(plan, context, on_rows) as stream: …      as `Stream`

A row is tallied and passed on when it has all its verdicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

from workbench.completing.context import RunContext
from workbench.completing.follow_ups import FollowUps
from workbench.completing.judge_budget import JudgeBudget
from workbench.experiment import OpenModel
from workbench.model import Completion
from workbench.plan import Plan
from workbench.scoring.answer_reader import NumberedRow
from workbench.scoring.judged_scores import UNJUDGED
from workbench.scoring.judging import Judging
from workbench.scoring.scored_rows import BATCH_SIZE
from workbench.scoring.stream import OnRows, Stream


class JudgedStream(Stream):
    """As `Stream`, with judges: without a call of `on_rows` for rows that wait for a verdict."""

    _asks = True

    def __init__(self, plan: Plan, context: RunContext, on_rows: OnRows) -> None:
        super().__init__(plan, context.store, on_rows, context.interrupted)
        assert context.renderer
        self._follow_ups = context.follow_ups
        self._judging = Judging(plan, context.store, context.renderer, context.follow_ups)
        self._pairs = any(each.pairwise for each in plan.experiment.scorers.values())
        # Baseline and row to the variants whose answer waits for it.
        self._unpaired: dict[tuple[int, int], list[int]] = {}

    def add(self, completions: Sequence[Completion]) -> None:
        """As `Stream.add`; they are unsettled until what follows from them is queued."""
        if not self._error:
            self._follow_ups.expect(len(completions))
        super().add(completions)

    def __enter__(self) -> Self:
        self._follow_ups.expect()  # stored answers are read first
        return super().__enter__()

    def _count(self, variant: int, rows: Sequence[NumberedRow]) -> None:
        """Ask about the answers; a pair waits until both are there."""
        paired: list[NumberedRow] = []
        base = self._plan.baselines[variant] if self._pairs and self._plan.baselines else None
        for number, row in rows:
            if base is not None and row.scored and row.baseline is None:
                self._unpaired.setdefault((base, number), []).append(variant)
            else:
                paired.append((number, row))
        judged = self._judging.ask(variant, paired)
        self._note_errors(variant, [number for number, _ in judged])
        super()._count(variant, judged)
        released: dict[int, list[int]] = {}
        for number, _ in rows if self._unpaired else ():
            for other in self._unpaired.pop((variant, number), ()):
                released.setdefault(other, []).append(number)
        for other, numbers in released.items():
            self._count(other, self.scored.numbered(other, numbers))

    def _stored_done(self) -> None:
        self._follow_ups.settle()

    def _batch_done(self, batch: Sequence[Completion | str]) -> None:
        """Take the verdicts among completions; what follows from the others is queued."""
        keys = [each for each in batch if isinstance(each, str) and self._judging.is_verdict(each)]
        completions = [each for each in batch if isinstance(each, Completion)]
        completions += self._store.completions(keys).values()
        self._count_judged(self._judging.receive(completions))
        self._follow_ups.settle(len(batch))

    def _all_done(self) -> None:
        """Count the rows whose verdicts, or whose baseline's answer, will not come."""
        self._count_judged(self._judging.give_up())
        for (_, number), variants in self._unpaired.items():
            for variant in variants:
                super()._count(variant, self.scored.numbered(variant, [number]))

    def _failed(self) -> None:
        self._follow_ups.close()

    def _count_judged(self, rows: Mapping[int, Sequence[int]]) -> None:
        for variant, numbers in rows.items():
            for start in range(0, len(numbers), BATCH_SIZE):
                batch = numbers[start : start + BATCH_SIZE]
                self._note_errors(variant, batch)
                super()._count(variant, self.scored.numbered(variant, batch))

    def _note_errors(self, variant: int, numbers: Sequence[int]) -> None:
        """Keep the errors of judges, and forget that their verdicts were missing."""
        for place in ((variant, number) for number in numbers):
            scores = self.scored.unstored_scores.get(place, {})
            others = {name: score for name, score in scores.items() if score != UNJUDGED}
            unstored = {**others, **self._judging.errors.get(place, {})}
            if unstored:
                self.scored.unstored_scores[place] = unstored
            else:
                self.scored.unstored_scores.pop(place, None)


def with_follow_ups(context: RunContext, plan: Plan) -> RunContext:
    """The context with a queue for later turns, and for requests to judges if it can render them.

    Turns are sent to the models of variants that have requests.
    """
    models: list[OpenModel] = []
    if plan.experiment.dataset.later_turns:
        pairs = zip(plan.variants, plan.requests, strict=True)
        models += [variant.model for variant, requests in pairs if requests]
    if context.renderer:
        models += [model for each in plan.experiment.scorers.values() for model in each.models]
    return replace(
        context,
        follow_ups=FollowUps(models, context.progress.extend),
        judge_budget=context.judge_budget or JudgeBudget(context.budget),
    )


def open_stream(plan: Plan, context: RunContext, on_rows: OnRows) -> Stream:
    """The stream of a run; its judges are asked if the context can render their prompts."""
    if plan.experiment.scorers and context.renderer:
        return JudgedStream(plan, context, on_rows)
    return Stream(plan, context.store, on_rows, context.interrupted)
