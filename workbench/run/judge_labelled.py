"""A judge asked about answers that people have labelled, and held against them.

    calibrate_judge(judge, plan, labels, context)      Calibrated(Calibration(answers=150, …), {…})

Its requests go through the store, the budget and the leases as those of a run do; a later run finds
their replies there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.calibration.calibration import (
    Calibration,
    LabelledAnswer,
    calibrate,
    people_value,
)
from workbench.calibration.labels import Place
from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.completing.follow_ups import Follower, FollowUps
from workbench.completing.judge_budget import JudgeBudget
from workbench.errors import ExitCode, WorkbenchError
from workbench.judges.judge import PAIR_VALUES, Judge
from workbench.judges.judge_record import label_key
from workbench.judges.judge_requests import (
    JudgeRequest,
    JudgeRequests,
    read_judgments,
    read_orders,
)
from workbench.model import Completion
from workbench.plan import Plan
from workbench.project import Price
from workbench.results.types import Row
from workbench.run.summary import interrupt_code
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.judging import judged_answer
from workbench.scoring.scored_rows import ScoredRows

BATCH = 200  # answers read together
Labels = Mapping[Place, Mapping[str, str]]
Questions = Mapping[Place, Sequence[JudgeRequest]]


@dataclass(frozen=True)
class Calibrated:
    """A judge's calibration, and what people's labels are worth by `label_key`."""

    calibration: Calibration
    labels: Mapping[str, float]


def calibrate_judge(
    judge: Judge, plan: Plan, labels: Labels, context: RunContext, samples: int = 1
) -> Calibrated:
    """Ask the judge about the labelled answers that are stored, and compare.

    Args:
        judge: of the plan.
        plan: whose answers are labelled.
        labels: by place and person.
        context: of the invocation.
        samples: verdicts of each model on an answer, to see how often it contradicts itself; those
            beyond the judge's own count for nothing else.

    Raises:
        WorkbenchError: no labelled answer is stored, the judge can't be asked, the budget is spent,
            or the command was interrupted; replies that came are kept.
    """
    assert context.renderer
    rows = dict(_stored_rows(plan, labels, context))
    if not rows:
        raise WorkbenchError(
            "none of the labelled answers is stored",
            where=plan.experiment.path,
            fix="workbench run stores answers; labels name rows by their ids",
        )
    wider = replace(judge, samples=max(samples, judge.samples))
    requests = JudgeRequests(wider, context.renderer).make(
        [judged_answer(row) for row in rows.values()]
    )
    questions = {
        place: each for place, each in zip(rows, requests, strict=True) if not isinstance(each, str)
    }
    replies = _ask(judge, plan, questions, context)
    prices = context.project.prices
    answers, values = [], {}
    for place, each in questions.items():
        if all(request.request.key in replies for request in each):
            judged = _Judged(judge, wider.samples, rows[place], each, replies)
            answers.append(judged.labelled(plan.variants[place[0]].name, labels[place], prices))
            values[_key(judge, plan, place)] = people_value(judge, labels[place])
    return Calibrated(calibrate(judge, answers), values)


def _key(judge: Judge, plan: Plan, place: Place) -> str:
    variant, number = place
    base = plan.baselines[variant] if judge.pairwise else None
    key = plan.cells[variant][number].key
    return label_key(key, "" if base is None else plan.cells[base][number].key)


def _ask(
    judge: Judge, plan: Plan, questions: Questions, context: RunContext
) -> dict[str, Completion]:
    """The replies to all requests, by key; those that are not stored are sent."""
    store, by_key = context.store, {r.request.key: r for each in questions.values() for r in each}
    stored = store.completions(by_key)
    unsent = [(r.model, r.request) for key, r in by_key.items() if key not in stored]
    if not unsent:
        return stored
    follow_ups = FollowUps(judge.models, context.progress.extend)
    context = replace(context, follow_ups=follow_ups, judge_budget=JudgeBudget(context.budget))
    for model, _ in unsent:
        model.provider.check_ready()
    plan = replace(plan, requests=tuple(() for _ in plan.variants))
    with store.leases.session(f"calibrate {judge.digest}"):
        outcome = complete(
            plan,
            context,
            begin=lambda: _add(follow_ups, unsent),
        )
    if context.interrupted():
        raise WorkbenchError(
            "interrupted; the replies so far are kept",
            fix="the same command continues from there",
            exit_code=interrupt_code(context),
        )
    for error in outcome.model_errors:
        raise error
    if outcome.exhausted:
        raise WorkbenchError(
            f"stopped at the budget after {context.budget.calls:,} calls; replies are kept",
            fix="the same command continues from there, with a budget of its own",
            exit_code=ExitCode.BUDGET,
        )
    return store.completions(by_key)


def _add(follow_ups: FollowUps, followers: Sequence[Follower]) -> None:
    follow_ups.add(followers)


def _stored_rows(plan: Plan, labels: Labels, context: RunContext) -> Iterator[tuple[Place, Row]]:
    """The labelled answers that are stored and can be scored."""
    scored = ScoredRows(plan, context.store, AnswerReader(plan, context.store), [])
    for variant in range(len(plan.variants)):
        numbers = sorted(number for place, number in labels if place == variant)
        for start in range(0, len(numbers), BATCH):
            for number, row in scored.numbered(variant, numbers[start : start + BATCH]):
                if row.scored:
                    yield (variant, number), row


@dataclass(frozen=True)
class _Judged:
    """A row with the replies of a judge to all requests about it.

    Attributes:
        samples: verdicts of each model, the judge's own first.
    """

    judge: Judge
    samples: int
    row: Row
    requests: Sequence[JudgeRequest]
    replies: Mapping[str, Completion]

    def labelled(
        self, variant: str, people: Mapping[str, str], prices: Mapping[str, Price]
    ) -> LabelledAnswer:
        """The answer with its labels and its verdicts."""
        judge, samples = self.judge, self.samples
        judgments = read_judgments(judge, self.requests, self.replies)
        starts = range(0, len(judgments), samples)
        score = judge.score([j for n in starts for j in judgments[n : n + judge.samples]])
        readable = PAIR_VALUES if judge.pairwise else judge.values
        choice = score.parsed if score.parsed in readable and not score.error else None
        first_model = [each.choice for _, each in judgments[:samples] if each.choice]
        orders = read_orders(judge, self.requests, self.replies) if judge.pairwise else []
        assert self.row.completion
        return LabelledAnswer(
            variant,
            people,
            choice,
            len(self.row.completion.text),
            samples=first_model,
            panel=[c for n in starts if (c := judgments[n][1].choice)] if starts[1:] else [],
            orders=[each.choice for _, each in orders if each.choice],
            cost=self._cost(prices),
        )

    def _cost(self, prices: Mapping[str, Price]) -> float | None:
        """The cost of the judge's own verdicts; None: a price or a count of tokens is missing."""
        costs = []
        for each in self.requests:
            price, usage = prices.get(each.model.model.ref), self.replies[each.request.key].usage
            if price is None or usage.input_tokens is None or usage.output_tokens is None:
                return None
            costs.append(price.cost(usage.input_tokens, usage.output_tokens))
        return sum(costs) * self.judge.samples / self.samples
