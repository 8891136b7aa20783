"""Evidence that a variant is not the best, by bets on the leader.

>>> bets = LeaderBets(3)
>>> scores = np.array([[1.0, 1.0, 0.0]] * 12)            # of 12 rows; the third variant fails
>>> bets.add(scores, clusters=range(12))
>>> [round(e_value) for e_value in bets.e_values()]
[1, 1, 586]

A variant's null hypothesis is that no other is better. Each cluster of rows is a bet that the best
of the other variants so far is better. It is chosen before the cluster's scores are seen, so the
bet is fair under the null hypothesis, and the wealth is an e-value at every look.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.stats.sample import FloatArray
from workbench.stats.sequential import e_value


class LeaderBets:
    """The evidence against each of several variants.

    Args:
        variants: their number.
        max_size: the most rows that a cluster can have, fixed in advance.
    """

    def __init__(self, variants: int, max_size: int = 1) -> None:
        self._max_size = max_size
        self._sums = np.zeros(variants)
        self._counts = np.zeros(variants)
        self._returns = [np.zeros((0, variants))]  # clusters × variants

    def add(self, scores: FloatArray, clusters: Sequence[int]) -> None:
        """Bet on more rows.

        Args:
            scores: rows × variants, 0 to 1, 1 is the best; NaN: none, or out of the race.
            clusters: the number of each row's cluster; all rows of a cluster come together.
        """
        if not len(scores):
            return
        present, numbers = ~np.isnan(scores), np.asarray(clusters)
        filled = np.where(present, scores, 0.0)
        starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
        index = np.cumsum(np.r_[False, numbers[1:] != numbers[:-1]])  # of each row's cluster
        counts = np.add.reduceat(present.astype(np.float64), starts)
        sums = np.add.reduceat(filled, starts)
        rows_before = self._counts + np.cumsum(counts, axis=0) - counts
        sums_before = self._sums + np.cumsum(sums, axis=0) - sums
        means = np.divide(sums_before, rows_before, np.zeros_like(sums), where=rows_before > 0)
        means[counts == 0] = -np.inf  # has no score to bet on
        returns = np.zeros_like(sums)
        for number in range(scores.shape[1]):
            leaders = _leaders(means, number)[index] & present
            leading = (filled * leaders).sum(axis=1) / np.maximum(leaders.sum(axis=1), 1)
            paired = present[:, number] & leaders.any(axis=1)
            gains = np.where(paired, leading - filled[:, number], 0.0)
            returns[:, number] = np.add.reduceat(gains, starts) / self._max_size
        self._returns.append(returns)
        self._counts += counts.sum(axis=0)
        self._sums += sums.sum(axis=0)

    def means(self) -> FloatArray:
        """The mean score of each variant; 0 where it has none."""
        return np.divide(
            self._sums, self._counts, np.zeros_like(self._sums), where=self._counts > 0
        )

    def e_values(self) -> list[float]:
        """The evidence that each variant is not the best."""
        return [e_value(returns) for returns in np.vstack(self._returns).T]


def _leaders(means: FloatArray, number: int) -> NDArray[np.bool_]:
    """True for the best of the others in each cluster; several are where they are equal."""
    others = means.copy()
    others[:, number] = -np.inf
    best = others.max(axis=1, keepdims=True)
    leaders: NDArray[np.bool_] = (others == best) & (best > -np.inf)
    return leaders
