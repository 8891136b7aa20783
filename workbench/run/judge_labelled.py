"""A judge asked about answers that people have labelled, and held against them.

    calibrate_judge(judge, plan, labels, context)      Calibration(answers=150, …)

Its requests go through the store, the budget and the leases as those of a run do; a later run finds
their replies there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workbench.calibration.calibration import Calibration, LabelledAnswer, calibrate
from workbench.calibration.labels import Place
from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.completing.follow_ups import Follower, FollowUps
from workbench.completing.judge_budget import JudgeBudget
from workbench.errors import ExitCode, WorkbenchError
from workbench.judges.judge import Judge
from workbench.judges.judge_requests import JudgeRequest, JudgeRequests, read_judgments
from workbench.model import Completion
from workbench.plan import Plan
from workbench.results.types import Row
from workbench.run.summary import interrupt_code
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.judging import judged_answer
from workbench.scoring.scored_rows import ScoredRows

BATCH = 200  # answers read together
Labels = Mapping[Place, Mapping[str, str]]
Questions = Mapping[Place, Sequence[JudgeRequest]]


def calibrate_judge(judge: Judge, plan: Plan, labels: Labels, context: RunContext) -> Calibration:
    """Ask the judge about the labelled answers that are stored, and compare.

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
    maker = JudgeRequests(judge, context.renderer)
    requests = maker.make([judged_answer(row) for row in rows.values()])
    questions = {
        place: each for place, each in zip(rows, requests, strict=True) if not isinstance(each, str)
    }
    replies = _ask(judge, plan, questions, context)
    return calibrate(
        judge,
        [
            _labelled(
                judge, (plan.variants[place[0]].name, labels[place], rows[place]), each, replies
            )
            for place, each in questions.items()
            if all(request.request.key in replies for request in each)
        ],
    )


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


def _labelled(
    judge: Judge,
    answer: tuple[str, Mapping[str, str], Row],
    requests: Sequence[JudgeRequest],
    replies: Mapping[str, Completion],
) -> LabelledAnswer:
    """An answer with its labels and its verdicts; `answer`: its variant, its labels and its row."""
    variant, people, row = answer
    judgments = read_judgments(judge, requests, replies)
    score = judge.score(judgments)
    choice = score.label if score.label in judge.choices and not score.error else None
    model = judgments[0][0]
    samples = [each.choice for name, each in judgments if name == model and each.choice]
    assert row.completion
    return LabelledAnswer(variant, people, choice, len(row.completion.text), samples)
