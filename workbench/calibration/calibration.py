"""A judge held against people's labels: agreement, kappa, errors by class and by variant.

calibration = calibrate(judge, judged_answers)
calibration.total.kappa        Rate(0.71, 0.58, 0.82, n=150)

People's label of an answer is that of the majority; an answer on which they tie is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.judges.judge import Judge
from workbench.stats.rater_agreement import (
    Agreement,
    Rate,
    majority,
    people_agreement,
    rank_correlation,
    rater_agreement,
    share_of,
)


@dataclass(frozen=True)
class LabelledAnswer:
    """An answer with its labels and its verdicts.

    Attributes:
        variant: name of the variant.
        people: label by person.
        choice: the judge's; None: there is no verdict that can be read.
        samples: the choices of all samples of one model, where it was asked several times.
        length: characters of the answer.
        cost: of its verdict; None: unknown.
    """

    variant: str
    people: Mapping[str, str]
    choice: str | None
    length: int
    samples: Sequence[str] = ()
    cost: float | None = None


@dataclass(frozen=True)
class Calibration:
    """A judge's error, as far as it is known.

    Attributes:
        digest: of the judge.
        answers: with a label of a majority.
        ties: answers on which people tie, left out.
        unparsed: answers without a verdict that can be read, left out.
        persons: who labelled.
        sensitivity: share of the answers that people pass which the judge passes; a choice worth
            more than half of the range passes. `specificity`: the same of those they fail.
        by_variant: the agreement on each variant's answers.
        people: share of pairs of people who agree; None: nobody shares an answer.
        people_kappa: mean kappa of two people.
        length: rank correlation of the verdict's value with the answer's length; None: unknown.
        contradicts: share of the answers whose samples differ; None: one sample each.
        cost_of_1000: of a thousand verdicts; None: unknown.
    """

    digest: str
    answers: int
    ties: int
    unparsed: int
    persons: Sequence[str]
    total: Agreement | None
    sensitivity: Rate | None
    specificity: Rate | None
    by_variant: Mapping[str, Agreement] = field(default_factory=dict)
    people: Rate | None = None
    people_kappa: float | None = None
    length: float | None = None
    contradicts: Rate | None = None
    cost_of_1000: float | None = None


def calibrate(judge: Judge, answers: Sequence[LabelledAnswer]) -> Calibration:
    """Compare a judge with the people who labelled these answers."""
    labels = {id(answer): majority(answer.people) for answer in answers}
    decided = [answer for answer in answers if labels[id(answer)]]
    readable = [answer for answer in decided if answer.choice]
    pairs = [(str(labels[id(answer)]), str(answer.choice)) for answer in readable]
    passes = _passing(judge)
    of_passed = [judge_says in passes for people_say, judge_says in pairs if people_say in passes]
    of_failed = [
        judge_says not in passes for people_say, judge_says in pairs if people_say not in passes
    ]
    people, people_kappa = people_agreement([answer.people for answer in answers])
    variants = dict.fromkeys(answer.variant for answer in readable)
    by_variant = {
        name: _agreement([p for a, p in zip(readable, pairs, strict=True) if a.variant == name])
        for name in variants
    }
    repeated = [answer for answer in answers if len(answer.samples) > 1]
    costs = [answer.cost for answer in answers if answer.cost is not None]
    return Calibration(
        judge.digest,
        answers=len(readable),
        ties=len(answers) - len(decided),
        unparsed=len(decided) - len(readable),
        persons=sorted({person for answer in answers for person in answer.people}),
        total=_agreement(pairs),
        sensitivity=share_of(sum(of_passed), len(of_passed)) if of_passed else None,
        specificity=share_of(sum(of_failed), len(of_failed)) if of_failed else None,
        by_variant={name: each for name, each in by_variant.items() if each},
        people=people,
        people_kappa=people_kappa,
        length=_length_correlation(judge, readable),
        contradicts=share_of(sum(len(set(a.samples)) > 1 for a in repeated), len(repeated))
        if repeated
        else None,
        cost_of_1000=1_000 * sum(costs) / len(costs) if len(costs) == len(answers) > 0 else None,
    )


def _agreement(pairs: Sequence[tuple[str, str]]) -> Agreement | None:
    return rater_agreement([people for people, _ in pairs], [judge for _, judge in pairs])


def _passing(judge: Judge) -> set[str]:
    """The choices that are worth more than half of the range."""
    middle = (min(judge.values.values()) + max(judge.values.values())) / 2
    return {choice for choice, value in judge.values.items() if value > middle}


def _length_correlation(judge: Judge, answers: Sequence[LabelledAnswer]) -> float | None:
    """Spearman's correlation of the verdicts' values with the lengths of the answers."""
    lengths = [answer.length for answer in answers]
    values = [judge.values[str(answer.choice)] for answer in answers]
    return rank_correlation(lengths, values)
