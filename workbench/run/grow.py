"""A gate that asks for more rows, or repeats of them, until it is decided or its budget is spent.

grow(plan, again, ["few_shot"], ground)   ->   Grown(checks=[…], begun=40, rows=152, repeats=1, …)

It pays through the same door as `run`: everything is kept in the store, nothing is asked twice, and
the next `run` finds it there. MLflow has no part in it.
"""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from workbench.comparing import Check, GrowingGate
from workbench.completing import Budget, Listener, Outcome, Progress, Site, Stop, alone, complete
from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion
from workbench.plan import Plan
from workbench.project import Project
from workbench.results.tally import Tally
from workbench.scoring.stream import Stream, ignore_rows
from workbench.store import Store

DEEPER = 4  # repeats of each row beyond the experiment's: each asks for twice the evidence
Again = Callable[[int], Plan]  # the plan with so many repeats


@dataclass(frozen=True)
class GrowContext:
    """Where it is done, within what budget, and who hears how it stands."""

    project: Project
    store: Store
    told: Callable[[str], None]
    budget: Budget
    stop: Stop = field(default_factory=Stop)


@dataclass(frozen=True)
class Grown:
    """What it came to.

    Attributes:
        plan: with as many repeats as were asked for.
        begun: rows that were answered before anything was asked.
        rows: that a check stands on at the most.
        calls: that were made.
        spent: on them, in the project's currency; None without prices.
        unreached: rows of some variant that got no reply.
        exhausted: the budget is spent.
        problems: what kept a model from answering.
    """

    plan: Plan
    checks: Sequence[Check]
    begun: int
    rows: int
    calls: int
    spent: float | None
    unreached: int
    exhausted: bool
    problems: tuple[WorkbenchError, ...] = ()


def grow(plan: Plan, again: Again, names: Sequence[str], ground: GrowContext) -> Grown:
    """Asks for rows in waves, and when all have answers for one more repeat of each, in waves.

    Every further repeat halves what chance of a false word it may use up, so that all of them
    together keep the promise of one.

    Args:
        plan: to begin with; all its rows may be asked for.
        again: the same with so many repeats.
        names: the variants, prompts or models that are meant; none: all that are no baseline.
        ground: where it is done.

    Raises:
        WorkbenchError: there is no gate; the store can't be written; it was interrupted, or the
            same is running already.
    """
    growing = GrowingGate(names, ground.told, plan.experiment.repeats)
    most = plan.experiment.repeats + DEEPER
    deeper = _deeper(again, plan, most)
    weight, begun = 2.0 if deeper else 1.0, None
    while True:
        outcome, answered = _asked(plan, growing, weight, ground)
        begun = answered if begun is None else begun
        if growing.decided or outcome.exhausted or outcome.stops or deeper is None:
            return Grown(
                plan=plan,
                checks=growing.checks,
                begun=begun,
                rows=growing.max_rows,
                calls=ground.budget.calls,
                spent=ground.budget.spent if ground.budget.prices else None,
                unreached=growing.unreached,
                exhausted=outcome.exhausted,
                problems=tuple(outcome.stops),
            )
        plan, deeper, weight = deeper, _deeper(again, deeper, most), 2 * weight


def _asked(
    plan: Plan, growing: GrowingGate, weight: float, ground: GrowContext
) -> tuple[Outcome, int]:
    """One plan's rounds: what came of sending, and the rows that were answered before."""
    ground.stop.wanted = False
    if ground.stop.signal:
        raise _interrupted(ground)
    with (
        alone(ground.project, ground.store, plan),
        ground.store.ledger.session(plan.digest),
        Stream(plan, ground.store, ignore_rows, lambda: bool(ground.stop.signal)) as stream,
    ):

        def judged() -> Sequence[Tally]:
            stream.wait()
            return stream.tallies

        growing.start(judged, weight)
        listener = _Judged(stream)
        unseen = Progress()  # how many requests there will be nobody knows
        site = Site(ground.store, unseen, ground.stop, ground.budget, listener)
        outcome = complete(plan, replace(site, rounds=growing.batches))
        if ground.stop.signal:
            raise _interrupted(ground)
        if outcome.exhausted and not growing.decided:  # a part of the last wave is answered
            growing.check_rows(plan)
        stream.finish()
    return outcome, growing.stored_rows


class _Judged(Listener):
    """Has answers judged as they come."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def answered(self, completions: Sequence[Completion]) -> None:
        """See `Listener`."""
        self._stream.add(completions)


def _deeper(again: Again, plan: Plan, most: int) -> Plan | None:
    """With one repeat more; None where that is too many, or the answers hardly differ."""
    if plan.experiment.repeats >= most:
        return None
    deeper = again(plan.experiment.repeats + 1)
    sampled = [
        cells
        for variant, cells in zip(deeper.variants, deeper.cells, strict=True)
        if variant.parameters.get("temperature") != 0
    ]
    others = any(cell.key not in plan.bodies for cells in sampled for cell in cells)
    return deeper if others else None


def _interrupted(ground: GrowContext) -> WorkbenchError:
    terminated = ground.stop.signal != signal.SIGINT
    return WorkbenchError(
        f"interrupted after {ground.budget.calls:,} calls; what was answered is kept",
        fix="the same command goes on where it was",
        exit_code=ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED,
    )
