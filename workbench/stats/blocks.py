"""Times of two variants, compared in blocks of rows that were asked for at about the same time.

    times = PairedTimes(before=[0.31, …], after=[0.35, …], before_sent_at=[0.0, …], …)
    block_difference(times)     +0.041 s [0.018, 0.066] p=0.002, signed-rank test of 30 blocks

A server's load drifts over minutes, so rows that are asked for one after another are not
independent, and two variants are comparable only where both were asked at the same load. Rows are
sorted by the time of asking and cut into blocks. A block's difference is that of the two medians,
so a stall of some answers counts little. The blocks' differences are tested by Wilcoxon's signed
ranks. With equal variants, asked for in a random order within each row, a block's difference is as
often above 0 as below it, whatever the load does.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.stats.agreement import agreeing_interval
from workbench.stats.pairs import Difference
from workbench.stats.sample import LEVEL, ClusterSums, FloatArray

MIN_BLOCKS, MAX_BLOCKS = 10, 30
MIN_BLOCK_ROWS = 5
MIN_TAIL_ROWS = 20  # in a block, for its 95th percentile
MIN_ROWS = MIN_BLOCKS * MIN_BLOCK_ROWS
FEW_ROWS = f"times are compared from {MIN_ROWS} rows on, because a server's load drifts"
NOT_TOGETHER = "the answers were not asked for side by side, so the load differed: run --fresh"


@dataclass(frozen=True)
class PairedTimes:
    """Times of both variants by row, and when each was asked for (any clock, in seconds)."""

    before: FloatArray
    after: FloatArray
    before_sent_at: FloatArray
    after_sent_at: FloatArray

    def select(self, rows: NDArray[np.intp]) -> "PairedTimes":
        """Return the times of these rows, by position."""
        return PairedTimes(*(column[rows] for column in vars(self).values()))

    @property
    def together(self) -> bool:
        """True if both variants were asked for over about the same span of time."""
        spans = np.ptp(self.before_sent_at), np.ptp(self.after_sent_at)
        return bool(
            abs(np.median(self.after_sent_at) - np.median(self.before_sent_at)) <= max(spans)
        )

    def quantile_difference(self, share: float) -> float:
        """The second variant's quantile minus the first's."""
        return float(np.quantile(self.after, share) - np.quantile(self.before, share))


@dataclass(frozen=True)
class SignedRanks:
    """Wilcoxon's signed-rank test of a symmetric distribution's centre, exact.

    Wilcoxon 1945, https://doi.org/10.2307/3001968. Estimate and interval are those of Hodges &
    Lehmann 1963, https://doi.org/10.1214/aoms/1177704172: they invert the test.
    """

    differences: tuple[float, ...]

    def p_greater(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that the centre is `bound` or less."""
        shifted = np.array([value - bound for value in self.differences if value != bound])
        if not len(shifted):
            return 1.0
        sizes = np.abs(shifted)
        # Twice the rank, a whole number also where sizes are equal.
        ranks = (sizes[:, None] > sizes).sum(axis=1) + (sizes[:, None] >= sizes).sum(axis=1) + 1
        return float(_rank_sums(tuple(ranks.tolist()))[ranks[shifted > 0].sum() :].sum())

    def p_less(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that the centre is `bound` or more."""
        return SignedRanks(tuple(-value for value in self.differences)).p_greater(-bound)

    @property
    def p(self) -> float:
        """Two-sided p-value of a centre of 0."""
        return min(1.0, 2 * min(self.p_greater(0.0), self.p_less(0.0)))

    @cached_property
    def _pair_means(self) -> FloatArray:
        values = np.array(self.differences)
        means = (values[:, None] + values) / 2
        return np.sort(means[np.triu_indices(len(values))])

    @property
    def centre(self) -> float:
        """Median of the means of all pairs of differences."""
        return float(np.median(self._pair_means))

    def interval(self) -> tuple[float, float]:
        """The 95% interval of the centre; six differences at least."""
        sums = _rank_sums(tuple(2 * rank for rank in range(1, len(self.differences) + 1)))[::2]
        outside = int(np.searchsorted(np.cumsum(sums), (1 - LEVEL) / 2, side="right")) - 1
        return float(self._pair_means[outside]), float(self._pair_means[-1 - outside])


@dataclass(frozen=True)
class BlockDifference(Difference):
    """A difference of two variants' median times.

    Attributes:
        blocks: of the blocks' differences; None: the times are not comparable.
        tail: of the blocks' 95th percentiles; None for too few rows in a block.
    """

    blocks: SignedRanks | None = None
    tail: SignedRanks | None = None

    @property
    def mean(self) -> float:
        """Centre of the blocks' differences; of all rows where the times are not comparable."""
        return self.blocks.centre if self.blocks else self.after - self.before

    def p_greater(self, bound: float) -> float:
        """See `Difference`."""
        return self.blocks.p_greater(bound) if self.blocks else 1.0

    def p_less(self, bound: float) -> float:
        """See `Difference`."""
        return self.blocks.p_less(bound) if self.blocks else 1.0


def block_difference(times: PairedTimes, *, rows: int, reason: str = "") -> BlockDifference:
    """The difference of the medians, of one time at least.

    `rows` is the number of dataset rows that the times are of: some may share their answers.
    `reason` says why the times are not comparable; empty: they are, if they were asked together.
    """
    blocks: SignedRanks | None = None
    tail: SignedRanks | None = None
    if not reason:
        blocks = _compare_blocks(times, 0.5, MIN_BLOCK_ROWS)
        tail = _compare_blocks(times, 0.95, MIN_TAIL_ROWS)
    if not reason and not blocks:
        reason = FEW_ROWS if len(times.before) < MIN_ROWS else NOT_TOGETHER
    low = high = None
    if blocks:
        low, high = agreeing_interval(blocks.interval(), blocks.p, blocks.centre)
    differences = np.array(blocks.differences) if blocks else times.after - times.before
    sd = float(np.std(differences, ddof=1)) if blocks else 0.0
    return BlockDifference(
        before=float(np.median(times.before)),
        after=float(np.median(times.after)),
        low=low,
        high=high,
        p=blocks.p if blocks else 1.0,
        test=f"signed-rank test of {len(blocks.differences)} blocks" if blocks else "none",
        rows=rows,
        clusters=rows,
        up=int(np.count_nonzero(times.after > times.before)),
        down=int(np.count_nonzero(times.after < times.before)),
        sd=sd * math.sqrt(rows / len(blocks.differences)) if blocks else 0.0,
        width=0.0,
        is_binary=False,
        has_range=False,
        differences=ClusterSums(differences, np.ones_like(differences)),
        reason=reason,
        blocks=blocks,
        tail=tail,
    )


def _compare_blocks(times: PairedTimes, share: float, block_rows: int) -> SignedRanks | None:
    """Compare a quantile in blocks of so many rows at least, consecutive in the time of asking.

    None for too few blocks in which both variants were asked together.
    """
    count = min(MAX_BLOCKS, len(times.before) // block_rows)
    if count < MIN_BLOCKS:
        return None
    order = np.argsort(times.before_sent_at + times.after_sent_at, kind="stable")
    blocks = [times.select(rows) for rows in np.array_split(order, count)]
    differences = [block.quantile_difference(share) for block in blocks if block.together]
    return SignedRanks(tuple(differences)) if len(differences) >= MIN_BLOCKS else None


def _rank_sums(ranks: tuple[int, ...]) -> FloatArray:
    """Probability of each sum of the ranks whose difference is positive, from 0 on."""
    counts = np.zeros(sum(ranks) + 1)
    counts[0] = 1.0
    for rank in ranks:
        counts[rank:] += counts[:-rank].copy()
    return counts / 2.0 ** len(ranks)
