"""A race: clearly worse variants drop out, and the others run to the end.

    race = Race(plan, tallies, progress.spare)
    race.eliminated     {2: Elimination(better=0, rows=45, difference=-0.31, p=0.0004)}

All variants begin with the same few rows, in an order that is independent of their content, and go
on in batches. After each batch every variant is compared with every other on the rows both have a
value of, by an anytime-valid test; an unusable answer counts as the worst score. A variant that is
not worse drops out in 5% of races at most, all pairs and all looks together (Bonferroni).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.model import Request
from workbench.plan import Plan, batch_ends, batch_requests, shuffled_rows
from workbench.results.tally import Tally
from workbench.stats.pairs import paired_sequence
from workbench.stats.sample import RowValues, Scale
from workbench.stats.verdicts import ALPHA


@dataclass(frozen=True, slots=True)
class Elimination:
    """The evidence that made a variant drop out.

    Attributes:
        better: the number of a better variant.
        rows: that both have a value of.
        difference: its mean minus the better one's, over these rows.
        p: of the null hypothesis that it is not worse.
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
        self._higher_is_better = self.metric.traits.higher_is_better
        self._plan = plan
        self._tallies = tallies
        self._on_spared = on_spared

    def batches(self, plan: Plan) -> Iterator[Sequence[Sequence[Request]]]:
        """Yield the requests of each batch, by variant."""
        order, sent, start = shuffled_rows(plan), set[str](), 0
        for end in batch_ends(plan.rows):
            last = plan.rows if self.disabled or len(self.running) == 1 else end
            yield batch_requests(plan, self.running, order[start:last], sent)
            start = last
            if start == plan.rows:
                return
            before = self._unsent(sent)
            self._eliminate(order[:end])
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
        """Drop the variants that are clearly worse than another, the worst first."""
        tallies, name = self._tallies(), self.metric.name
        answered = {n: set(rows) - tallies[n].unreached() for n in self.running}
        scores = {n: tallies[n].scores(name).restrict(answered[n]) for n in self.running}
        low, high = self._limits([each.values for each in scores.values()])
        if self.disabled:
            return
        scale = Scale(low=low, high=high, higher_is_better=self._higher_is_better)
        values = {n: each.imputed(scale) or {} for n, each in scores.items()}
        pairs = len(self._plan.variants) * (len(self._plan.variants) - 1)
        for number in sorted(values, key=lambda n: self._quality(values[n])):
            evidence = [
                self._compare(values, number, other, high - low)
                for other in self.running
                if other != number
            ]
            strongest = min((e for e in evidence if e), key=lambda e: e.p, default=None)
            if strongest and strongest.p <= ALPHA / pairs:
                self.eliminated[number] = strongest

    def _compare(
        self, values: Mapping[int, RowValues], number: int, other: int, width: float
    ) -> Elimination | None:
        """The evidence that a variant is worse than another; None where they share no row."""
        sequence = paired_sequence(values[number], values[other], width)
        rows = len(sequence.values)
        if not rows:
            return None
        p = sequence.p_greater(0.0) if self._higher_is_better else sequence.p_less(0.0)
        return Elimination(other, rows, -sum(sequence.values) / rows, p)

    def _quality(self, values: RowValues) -> float:
        """The mean; negated where lower is better."""
        means = [sum(scores) / len(scores) for scores in values.values()] or [0.0]
        mean = sum(means) / len(means)
        return mean if self._higher_is_better else -mean

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
