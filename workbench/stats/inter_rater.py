"""Agreement among raters: raw share, kappas and Krippendorff's alpha, with 95% intervals.

>>> from workbench.stats.rating_table import rating_table
>>> rows = [{"ann": "yes", "bob": "yes"}, {"ann": "no", "bob": "no"}, {"ann": "no", "bob": "yes"}]
>>> table = rating_table(rows * 10)
>>> alpha = krippendorff_alpha(table)
>>> f"{raw_agreement(table).value:.2f}, alpha {alpha.value:.2f} of {alpha.n} rows"
'0.67, alpha 0.34 of 30 rows'
>>> krippendorff_alpha(rating_table([{"ann": "yes", "bob": "yes"}] * 10))
Undefined(reason="all labels are 'yes', so chance explains all agreement")

J. L. Fleiss, Psychol. Bull. 76 (1971) 378; K. Krippendorff, Content Analysis (2004), chapter 11.
Intervals come from a bootstrap over rows: all labels of a row are drawn together, because they are
about the same answer. Rows with equal labels are drawn as one, with the number of them as weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.stats.means import wilson_interval
from workbench.stats.rater_agreement import RESAMPLES, SEED, Rate, rater_agreement
from workbench.stats.rating_table import RatingTable, too_many_labels
from workbench.stats.sample import LEVEL, FloatArray
from workbench.stats.special_functions import ndtr, ndtri, stdtrit

Level = Literal["nominal", "ordinal", "interval"]
MAX_WEIGHTS = 4_000_000  # of resamples at a time


@dataclass(frozen=True, slots=True)
class Undefined:
    """The reason why a statistic is not defined."""

    reason: str


def raw_agreement(table: RatingTable) -> Rate | Undefined:
    """The share of pairs of labels on the same row that are equal."""
    if table.problem:
        return Undefined(table.problem)
    equal = (table.patterns * (table.patterns - 1)).sum(axis=1)
    pairs = table.sizes * (table.sizes - 1)
    return _rate(table, lambda weights: (weights @ equal) / (weights @ pairs), worst=0.0)


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> Rate | Undefined:
    """Cohen's kappa of two raters' labels of the same rows."""
    if problem := too_many_labels(len({*first, *second})):
        return Undefined(problem)
    agreement = rater_agreement(first, second)
    if agreement is None:
        return Undefined("no row has labels of both")
    return agreement.kappa or Undefined(_same_label(first[0]))


def fleiss_kappa(table: RatingTable) -> Rate | Undefined:
    """Fleiss' kappa of rows that all have the same number of labels."""
    if table.problem:
        return Undefined(table.problem)
    fewest, size = int(table.sizes.min()), int(table.sizes.max())
    if fewest != size:
        reason = f"rows have {fewest} to {size} labels, and it takes the same number on each"
        return Undefined(reason)
    if table.only_label is not None:
        return Undefined(_same_label(table.only_label))
    equal = (table.patterns * (table.patterns - 1)).sum(axis=1) / (size * (size - 1))

    def kappas(weights: FloatArray) -> FloatArray:
        rows = weights.sum(axis=1)
        chance = _square_sums(weights @ table.patterns) / (rows * size) ** 2
        return 1 - _ratio(1 - (weights @ equal) / rows, 1 - chance)

    return _rate(table, kappas, worst=_worst_alpha(table, "nominal"))


def krippendorff_alpha(table: RatingTable, level: Level = "nominal") -> Rate | Undefined:
    """Krippendorff's alpha, for any number of raters and of labels on a row.

    Args:
        table: of the labels.
        level: of measurement: labels that differ or not (nominal), that have an order (ordinal),
            or that are numbers with distances (interval).
    """
    if table.problem:
        return Undefined(table.problem)
    if level == "interval" and table.values is None:
        return Undefined("not all labels are numbers, so they have no distances")
    if table.only_label is not None:
        return Undefined(_same_label(table.only_label))
    worst = _worst_alpha(table, level)
    return _rate(table, lambda weights: _alphas(table, weights, level), worst)


def _same_label(label: str) -> str:
    return f"all labels are {label!r}, so chance explains all agreement"


