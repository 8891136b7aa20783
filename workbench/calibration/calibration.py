"""A judge held against people's labels: agreement, kappa, errors by class and by variant.

calibration = calibrate(judge, judged_answers)
calibration.total.kappa        Rate(0.71, 0.58, 0.82, n=150)

People's label of an answer is that of the majority; an answer on which they tie is left out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from workbench.judges.judge import ORDER, PAIR_VALUES, Judge
from workbench.judges.judge_requests import PAIR_VARIABLES
from workbench.stats.rater_agreement import (
    Agreement,
    Rate,
    majority,
    people_agreement,
    rank_correlation,
    rater_agreement,
    share_of,
)

FIRST, SECOND = PAIR_VARIABLES  # the choices of a single verdict on a pair


@dataclass(frozen=True)
class LabelledAnswer:
    """An answer with its labels and its verdicts.

    Attributes:
        variant: name of the variant.
        people: label by person.
        choice: the judge's; None: there is no verdict that can be read.
        samples: the choices of all samples of one model, where it was asked several times.
        panel: the choice of each model of a panel.
        orders: of a pair, the choice in each order.
        length: characters of the answer.
        cost: of its verdict; None: unknown.
    """

    variant: str
    people: Mapping[str, str]
    choice: str | None
    length: int
    samples: Sequence[str] = ()
    panel: Sequence[str] = ()
    orders: Sequence[str] = ()
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
        panel: share of pairs of the panel's models who agree; None: it is one model.
        first: of pairs, share of the single verdicts for one of both that choose the first.
        order_decided: of pairs, share on which the verdict depends on the order.
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
    panel: Rate | None = None
    first: Rate | None = None
    order_decided: Rate | None = None
    cost_of_1000: float | None = None


def calibrate(judge: Judge, answers: Sequence[LabelledAnswer]) -> Calibration:
    """Compare a judge with the people who labelled these answers."""
    labels = {id(answer): majority(answer.people) for answer in answers}
    decided = [answer for answer in answers if labels[id(answer)]]
    readable = [answer for answer in decided if answer.choice]
    pairs = [(str(labels[id(answer)]), str(answer.choice)) for answer in readable]
    passes = _passing(judge)
    people, people_kappa = people_agreement([answer.people for answer in answers])
    variants = dict.fromkeys(answer.variant for answer in readable)
    by_variant = {
        name: _agreement([p for a, p in zip(readable, pairs, strict=True) if a.variant == name])
        for name in variants
    }
    repeated = [answer for answer in answers if len(answer.samples) > 1]
    panel, _ = people_agreement([dict(enumerate(a.panel)) for a in answers])
    single = [choice for a in answers for choice in a.orders if choice in (FIRST, SECOND)]
    pairwise = [a for a in answers if a.orders and a.choice]
    costs = [answer.cost for answer in answers if answer.cost is not None]
    return Calibration(
        judge.digest,
        answers=len(readable),
        ties=len(answers) - len(decided),
        unparsed=len(decided) - len(readable),
        persons=sorted({person for answer in answers for person in answer.people}),
        total=_agreement(pairs),
        sensitivity=_share([judged in passes for label, judged in pairs if label in passes]),
        specificity=_share(
            [judged not in passes for label, judged in pairs if label not in passes]
        ),
        by_variant={name: each for name, each in by_variant.items() if each},
        people=people,
        people_kappa=people_kappa,
        length=_length_correlation(judge, readable),
        contradicts=_share([len(set(answer.samples)) > 1 for answer in repeated]),
        panel=panel,
        first=_share([choice == FIRST for choice in single]),
        order_decided=_share([answer.choice == ORDER for answer in pairwise]),
        cost_of_1000=1_000 * sum(costs) / len(costs) if len(costs) == len(answers) > 0 else None,
    )


def people_value(judge: Judge, people: Mapping[str, str]) -> float:
    """The worth of people's labels of an answer: the majority's, the mean where they tie."""
    counts = Counter(people.values())
    most = max(counts.values())
    return fmean(judge.labels[label] for label, count in counts.items() if count == most)


def _share(flags: Sequence[bool]) -> Rate | None:
    return share_of(sum(flags), len(flags)) if flags else None


def _agreement(pairs: Sequence[tuple[str, str]]) -> Agreement | None:
    return rater_agreement([people for people, _ in pairs], [judge for _, judge in pairs])


def _passing(judge: Judge) -> set[str]:
    """The choices that are worth more than half of the range."""
    middle = sum(judge.ends) / 2
    return {choice for choice, value in judge.labels.items() if value > middle}


def _length_correlation(judge: Judge, answers: Sequence[LabelledAnswer]) -> float | None:
    """Spearman's correlation of the verdicts' values with the lengths of the answers."""
    lengths = [answer.length for answer in answers]
    values = [PAIR_VALUES[c] if judge.pairwise else judge.values[c] for c in _choices(answers)]
    return rank_correlation(lengths, values)


def _choices(answers: Sequence[LabelledAnswer]) -> list[str]:
    return [answer.choice for answer in answers if answer.choice is not None]
