"""Which rows a gate asks for that these rows don't decide, and when it has enough.

growing = Growing(["few_shot"], progress.note)
growing.begin(judged, weight=1)
complete(plan, Site(…, rounds=growing.rounds))
growing.checks      [Check("few_shot", outcome="passed", rows=68, …), …]

Rows come in waves, in an order that has to do with nothing; those that are answered already are the
first. After each wave every check that is still open is looked at with a test that may be looked at
again and again: its p is the least that was ever seen. What is decided stays so. A metric without a
range is judged once, at the first look: nothing can be bet on it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from workbench.comparing.checks import FAILED, PASSED, THIN, Check, Look, find_base
from workbench.comparing.gate import adjusted, find_checks, find_meant, pairs
from workbench.comparing.metrics import Part
from workbench.model import Request
from workbench.plan import Plan, round_of, row_order, waves
from workbench.tally import Tally

Name = tuple[int, str, str]  # variant, metric, rule
Judged = Callable[[], Sequence[Tally]]


def _nothing() -> Sequence[Tally]:
    return ()


@dataclass
class Growing:
    """What a gate that may ask for rows has found so far.

    Attributes:
        names: the variants, prompts or models that are meant; none: all that are no baseline.
        told: hears how it stands after each look.
        checks: as they stand; none before the first look.
        rows: that were looked at last.
        most: rows that a check stood on at the most.
        begun: rows of the last plan that were answered before anything was asked.
    """

    names: Sequence[str]
    told: Callable[[str], None]
    checks: Sequence[Check] = ()
    rows: Sequence[int] = ()
    most: int = 0
    begun: int = 0
    _judged: Judged = _nothing
    _weight: float = 1.0
    _seen: dict[Name, Check] = field(default_factory=dict)
    _hopeless: set[Name] = field(default_factory=set)  # answered, and yet nothing to measure

    @property
    def decided(self) -> bool:
        """Whether no row could change what the gate says: one check has failed, or none is open."""
        failed = any(check.outcome == FAILED for check in self.checks)
        return failed or bool(self.checks and not self.open)

    @property
    def open(self) -> list[Check]:
        """The checks that more rows could decide."""
        return [
            check
            for check in self.checks
            if check.outcome == THIN and not check.once and _name(check) not in self._hopeless
        ]

    def begin(self, judged: Judged, weight: float) -> None:
        """Before the rounds of a plan, each time with other repeats of the same rows.

        Args:
            judged: waits until all that was answered is judged, and gives the variants' tallies.
            weight: how many times as strong the evidence has to be; over all times that it begins
                the sum of 1 / weight is 1 at the most.
        """
        self._judged, self._weight = judged, weight

    def rounds(self, plan: Plan) -> Iterator[Sequence[Sequence[Request]]]:
        """What is asked in each wave, until all is decided."""
        order, begun = self._order(plan)
        asked: set[str] = set()
        self.rows, self.begun = order[:begun], begun
        if begun:
            self.look(plan)
        for seen in waves(plan.rows, begun):
            if self.decided:
                return
            some = order[len(self.rows) : seen]
            self.rows = order[:seen]
            yield round_of(plan, self.asking(plan), some, asked)
            self.look(plan)

    def look(self, plan: Plan) -> None:
        """Judges every check that is open by the rows there are."""
        tallies = self._judged()
        results = [
            tally.result(variant, None)
            for tally, variant in zip(tallies, plan.variants, strict=True)
        ]
        # A server that was down is no fault of a prompt: those rows are as good as not run.
        own = [Part(tally, set(self.rows) - tally.unreached()) for tally in tallies]
        for check in find_checks(plan, results, own, self.names, Look(self._weight)):
            self._take(check)
            if check.value is None and self._is_answered(check, plan, tallies):
                self._hopeless.add(_name(check))
        self.checks = adjusted(list(self._seen.values()))
        self.most = max(self.most, *(check.rows for check in self.checks))
        times = plan.experiment.repeats
        rows = f"{len(self.rows):,} rows" + (f", {times} times each" if times > 1 else "")
        self.told(f"{rows}: {len(self.open)} of {len(self.checks)} checks open")

    def asking(self, plan: Plan) -> set[int]:
        """The variants that the open checks are about, with what they are compared with."""
        if not self.checks:
            meant = find_meant(plan, self.names)
            named = {rule.no_worse_than for rule in plan.experiment.gate.values()} - {""}
            bases = {find_base(plan, number, name) for number in meant for name in named}
            return {*meant, *(base for base in bases if base is not None)}
        return {number for pair in pairs(self.open, plan) for number in pair}

    def _take(self, check: Check) -> None:
        """A check as it is now: what was once shown stays shown."""
        before = self._seen.get(_name(check))
        if before is None:
            self._seen[_name(check)] = check
        elif before.outcome != PASSED and not before.once:
            self._seen[_name(check)] = replace(check, p=min(check.p, before.p))

    def _is_answered(self, check: Check, plan: Plan, tallies: Sequence[Tally]) -> bool:
        """Whether some of the rows are answered by all that a check is about."""
        left, repeats = set(self.rows), plan.experiment.repeats
        for number in pairs([check], plan)[0]:
            left -= {place // repeats for place in tallies[number].missing()}
            left -= tallies[number].unreached()
        return bool(left)

    def _order(self, plan: Plan) -> tuple[list[int], int]:
        """The rows, those first that all who are meant have answers to; and how many these are."""
        needed = {request.key for requests in plan.requests for request in requests}
        repeats = plan.experiment.repeats
        left = {
            place // repeats
            for number in self.asking(plan)
            for place, cell in enumerate(plan.cells[number])
            if cell.key in needed
        }
        return sorted(row_order(plan), key=left.__contains__), plan.rows - len(left)


def _name(check: Check) -> Name:
    return check.variant, check.metric, check.rule