def _alphas(table: RatingTable, weights: FloatArray, level: Level) -> FloatArray:
    """Alpha by the weights of the patterns, a line of them for each; NaN with one label only.

    The difference of two ranks is that of the labels' middle positions in the order of all labels,
    so the ordinal alpha is the interval alpha of these positions.
    """
    patterns, sizes = table.patterns, table.sizes
    counts = weights @ patterns
    if level == "nominal":
        observed = weights @ ((sizes**2 - _square_sums(patterns)) / (sizes - 1))
    else:
        places = _places(table, counts, level)
        sums, squares = places @ patterns.T, places**2 @ patterns.T
        observed = 2 * (weights * (sizes * squares - sums**2) / (sizes - 1)).sum(axis=1)
    return 1 - _ratio((counts.sum(axis=1) - 1) * observed, _spread(table, counts, level))


def _spread(table: RatingTable, counts: FloatArray, level: Level) -> FloatArray:
    """The squared distances of all pairs of labels, summed; 0 with one label only."""
    totals = counts.sum(axis=1)
    spread: FloatArray = totals**2 - _square_sums(counts)
    if level == "nominal":
        return spread
    places = _places(table, counts, level)
    moment = (counts * places).sum(axis=1)
    spread = 2 * (totals * (counts * places**2).sum(axis=1) - moment**2)
    spread[(counts > 0).sum(axis=1) < 2] = 0.0
    return spread


def _places(table: RatingTable, counts: FloatArray, level: Level) -> FloatArray:
    """The labels' places on the scale, a line for each line of counts; around 0, for exact sums."""
    if level == "interval":
        values = np.array(table.values)
        return np.broadcast_to(values - values.mean(), counts.shape)
    places: FloatArray = counts.cumsum(axis=1) - (counts + counts.sum(axis=1, keepdims=True)) / 2
    return places


def _worst_alpha(table: RatingTable, level: Level) -> float:
    """Alpha if all labels on a row were as far apart as labels can be."""
    counts = (table.weights @ table.patterns)[None]
    total = float(counts.sum())
    width = 1.0 if level == "nominal" else float(np.ptp(_places(table, counts, level)))
    spread = float(_spread(table, counts, level)[0])
    return 1 - width**2 * total * (total - 1) / spread


def _rate(
    table: RatingTable, statistic: Callable[[FloatArray], FloatArray], worst: float
) -> Rate | Undefined:
    """The statistic with its bootstrap interval.

    Where all raters agree, so does each resample. Then the interval begins at the mean of 1 and of
    `worst`, weighted by the share of agreeing rows that is likely at least (Wilson).

    Args:
        table: of the labels.
        statistic: by lines of weights of the patterns.
        worst: the statistic where each row is in the worst disagreement.
    """
    value = float(statistic(table.weights[None])[0])
    if (np.count_nonzero(table.patterns, axis=1) == 1).all():
        share = wilson_interval(1.0, table.rows, float(ndtri((1 + LEVEL) / 2)))[0]
        return Rate(value, share + (1 - share) * worst, value, table.rows)
    draws = _resampled(table, statistic)
    low, high = np.quantile(draws[~np.isnan(draws)], _tails(table.rows))
    return Rate(value, min(float(low), value), max(float(high), value), table.rows)


def _resampled(table: RatingTable, statistic: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """The statistic of each resample, some resamples at a time."""
    rng, shares = np.random.default_rng(SEED), table.weights / table.rows
    size = max(1, MAX_WEIGHTS // len(shares))
    draws = []
    for start in range(0, RESAMPLES, size):
        weights = rng.multinomial(table.rows, shares, size=min(size, RESAMPLES - start))
        draws.append(statistic(weights.astype(np.float64)))
    return np.concatenate(draws)


def _tails(rows: int) -> tuple[float, float]:
    """The quantiles of resamples that are the interval's ends, wider where there are few rows.

    T. C. Hesterberg, Am. Stat. 69 (2015) 371, section 3.3: expanded percentiles.
    """
    quantile = float(stdtrit(rows - 1, (1 - LEVEL) / 2)) * (rows / (rows - 1)) ** 0.5
    tail = float(ndtr(quantile))
    return tail, 1 - tail


def _square_sums(counts: FloatArray) -> FloatArray:
    sums: FloatArray = (counts**2).sum(axis=1)
    return sums


def _ratio(numbers: FloatArray, others: FloatArray) -> FloatArray:
    """Quotients; NaN where the divisor is 0."""
    return np.divide(numbers, others, out=np.full_like(others, np.nan), where=others != 0)
