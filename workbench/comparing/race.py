"""Variants that are clearly worse than another drop out, and the rows go to the others.

race = Race(plan, following.settled, progress.spare)
complete(plan, Site(…, rounds=race.rounds))
race.out        {2: Out(better=0, rows=45, apart=-0.31, p=0.0004)}

All begin with the same few rows, in an order that has to do with nothing, and go on in waves. After
each wave every variant is held against every other on the rows both have an answer to, with a test
that may be looked at again and again; a useless answer counts as the worst there can be. That one
drops out that is not worse comes in 5% of races at the most, all pairs and all looks together
(Bonferroni). Who is left runs to the end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.comparing.metrics import Part, Rows, Values, filled
from workbench.model import Request
from workbench.plan import Plan, batch_ends, batch_requests, shuffled_rows
from workbench.stats import ALPHA, watched_apart


@dataclass(frozen=True, slots=True)
class Out:
    """Why a variant dropped out.

    Attributes:
        better: the number of the one that it is worse than.
        rows: that both had a value of.
        apart: its mean minus the other's, over these rows.
        p: that it is not worse.
    """

    better: int
    rows: int
    apart: float
    p: float


class Judged(Values, Protocol):
    """The values of a variant, and which rows got no reply at all."""

    def unreached(self) -> set[int]:
        """The rows of the dataset of which a request got no reply."""


class Race:
    """Who still runs.

    Args:
        plan: whose variants they are; its `race` names the metric.
        judged: waits until all that was answered is judged, and gives each variant's values.
        spared: told how many requests need not be sent after all.

    Attributes:
        out: the numbers of those that dropped out, and why.
        spared: requests that need not be sent.
        off: why nobody can drop out; empty: somebody can.
    """

    def __init__(
        self,
        plan: Plan,
        judged: Callable[[], Sequence[Judged]],
        spared: Callable[[int], None],
    ) -> None:
        self.metric = next(one for one in plan.experiment.evaluators if one.name == plan.race)
        self.eliminated: dict[int, Out] = {}
        self.spared = 0
        self.disabled = ""
        self._plan = plan
        self._judged = judged
        self._tell = spared

    def batches(self, plan: Plan) -> Iterator[Sequence[Sequence[Request]]]:
        """What is asked in each wave: by those that still run."""
        order, asked, begun = shuffled_rows(plan), set[str](), 0
        for seen in batch_ends(plan.rows):
            end = plan.rows if self.disabled or len(self.going) == 1 else seen
            yield batch_requests(plan, self.going, order[begun:end], asked)
            begun = end
            if begun == plan.rows:
                return
            before = self._open(asked)
            self._look(order[:seen])
            spared = before - self._open(asked)
            self.spared += spared
            self._tell(spared)

    @property
    def going(self) -> list[int]:
        """The numbers of those that still run."""
        return [
            number for number in range(len(self._plan.variants)) if number not in self.eliminated
        ]

    def reason(self, number: int) -> str:
        """Why a variant dropped out: `worse than few_shot after 45 rows`."""
        out = self.eliminated[number]
        return f"worse than {self._plan.variants[out.better].name} after {out.rows:,} rows"

    def _look(self, rows: Sequence[int]) -> None:
        """Takes out who is clearly worse than another, the worst first."""
        tallies = self._judged()
        parts = {
            number: Part(tallies[number], set(rows) - tallies[number].unreached())
            for number in self.going
        }
        low, high = self._ends([part.values(self.metric.name) for part in parts.values()])
        if self.disabled:
            return
        worst = low if self.metric.traits.higher_is_better else high
        own = {number: filled(part, self.metric.name, worst) for number, part in parts.items()}
        number_of_pairs = len(self._plan.variants) * (len(self._plan.variants) - 1)
        for number in sorted(own, key=lambda one: self._standing(own[one])):
            others = [other for other in self.going if other != number]
            held = [self._held(own, number, other, high - low) for other in others]
            least = min((one for one in held if one), key=lambda one: one.p, default=None)
            if least and least.p <= ALPHA / number_of_pairs:
                self.eliminated[number] = least

    def _held(self, own: Mapping[int, Rows], number: int, other: int, reach: float) -> Out | None:
        """A variant against another; None where they share no row."""
        apart = watched_apart(own[number], own[other], reach)
        if not apart.values:
            return None
        p = apart.above(0.0) if self.metric.traits.higher_is_better else apart.below(0.0)
        return Out(other, len(apart.values), -sum(apart.values) / len(apart.values), p)

    def _standing(self, values: Rows) -> float:
        """The mean, better ones greater."""
        means = [sum(own) / len(own) for own in values.values()]
        mean = sum(means) / len(means) if means else 0.0
        return mean if self.metric.traits.higher_is_better else -mean

    def _ends(self, own: Sequence[Rows]) -> tuple[float, float]:
        """The least and the greatest value; of an unknown range only pass or fail tells."""
        if self.metric.traits.range:
            return self.metric.traits.range
        seen = {value for rows in own for values in rows.values() for value in values}
        if not seen <= {0.0, 1.0}:
            said = "turned out to be a number without a range: nobody drops out"
            self.disabled = f"{self.metric.name} {said}" + (" any more" if self.eliminated else "")
        return 0.0, 1.0

    def _open(self, asked: set[str]) -> int:
        """How many requests those that still run have left."""
        needed = {request.key for requests in self._plan.requests for request in requests} - asked
        return len({c.key for number in self.going for c in self._plan.cells[number]} & needed)
