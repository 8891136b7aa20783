"""Means corrected for the error of whoever judged: people's labels of some rows decide.

>>> labels = [1, 0, 1, 1, 0, 1, 1, 1, 0, 1] * 5        # people's, of the first 50 rows
>>> judged = [1, 1, 1, 1, 0, 1, 1, 1, 1, 1] * 100      # the judge's, of all 1,000 rows
>>> corrected = corrected_rate(judged, dict(enumerate(labels)))
>>> f"{corrected.mean:.3f} [{corrected.low:.3f}, {corrected.high:.3f}]"
'0.700 [0.580, 0.798]'

Prediction-powered inference with power tuning: A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++:
Efficient Prediction-Powered Inference", 2023, arXiv:2311.01453. Rates with the sensitivity and
specificity of other rows: W. J. Rogan, B. Gladen, Am. J. Epidemiol. 107 (1978) 71; their interval:
Z. Lang, J. Reiczigel, Prev. Vet. Med. 113 (2014) 13.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from workbench.stats.means import wilson_interval
from workbench.stats.sample import LEVEL

MIN_LABELS = 30  # below, nothing is corrected


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean corrected by people's labels.

    Attributes:
        low, high: 95% confidence interval, which carries the error of the judge, too.
        labels: rows that people judged.
        weight: of the judge's values: 0: the labels alone count.
    """

    mean: float
    low: float
    high: float
    labels: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Estimate:
    mean: float
    variance: float
    labels_variance: float  # of the mean of the labels alone
    labels: int
    weight: float


def corrected_rate(judged: Sequence[float], labels: Mapping[int, float]) -> Corrected | None:
    """The share of rows that people would pass; None for fewer than 30 labels.

    Args:
        judged: the judge's value of each row, from 0 to 1.
        labels: people's, 0 or 1, of some of the rows, by position in `judged`; which rows have one
            doesn't depend on the values.

    The interval is Wilson's of as many rows as the estimate is worth in labels.
    """
    estimate = _estimate(judged, labels)
    if estimate is None:
        return None
    worth = float(estimate.labels)
    if estimate.variance > 0 and estimate.labels_variance > 0:
        worth *= estimate.labels_variance / estimate.variance
    mean = min(max(estimate.mean, 0.0), 1.0)
    low, high = wilson_interval(mean, worth, float(ndtri((1 + LEVEL) / 2)))
    return Corrected(mean, low, high, estimate.labels, estimate.weight)


def corrected_difference(judged: Sequence[float], labels: Mapping[int, float]) -> Corrected | None:
    """The mean of differences, as `corrected_rate`; its interval is Student's."""
    estimate = _estimate(judged, labels)
    if estimate is None:
        return None
    quantile = float(stdtrit(estimate.labels - 2, (1 + LEVEL) / 2))
    half = quantile * math.sqrt(estimate.variance)
    mean = estimate.mean
    return Corrected(mean, mean - half, mean + half, estimate.labels, estimate.weight)


def _estimate(judged: Sequence[float], labels: Mapping[int, float]) -> _Estimate | None:
    """The power-tuned estimate: labels, plus what the judge says of the rows without one."""
    rows = sorted(labels)
    count = len(rows)
    if count < MIN_LABELS:
        return None
    values = np.asarray(judged, dtype=float)
    truth, on_labelled = np.array([labels[row] for row in rows]), values[rows]
    others = np.delete(values, rows)
    alone = float(truth.var(ddof=1)) / count
    spread = float(np.concatenate([on_labelled, others]).var())
    if not len(others) or spread == 0:
        return _Estimate(float(truth.mean()), alone, alone, count, 0.0)
    covariance = float(np.cov(truth, on_labelled)[0, 1])
    weight = min(max(covariance / (1 + count / len(others)) / spread, 0.0), 1.0)
    residuals = truth - weight * on_labelled
    # The weight is fitted to the same labels, which costs a degree of freedom.
    variance = float(((residuals - residuals.mean()) ** 2).sum()) / (count - 2) / count
    variance += weight**2 * spread / len(others)
    mean = float(residuals.mean() + weight * others.mean())
    return _Estimate(mean, variance, alone, count, weight)


@dataclass(frozen=True, slots=True)
class JudgeRates:
    """A judge's agreement with people on rows that they pass, and on rows that they fail.

    Attributes:
        sensitivity, specificity: shares of these rows on which it agrees.
        passed, failed: numbers of these rows.
    """

    sensitivity: float
    specificity: float
    passed: int
    failed: int


def rate_by_error(rate: float, rows: int, rates: JudgeRates) -> Corrected | None:
    """The share of rows that people would pass, by the judge's error on rows from elsewhere.

    Args:
        rate: the share of these rows that the judge passes.
        rows: their number.
        rates: of the judge, on the rows from elsewhere.

    Returns None for fewer than 30 labels, and for a judge that is no better than chance.
    """
    z = float(ndtri((1 + LEVEL) / 2))
    if rates.passed + rates.failed < MIN_LABELS or not rates.passed or not rates.failed:
        return None
    sensitivity = (rates.passed * rates.sensitivity + 1) / (rates.passed + 2)
    specificity = (rates.failed * rates.specificity + 1) / (rates.failed + 2)
    power = sensitivity + specificity - 1
    raw_power = rates.sensitivity + rates.specificity - 1
    if min(power, raw_power) <= 0:
        return None
    adjusted = (rows * rate + z * z / 2) / (rows + z * z)
    mean = (adjusted + specificity - 1) / power
    by_passed = sensitivity * (1 - sensitivity) / rates.passed
    by_failed = specificity * (1 - specificity) / rates.failed
    shift = 2 * z * z * (mean * by_passed - (1 - mean) * by_failed)
    variance = adjusted * (1 - adjusted) / (rows + z * z)
    variance += mean**2 * by_passed + (1 - mean) ** 2 * by_failed
    half = z * math.sqrt(variance) / power
    low, high = (min(max(mean + shift + end, 0.0), 1.0) for end in (-half, half))
    point = min(max((rate + rates.specificity - 1) / raw_power, low), high)
    return Corrected(point, low, high, rates.passed + rates.failed)
