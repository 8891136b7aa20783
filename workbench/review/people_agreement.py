"""Agreement among people who labelled the same answers: figures, pairs, rows to talk about.

agreement = measure_agreement(labels)
agreement.raw                    Rate(0.78, 0.70, 0.85, n=120)
agreement.pairs[0]               PairAgreement("ann", "cid", rows=40, …): who agree least
agreement.disputed[0].labels     {"yes": ["ann", "bob"], "no": ["cid", "dan"]}
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from workbench.review.people_labels import Answer, PeopleLabels
from workbench.stats.inter_rater import (
    Level,
    Undefined,
    cohens_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    raw_agreement,
)
from workbench.stats.rater_agreement import Rate, share_of
from workbench.stats.rating_table import rating_table

Statistic = Rate | Undefined
MAX_KAPPAS = 500  # pairs of people with a kappa, which takes some milliseconds each


@dataclass(frozen=True)
class PairAgreement:
    """The agreement of two people.

    Attributes:
        rows: answers that both labelled.
        share: of these, on which their labels are equal.
        kappa: Cohen's; None: of pairs that agree better than hundreds of others.
    """

    first: str
    second: str
    rows: int
    share: Rate
    kappa: Statistic | None = None


@dataclass(frozen=True)
class DisputedAnswer:
    """An answer whose labels differ.

    Attributes:
        agreement: share of the pairs of its labels that are equal.
        labels: people by label, the most frequent label first.
    """

    row: str
    variant: str
    agreement: float
    labels: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class PeopleAgreement:
    """The agreement of people who labelled the same answers.

    Attributes:
        labels: number of each person's labels.
        answers: with a label; `shared`: with labels of two people or more.
        raw: share of pairs of labels of the same answer that are equal.
        kappa: Cohen's of two people, Fleiss' of more.
        alpha: Krippendorff's, by level: nominal, and where labels have an order or distances,
            ordinal and interval.
        pairs: of people with a common answer, those who agree least first.
        disputed: the answers whose labels differ, the most disputed first.
    """

    labels: Mapping[str, int]
    answers: int
    shared: int
    raw: Statistic
    kappa: Statistic
    alpha: Mapping[Level, Statistic]
    pairs: Sequence[PairAgreement]
    disputed: Sequence[DisputedAnswer]


def measure_agreement(labels: PeopleLabels, order: Sequence[str] = ()) -> PeopleAgreement:
    """Measure the agreement of people.

    Args:
        labels: by answer and person.
        order: of the labels, from the lowest; empty: numbers have theirs, other labels none.
    """
    rows = list(labels.values())
    table = rating_table(rows, order)
    counts = Counter(person for by_person in rows for person in by_person)
    pairs = _pairs(rows)
    levels: list[Level] = ["nominal"]
    if order or table.values is not None:
        levels.append("ordinal")
    if table.values is not None:
        levels.append("interval")
    two = pairs[0].kappa if len(counts) == 2 and pairs else None
    return PeopleAgreement(
        dict(sorted(counts.items())),
        answers=len(rows),
        shared=table.rows,
        raw=raw_agreement(table),
        kappa=two or fleiss_kappa(table),
        alpha={level: krippendorff_alpha(table, level) for level in levels},
        pairs=pairs,
        disputed=_disputed(labels),
    )


def _pairs(rows: Sequence[Mapping[str, str]]) -> list[PairAgreement]:
    """The pairs of people with a common answer; those who certainly agree least come first."""
    common: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for by_person in rows:
        for (first, ours), (second, theirs) in combinations(sorted(by_person.items()), 2):
            common.setdefault((first, second), []).append((ours, theirs))
    pairs = [
        PairAgreement(*names, len(each), share_of(sum(a == b for a, b in each), len(each)))
        for names, each in common.items()
    ]
    pairs.sort(key=lambda pair: (pair.share.high, pair.first, pair.second))
    for number, pair in enumerate(pairs[:MAX_KAPPAS]):
        each = common[pair.first, pair.second]
        kappa = cohens_kappa([ours for ours, _ in each], [theirs for _, theirs in each])
        pairs[number] = replace(pair, kappa=kappa)
    return pairs


def _disputed(labels: PeopleLabels) -> list[DisputedAnswer]:
    disputed = []
    for answer, by_person in labels.items():
        people: dict[str, list[str]] = {}
        for person, label in by_person.items():
            people.setdefault(label, []).append(person)
        if len(people) > 1:
            disputed.append(_dispute(answer, people, len(by_person)))
    return sorted(disputed, key=lambda each: (each.agreement, -sum(map(len, each.labels.values()))))


def _dispute(answer: Answer, people: Mapping[str, list[str]], count: int) -> DisputedAnswer:
    equal = sum(len(each) * (len(each) - 1) for each in people.values())
    ordered = dict(sorted(people.items(), key=lambda each: -len(each[1])))
    return DisputedAnswer(*answer, agreement=equal / (count * (count - 1)), labels=ordered)
