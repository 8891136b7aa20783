"""Means corrected for the error of whoever judged: people's labels of some rows decide.

>>> labels = [1, 0, 1, 1, 0, 1, 1, 1, 0, 1] * 5        # people's, of the first 50 rows
>>> judged = [1, 1, 1, 1, 0, 1, 1, 1, 1, 1] * 100      # the judge's, of all 1,000 rows
>>> corrected = corrected_rate(judged, dict(enumerate(labels)))
>>> f"{corrected.mean:.3f} [{corrected.low:.3f}, {corrected.high:.3f}]"
'0.700 [0.574, 0.802]'

Prediction-powered inference with power tuning: A. N. Angelopoulos, J. C. Duchi, T. Zrnic, "PPI++:
Efficient Prediction-Powered Inference", 2023, arXiv:2311.01453. Rates with the sensitivity and
specificity of other rows: W. J. Rogan, B. Gladen, Am. J. Epidemiol. 107 (1978) 71; their interval:
Z. Lang, J. Reiczigel, Prev. Vet. Med. 113 (2014) 13.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.stats.means import wilson_interval
from workbench.stats.sample import LEVEL, FloatArray
from workbench.stats.special_functions import ndtri, stdtr, stdtrit

MIN_LABELS = 30  # below, nothing is corrected
PRIOR = 0.5  # of a row, for each pair of ends


@dataclass(frozen=True, slots=True)
class Corrected:
    """A mean corrected by people's labels.

    Attributes:
        low, high: 95% confidence interval, which carries the error of the judge, too.
        labels: rows that people judged.
        weight: of the judge's values: 0: the labels alone count.
        error: standard error.
        elsewhere: the labelled rows are not those of the mean.
    """

    mean: float
    low: float
    high: float
    labels: int
    weight: float = 1.0
    error: float = 0.0
    elsewhere: bool = False

    def p_greater(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that it is `bound` or less; Student's t."""
        return float(stdtr(self.labels - 2, (bound - self.mean) / self.error))

    def p_less(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that it is `bound` or more."""
        return float(stdtr(self.labels - 2, (self.mean - bound) / self.error))

    def scaled(self, low: float, high: float) -> "Corrected":
        """A mean of values from 0 to 1 as one of values from `low` to `high`."""
        width = high - low
        return replace(
            self,
            mean=low + width * self.mean,
            low=low + width * self.low,
            high=low + width * self.high,
            error=width * self.error,
        )


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
    estimate = _estimate(judged, labels, (0.0, 1.0))
    if estimate is None:
        return None
    worth = estimate.labels * estimate.labels_variance / estimate.variance
    mean = min(max(estimate.mean, 0.0), 1.0)
    low, high = wilson_interval(mean, worth, _quantile(estimate.labels))
    error = math.sqrt(estimate.variance)
    return Corrected(mean, low, high, estimate.labels, estimate.weight, error)


def corrected_difference(judged: Sequence[float], labels: Mapping[int, float]) -> Corrected | None:
    """The mean of differences, as `corrected_rate`; its interval is Student's."""
    estimate = _estimate(judged, labels, (-1.0, 1.0))
    if estimate is None:
        return None
    error, mean = math.sqrt(estimate.variance), estimate.mean
    half = _quantile(estimate.labels) * error
    return Corrected(mean, mean - half, mean + half, estimate.labels, estimate.weight, error)


def _quantile(labels: int) -> float:
    """Student's, as the variance comes from so few labels."""
    return float(stdtrit(labels - 2, (1 + LEVEL) / 2))


def _estimate(
    judged: Sequence[float], labels: Mapping[int, float], ends: tuple[float, float]
) -> _Estimate | None:
    """The power-tuned estimate: labels, plus what the judge says of the rows without one.

    `ends` are the least and the greatest value. So that few labels are no certainty, half a row
    stands for each of the four pairs of ends in the variances.
    """
    rows = sorted(labels)
    count = len(rows)
    if count < MIN_LABELS:
        return None
    values = np.asarray(judged, dtype=float)
    truth, on_labelled = np.array([labels[row] for row in rows], dtype=float), values[rows]
    others = np.delete(values, rows)
    spread = float(values.var())
    weight = 0.0
    if len(others) and spread:
        covariance = float(np.cov(truth, on_labelled)[0, 1])
        weight = min(max(covariance / (1 + count / len(others)) / spread, 0.0), 1.0)
    low, high = ends
    pairs = np.array([[low, low], [low, high], [high, low], [high, high]])
    weights = np.concatenate([np.ones(count), np.full(len(pairs), PRIOR)])
    all_truth = np.concatenate([truth, pairs[:, 0]])
    residuals = all_truth - weight * np.concatenate([on_labelled, pairs[:, 1]])
    alone = _variance(all_truth, weights) / (count - 1)
    # The weight is fitted to the same labels, which costs a degree of freedom.
    variance = _variance(residuals, weights) / (count - 2)
    variance += weight**2 * spread / len(others) if weight else 0.0
    mean = float(truth.mean())
    if weight:
        mean += weight * float(others.mean() - on_labelled.mean())
    return _Estimate(mean, variance, alone, count, weight)


def _variance(values: FloatArray, weights: FloatArray) -> float:
    mean = float(np.average(values, weights=weights))
    return float(np.average((values - mean) ** 2, weights=weights))


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
    labels, error = rates.passed + rates.failed, math.sqrt(variance) / power
    return Corrected(point, low, high, labels, error=error, elsewhere=True)
