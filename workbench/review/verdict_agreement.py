"""People's labels beside the stored verdicts of a task's judges and evaluators.

for verdicts in verdict_agreements(plan, store, labels):
    verdicts.metric, verdicts.kappa          "polite", Rate(0.71, 0.58, 0.82, n=150)

People's label of an answer is that of most of them; where they tie the answer is left out. A label
is compared with a judge's choice, with a category, or with a pass or a fail; numbers by rank.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.calibration.labels import Label, Place, match_choice, match_labels
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, Score
from workbench.judges.judge import Judge
from workbench.plan import Plan
from workbench.scoring.answer_reader import AnswerReader
from workbench.scoring.scored_rows import BATCH_SIZE, ScoredRows
from workbench.stats.inter_rater import Undefined, cohens_kappa
from workbench.stats.rater_agreement import Rate, majority, rank_correlation, share_of
from workbench.store import Store

PASS, FAIL = "pass", "fail"
# Words of people for an answer that passes, and for one that fails.
OUTCOMES = {
    **dict.fromkeys(("pass", "passed", "yes", "true", "1", "good", "right", "correct"), PASS),
    **dict.fromkeys(("fail", "failed", "no", "false", "0", "bad", "wrong", "incorrect"), FAIL),
}
Scored = Sequence[tuple[str, Score]]  # people's label of an answer, and its score


@dataclass(frozen=True)
class VerdictAgreement:
    """The agreement of people with one metric.

    Attributes:
        by_judge: True if a judge gives the verdicts.
        answers: with a label of most people and a verdict.
        share: of the answers, on which both are equal; None: they aren't compared by label.
        kappa: Cohen's.
        correlation: Spearman's of numbers; None: they aren't numbers, or hardly vary.
        problem: the reason why labels and verdicts aren't compared; empty: they are.
    """

    metric: str
    by_judge: bool
    answers: int = 0
    share: Rate | None = None
    kappa: Rate | Undefined | None = None
    correlation: float | None = None
    problem: str = ""


def verdict_agreements(
    plan: Plan, store: Store, labels: Sequence[Label]
) -> Iterator[VerdictAgreement]:
    """Compare people with each metric that has a score of each row.

    Raises:
        WorkbenchError: a label names an unknown row or variant, or a person labels an answer twice.
    """
    people = {place: majority(each) for place, each in match_labels(labels, plan).items()}
    scores = _stored_scores(plan, store, {place: label for place, label in people.items() if label})
    for evaluator in plan.experiment.evaluators:
        if not evaluator.traits.by_column:
            judge = plan.experiment.judges.get(evaluator.name)
            yield _compare(evaluator, judge, scores.get(evaluator.name, []))


def _stored_scores(
    plan: Plan, store: Store, labels: Mapping[Place, str]
) -> dict[str, list[tuple[str, Score]]]:
    """The labels with the stored scores of their answers, by metric; errors are left out."""
    scored = ScoredRows(plan, store, AnswerReader(plan, store), [])
    by_metric: dict[str, list[tuple[str, Score]]] = {}
    for variant in range(len(plan.variants)):
        numbers = sorted(number for place, number in labels if place == variant)
        for start in range(0, len(numbers), BATCH_SIZE):
            for number, row in scored.numbered(variant, numbers[start : start + BATCH_SIZE]):
                for metric, score in row.scores.items() if row.scored else ():
                    if not score.error and score.value is not None:
                        pair = labels[variant, number], score
                        by_metric.setdefault(metric, []).append(pair)
    return by_metric


def _compare(evaluator: Evaluator, judge: Judge | None, scored: Scored) -> VerdictAgreement:
    name, by_judge = evaluator.name, judge is not None
    if not scored:
        return VerdictAgreement(name, by_judge, problem="no labelled answer has a stored score")
    try:
        if judge:
            return _by_label(name, _judged(judge, scored), by_judge=True)
        if all(isinstance(score.value, str) for _, score in scored):
            return _by_label(name, _categories(scored), by_judge=False)
        if all(score.number in (0, 1) for _, score in scored):
            return _by_label(name, _outcomes(scored), by_judge=False)
        return _by_rank(name, scored)
    except WorkbenchError as error:
        return VerdictAgreement(name, by_judge, problem=error.message)


def _judged(judge: Judge, scored: Scored) -> list[tuple[str, str]]:
    """Labels and verdicts as the judge's choices; verdicts that can't be read are left out."""
    return [
        (match_choice(label, judge.labels, where=""), score.parsed)
        for label, score in scored
        if score.parsed in judge.labels
    ]


def _categories(scored: Scored) -> list[tuple[str, str]]:
    pairs = [(label, str(score.value)) for label, score in scored]
    if {label for label, _ in pairs}.isdisjoint(category for _, category in pairs):
        raise WorkbenchError(f"{pairs[0][0]!r} is no category, as {pairs[0][1]!r} is")
    return pairs


def _outcomes(scored: Scored) -> list[tuple[str, str]]:
    pairs = []
    for label, score in scored:
        outcome = OUTCOMES.get(label.casefold())
        if outcome is None:
            raise WorkbenchError(f"{label!r} says neither pass nor fail")
        pairs.append((outcome, PASS if score.number else FAIL))
    return pairs


def _by_label(metric: str, pairs: Sequence[tuple[str, str]], *, by_judge: bool) -> VerdictAgreement:
    if not pairs:
        return VerdictAgreement(metric, by_judge, problem="no verdict can be read")
    people, verdicts = [label for label, _ in pairs], [verdict for _, verdict in pairs]
    share = share_of(sum(label == verdict for label, verdict in pairs), len(pairs))
    kappa = cohens_kappa(people, verdicts)
    return VerdictAgreement(metric, by_judge, len(pairs), share, kappa)


def _by_rank(metric: str, scored: Scored) -> VerdictAgreement:
    numbers, scores = [], []
    for label, score in scored:
        try:
            numbers.append(float(label))
        except ValueError as error:
            raise WorkbenchError(f"{label!r} is no number, as its scores are") from error
        scores.append(score.number or 0.0)
    correlation = rank_correlation(scores, numbers)
    problem = "" if correlation is not None else "the numbers hardly vary"
    return VerdictAgreement(
        metric, by_judge=False, answers=len(scores), correlation=correlation, problem=problem
    )
