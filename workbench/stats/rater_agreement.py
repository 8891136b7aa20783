"""Agreement of two raters, and of many: shares and kappas with 95% intervals.

>>> agreement = rater_agreement(["yes", "yes", "no", "no"] * 10, ["yes", "no", "no", "no"] * 10)
>>> f"{agreement.share.value:.2f}, kappa {agreement.kappa.value:.2f}"
'0.75, kappa 0.50'

Cohen's kappa: J. Cohen, Educ. Psychol. Meas. 20 (1960) 37. Its interval comes from a bootstrap over
the answers. Among people: the mean of the kappas of each pair who judged the same answers, weighted
by their number.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from workbench.stats.means import wilson_interval
from workbench.stats.sample import LEVEL
from workbench.stats.special_functions import ndtri

RESAMPLES = 2_000
MIN_VARIED = 3  # different values without which there is no correlation
SEED = 20_261_130


@dataclass(frozen=True, slots=True)
class Rate:
    """A number with its 95% interval; `n`: what it is over."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of a judge with people.

    Attributes:
        kappa: None: both always say the same one thing, so chance explains it all.
        by_class: of the answers that people put into a class, the share that the judge does, too.
    """

    share: Rate
    kappa: Rate | None
    by_class: Mapping[str, Rate]


def rater_agreement(people: Sequence[str], judge: Sequence[str]) -> Agreement | None:
    """The agreement of two raters on the same answers; None without any."""
    if not people:
        return None
    labels = sorted({*people, *judge})
    numbers = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for ours, theirs in zip(people, judge, strict=True):
        table[numbers[ours], numbers[theirs]] += 1
    by_class = {
        label: share_of(int(table[n, n]), int(table[n].sum()))
        for label, n in numbers.items()
        if table[n].sum()
    }
    return Agreement(share_of(int(np.trace(table)), len(people)), _kappa(table), by_class)


def share_of(count: int, n: int) -> Rate:
    """A share with Wilson's interval."""
    return _share(count / n, n)


def _share(share: float, n: int) -> Rate:
    low, high = wilson_interval(share, n, float(ndtri((1 + LEVEL) / 2)))
    return Rate(share, min(low, share), max(high, share), n)


def people_agreement(labels: Sequence[Mapping[Any, str]]) -> tuple[Rate | None, float | None]:
    """The agreement of people among themselves: share of pairs, and mean kappa of two people.

    `labels`: of each answer, the label of each person. Pairs on one answer depend on each other, so
    the share's interval is that of as many independent pairs as there are answers.
    """
    pairs: dict[tuple[Any, Any], list[tuple[str, str]]] = {}
    for by_person in labels:
        for (a, ours), (b, theirs) in combinations(sorted(by_person.items()), 2):
            pairs.setdefault((a, b), []).append((ours, theirs))
    judged = [pair for each in pairs.values() for pair in each]
    if not judged:
        return None, None
    rated = sum(len(by_person) > 1 for by_person in labels)
    share = _share(sum(a == b for a, b in judged) / len(judged), rated)
    kappas, weights = [], []
    for each in pairs.values():
        agreement = rater_agreement([a for a, _ in each], [b for _, b in each])
        if agreement and agreement.kappa:
            kappas.append(agreement.kappa.value)
            weights.append(len(each))
    return share, float(np.average(kappas, weights=weights)) if kappas else None


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None where one of the two hardly varies."""
    if len(set(xs)) < MIN_VARIED or len(set(ys)) < 2:
        return None
    return float(spearmanr(xs, ys).statistic)


def majority(labels: Mapping[str, str]) -> str | None:
    """The label that most people gave; None: there is a tie."""
    counts = Counter(labels.values()).most_common(2)
    if len(counts) > 1 and counts[0][1] == counts[1][1]:
        return None
    return counts[0][0] if counts else None


def _kappa(table: np.ndarray) -> Rate | None:
    value = _kappa_of(table[None])[0]
    if np.isnan(value):
        return None
    n = int(table.sum())
    draws = np.random.default_rng(SEED).multinomial(n, table.ravel() / n, size=RESAMPLES)
    resampled = _kappa_of(draws.reshape(RESAMPLES, *table.shape))
    resampled = resampled[~np.isnan(resampled)]
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Rate(float(value), min(float(low), float(value)), max(float(high), float(value)), n)


def _kappa_of(tables: np.ndarray) -> np.ndarray:
    """Cohen's kappa of each table; NaN where chance explains all agreement."""
    totals = tables.sum(axis=(1, 2))
    observed = np.trace(tables, axis1=1, axis2=2) / totals
    expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / totals**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
