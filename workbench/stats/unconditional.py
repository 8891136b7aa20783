"""Exact one-sided tests of a difference of paired proportions, whatever share of the rows differs.

>>> test = unconditional_test(up=1, down=3, rows=100)
>>> round(test.p_above(-0.1), 4), round(test.p_above(-0.05), 2)   # that the difference is greater
(0.0089, 0.13)

The p-value is the probability of a table at least as extreme as the observed one, at the bound, and
at that share of rows which makes it greatest (Suissa & Shuster 1991, Biometrics 47: 361; Hsueh, Liu
& Chen 2001, Biometrics 57: 478). Shares of rows that fell which the observed number excludes with a
probability of 1e-5 are left out, and that probability is added (Berger & Boos 1994, JASA 89: 1012).

Tables are ordered by the lower bound of Tango's score interval (Buehler 1957, JASA 52: 482; Lloyd &
Moldovan 2008, Statistics in Medicine 27: 3540). That order is the same for each hypothesis, so the
p-value rises with the bound: the test's interval and its words agree.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workbench.stats.sample import LEVEL, FloatArray
from workbench.stats.special_functions import bdtrc, betaincinv, gammaln, ndtri

EXCLUDED = 1e-5  # probability of the shares that are left out
NEGLIGIBLE = 1e-9  # probability of the numbers of rows that are not summed over
GRID, FINE_GRID = 20, 7  # shares tried, and those tried around the least favourable of them
STEPS = 40  # of a search for a bound
TIE = 1e-9


Counts = NDArray[np.intp] | int


def tango_statistic(up: Counts, down: Counts, rows: int, shift: float) -> FloatArray:
    """Score statistic of a difference of paired proportions of `shift`; it falls as that grows.

    Tango 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B
    """
    shift = min(max(shift, -1 + 1e-12), 1 - 1e-12)
    linear = -up - down + (2 * rows - up + down) * shift
    root = np.sqrt(np.maximum(linear**2 + 8 * rows * down * shift * (1 - shift), 0.0))
    share = (root - linear) / (4 * rows)
    variance = rows * (2 * share + shift * (1 - shift))
    return np.asarray((up - down - rows * shift) / np.sqrt(np.maximum(variance, 1e-300)))


@dataclass(frozen=True, slots=True)
class UnconditionalTest:
    """The test of one observed table.

    Attributes:
        rows: pairs.
        down: numbers of rows that fall, from 0 on.
        least_up: for each of them, the fewest rows that rise in a table as extreme as this one.
        log_counts: for each of them, the logarithm of the number of ways to choose the rows.
        low, high: the share of rows that fall, as far as the table does not exclude it.
    """

    rows: int
    down: NDArray[np.intp]
    least_up: NDArray[np.intp]
    log_counts: FloatArray
    low: float
    high: float

    def p_above(self, bound: float) -> float:
        """P-value of the null hypothesis that the difference is `bound` or less."""
        least, most = max(0.0, -bound), (1 - bound) / 2  # at the second all rows differ
        low, high = max(self.low, least), self.high
        if low > high:
            return EXCLUDED
        if low >= most:
            return min(1.0, float(self._tails(np.array([low]), bound)[0]) + EXCLUDED)
        start, stop = (
            math.asin(math.sqrt((end - least) / (most - least))) for end in (low, min(high, most))
        )
        angles = np.linspace(start, stop, GRID)  # finer towards both ends, where the p-value bends
        tails = self._tails(least + (most - least) * np.sin(angles) ** 2, bound)
        worst = int(tails.argmax())
        start, stop = angles[max(worst - 1, 0)], angles[min(worst + 1, GRID - 1)]
        finer = least + (most - least) * np.sin(np.linspace(start, stop, FINE_GRID)) ** 2
        p = max(float(tails[worst]), float(self._tails(finer, bound).max()))
        return min(1.0, p + EXCLUDED)

    def _tails(self, falls: FloatArray, bound: float) -> FloatArray:
        """Probability of a table as extreme, by the share of rows that fall."""
        falls = np.clip(falls, 1e-300, 1 - 1e-12)[:, None]
        rises = np.clip(falls + bound, 0.0, 1 - falls)
        others = self.rows - self.down
        probabilities = np.exp(
            self.log_counts + self.down * np.log(falls) + others * np.log1p(-falls)
        )
        counted = (probabilities > NEGLIGIBLE / len(self.down)) & (self.least_up <= others)
        reached = np.zeros_like(probabilities)
        bdtrc(self.least_up - 1.0, others, rises / (1 - falls), out=reached, where=counted)
        return np.asarray((probabilities * reached).sum(axis=1), dtype=np.float64)


@lru_cache(maxsize=4_096)
def unconditional_test(up: int, down: int, rows: int) -> UnconditionalTest:
    """Return the test of a table: rows that rose, rows that fell, and all rows."""
    low = float(betaincinv(down, rows - down + 1, EXCLUDED / 2)) if down else 0.0
    high = float(betaincinv(down + 1, rows - down, 1 - EXCLUDED / 2)) if down < rows else 1.0
    spread = float(-ndtri(NEGLIGIBLE / 10)) * math.sqrt(rows * min(high, 0.5) * 0.5 + 1)
    falls = np.arange(min(rows, math.ceil(rows * high + spread)) + 1)
    least_up = np.maximum.accumulate(_least_up(falls, rows, tango_bound(up, down, rows, 1 - LEVEL)))
    least_up[: down + 1] = np.minimum(least_up[: down + 1], up)
    log_counts = gammaln(rows + 1) - gammaln(falls + 1) - gammaln(rows - falls + 1)
    return UnconditionalTest(rows, falls, least_up, log_counts, low, high)


def tango_bound(up: int, down: int, rows: int, alpha: float) -> float:
    """The lower bound of Tango's interval; `alpha` is the error on its side."""
    low, high, quantile = -1.0, (up - down) / rows, float(-ndtri(alpha))
    for _ in range(STEPS):
        middle = (low + high) / 2
        is_below = tango_statistic(up, down, rows, middle) >= quantile
        low, high = (middle, high) if is_below else (low, middle)
    return low


def _least_up(falls: NDArray[np.intp], rows: int, bound: float) -> NDArray[np.intp]:
    """For each number of rows that fall, the fewest that rise with Tango's bound no lower.

    One more than there are rows left, where no number is enough.
    """
    low, high = np.full(len(falls), -1), rows - falls + 1
    while (high - low > 1).any():
        middle = (low + high) // 2
        is_enough = tango_statistic(middle, falls, rows, bound) >= ndtri(LEVEL) - TIE
        is_open = high - low > 1
        high = np.where(is_open & is_enough, middle, high)
        low = np.where(is_open & ~is_enough, middle, low)
    return high
