"""A race: clearly worse variants drop out, and the others run to the end.

    race = Race(plan, tallies, progress.spare)
    race.eliminated     {2: Elimination(better=0, rows=45, difference=-0.31, p=0.0004)}

All variants begin with the same few rows, in an order that is independent of their content, and go
on in batches. After each batch a variant drops out if it is clearly not the best, by bets on the
leader (workbench/stats/leader.py) that are adjusted for each other. An unusable answer counts as
the worst score. One of the best variants drops out in 5% of races at most, all variants and all
looks together.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from workbench.comparing.judge_corrections import EVEN, is_pairwise
from workbench.model import Request
from workbench.plan import Plan, batch_requests, cluster_ends, shuffled_rows
from workbench.results.tally import Tally
from workbench.stats.agreement import ALPHA
from workbench.stats.leader import LeaderBets
from workbench.stats.sample import FloatArray, RowValues, Scale, max_cluster_size
from workbench.stats.sequential import adjust_e_values


@dataclass(frozen=True, slots=True)
class Elimination:
    """The evidence that made a variant drop out.

    Attributes:
        better: the number of the leader, the variant with the best mean.
        rows: that both have a value of.
        difference: its mean minus the leader's, over these rows.
        p: of the null hypothesis that no variant is better, adjusted.
    """

    better: int
    rows: int
    difference: float
    p: float


class Race:
    """The variants that are still running.

    Args:
        plan: its `race` names the metric.
        tallies: waits until every answer is scored.
        on_spared: called with the number of requests that no longer need to be sent.

    Attributes:
        spared: number of requests that need not be sent.
        disabled: why no variant can drop out; empty: one can.
    """

    def __init__(
        self,
        plan: Plan,
        tallies: Callable[[], Sequence[Tally]],
        on_spared: Callable[[int], None],
    ) -> None:
        self.metric = next(e for e in plan.experiment.evaluators if e.name == plan.race)
        self.eliminated: dict[int, Elimination] = {}
        self.spared = 0
        self.disabled = ""
        self._plan = plan
        self._tallies = tallies
        self._on_spared = on_spared
        self._clusters = plan.clusters(range(len(plan.variants)))
        self._bets = LeaderBets(len(plan.variants), max_cluster_size(self._clusters))
        paired = any(judge.pairwise for judge in plan.experiment.judges.values())
        # Pairs need the answers of their baselines, however bad these are.
        self._needed = set(plan.baselines) if paired else set()
        self._scores: list[FloatArray] = []  # rows × variants, of each look

    def batches(self, plan: Plan) -> Iterator[Sequence[Sequence[Request]]]:
        """Yield the requests of each batch, by variant."""
        order, sent, start = shuffled_rows(plan), set[str](), 0
        for end in cluster_ends(order, self._clusters):
            last = plan.rows if self.disabled or len(self.running) == 1 else end
            yield batch_requests(plan, self.running, order[start:last], sent)
            rows, start = order[start:last], last
            if start == plan.rows:
                return
            before = self._unsent(sent)
            self._eliminate(rows)
            spared = before - self._unsent(sent)
            self.spared += spared
            self._on_spared(spared)

    @property
    def running(self) -> list[int]:
        """The numbers of the variants that are still running."""
        return [n for n in range(len(self._plan.variants)) if n not in self.eliminated]

    def reason(self, number: int) -> str:
        """The reason that a variant dropped out: `worse than few_shot after 45 rows`."""
        evidence = self.eliminated[number]
        better = self._plan.variants[evidence.better].name
        return f"worse than {better} after {evidence.rows:,} rows"

    def _eliminate(self, rows: Sequence[int]) -> None:
        """Drop the variants that are clearly not the best after these rows, the worst first."""
        scores = self._read_scores(rows)
        if self.disabled:
            return
        self._scores.append(scores)
        self._bets.add(scores, [self._clusters[row] for row in rows])
        adjusted = adjust_e_values(self._bets.e_values())
        ranking = sorted(self.running, key=self._bets.means().__getitem__)
        for number in ranking[:-1]:
            if adjusted[number] >= 1 / ALPHA and number not in self._needed:
                self.eliminated[number] = self._evidence(number, ranking[-1], 1 / adjusted[number])

    def _read_scores(self, rows: Sequence[int]) -> FloatArray:
        """The scores of the running variants, rows × variants, from 0 to 1; NaN: none."""
        tallies, name = self._tallies(), self.metric.name
        answered = {n: set(rows) - tallies[n].unreached() for n in self.running}
        samples = {n: tallies[n].scores(name).restrict(answered[n]) for n in self.running}
        low, high = self._limits([sample.values for sample in samples.values()])
        scale = Scale(low=low, high=high, higher_is_better=self.metric.traits.higher_is_better)
        scores = np.full((len(rows), len(tallies)), np.nan)
        for number, sample in samples.items():
            values = sample.imputed(scale) or {}
            missing = EVEN if is_pairwise(self.metric) and number in self._needed else np.nan
            scores[:, number] = [fmean(values.get(row) or [missing]) for row in rows]
        worst, best = (low, high) if scale.higher_is_better else (high, low)
        return (scores - worst) / (best - worst)

    def _evidence(self, number: int, leader: int, p: float) -> Elimination:
        """The evidence that a variant is not the best."""
        low, high = self.metric.traits.range or (0.0, 1.0)
        width = high - low if self.metric.traits.higher_is_better else low - high
        scores = np.vstack(self._scores)
        differences = scores[:, number] - scores[:, leader]
        shared = differences[~np.isnan(differences)]
        return Elimination(
            leader, len(shared), width * float(shared.sum()) / max(len(shared), 1), p
        )

    def _limits(self, variants: Sequence[RowValues]) -> tuple[float, float]:
        """The least and the greatest value; without a range the metric must be pass or fail."""
        if self.metric.traits.range:
            return self.metric.traits.range
        values = {v for rows in variants for scores in rows.values() for v in scores}
        if not values <= {0.0, 1.0}:
            more = " any more" if self.eliminated else ""
            self.disabled = (
                f"{self.metric.name} turned out to be a number without a range: "
                f"no variant can drop out{more}"
            )
        return 0.0, 1.0

    def _unsent(self, sent: set[str]) -> int:
        """Number of requests that the running variants have left."""
        unsent = {request.key for requests in self._plan.requests for request in requests} - sent
        keys = {cell.key for number in self.running for cell in self._plan.cells[number]}
        return len(keys & unsent)
