"""Which rows a gate asks for that these rows don't decide, and when it has enough.

growing = GrowingGate(["few_shot"], told, repeats=1)
growing.begin(judged, weight=1)
complete(plan, Site(…, rounds=growing.rounds))
growing.checks      [Check("few_shot", outcome="passed", rows=68, …), …]

Rows come in waves, in an order that has to do with nothing; those that are answered already are the
first, and are looked at wave by wave, too. After each wave every check that is still open is looked
at with a test that may be looked at again and again: its p is the least that was ever seen. What is
decided stays so. A metric without a range is judged once, by all rows of the first look: nothing
can be bet on it.

A row without a reply is no fault of a prompt, and yet may be: a check fails only without such rows,
and passes only if they count as the worst.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from workbench.comparing.checks import FAILED, INCONCLUSIVE, PASSED, Check, Look, find_base
from workbench.comparing.gate import adjusted, checked_variants, find_checks, find_meant
from workbench.comparing.metrics import Part
from workbench.model import Request
from workbench.plan import Plan, batch_ends, batch_requests, shuffled_rows
from workbench.results.metrics import VariantResult
from workbench.results.tally import Tally

HOPE = 100  # answered rows without anything to measure, after which none is expected
Name = tuple[int, str, str]  # variant, metric, rule
Judged = Callable[[], Sequence[Tally]]


def _nothing() -> Sequence[Tally]:
    return ()


@dataclass
class GrowingGate:
    """What a gate that may ask for rows has found so far.

    Attributes:
        names: the variants, prompts or models that are meant; none: all that are no baseline.
        told: hears how it stands after each look.
        repeats: of a row, where its answers can hardly differ.
        checks: as they stand; none before the first look.
        most: rows that a check stood on at the most.
        rows: that were looked at last.
        begun: rows of the last plan that were answered before anything was asked.
        unreached: rows of some variant that got no reply.
    """

    names: Sequence[str]
    told: Callable[[str], None]
    repeats: int = 1
    checks: Sequence[Check] = ()
    max_rows: int = 0
    rows: int = 0
    stored_rows: int = 0
    unreached: int = 0
    _judged: Judged = _nothing
    _weight: float = 1.0
    _said: str = ""
    _seen: dict[Name, Check] = field(default_factory=dict)
    _closed: set[Name] = field(default_factory=set)  # nothing to measure, or nobody answers

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
            if check.outcome == INCONCLUSIVE
            and not check.fixed_sample
            and _name(check) not in self._closed
        ]

    def start(self, judged: Judged, weight: float) -> None:
        """Before the rounds of a plan, each time with other repeats of the same rows.

        Args:
            judged: waits until all that was answered is judged, and gives the variants' tallies.
            weight: how many times as strong the evidence has to be; over all times that it begins
                the sum of 1 / weight is 1 at the most.
        """
        self._judged, self._weight = judged, weight

    def batches(self, plan: Plan) -> Iterator[Sequence[Sequence[Request]]]:
        """What is asked in each wave, until all is decided."""
        order, self.stored_rows = self._order(plan)
        asked: set[str] = set()
        self._look_again(plan)
        done = self.stored_rows
        for seen in batch_ends(plan.rows, done):
            if self.decided:
                return
            some, asking = order[done:seen], self.asking(plan)
            yield batch_requests(plan, asking, some, asked)
            self._close(plan, asking, some)
            self.check_rows(plan)
            done = seen

    def check_rows(self, plan: Plan) -> None:
        """Judges every check that is open by the rows that are answered."""
        tallies = self._judged()
        answered = [self._answered(plan, number, one) for number, one in enumerate(tallies)]
        self._judge(plan, tallies, _results(plan, tallies), answered)
        self._tell(plan)

    def _look_again(self, plan: Plan) -> None:
        """At what is stored, wave by wave: the same command comes to the same decisions again."""
        tallies = self._judged()
        answered = [self._answered(plan, number, one) for number, one in enumerate(tallies)]
        order = shuffled_rows(plan)
        own = [[row for row in order if row in rows] for rows in answered]
        results = _results(plan, tallies)
        self._judge(plan, tallies, results, answered, once=True)
        for seen in batch_ends(max(map(len, own))):
            self._judge(plan, tallies, results, [frozenset(rows[:seen]) for rows in own])
            if self.decided:
                break
        if self.checks:
            self._tell(plan)

    def _judge(
        self,
        plan: Plan,
        tallies: Sequence[Tally],
        results: Sequence[VariantResult],
        answered: Sequence[frozenset[int]],
        *,
        once: bool = False,
    ) -> None:
        """Judges every check that is open by some rows of each variant, or what is judged once."""
        rows = [own - tally.unreached() for own, tally in zip(answered, tallies, strict=True)]
        whole = [Part(tally, own) for tally, own in zip(tallies, answered, strict=True)]
        reached = [Part(tally, own) for tally, own in zip(tallies, rows, strict=True)]
        look = Look(self._weight)
        for check, with_lost in zip(
            find_checks(plan, results, reached, self.names, look),
            find_checks(plan, results, whole, self.names, look),
            strict=True,
        ):
            if once and not check.fixed_sample:
                continue
            passed = check.outcome == with_lost.outcome == PASSED
            self._take(replace(check, outcome=PASSED if passed else INCONCLUSIVE))
            about = [rows[number] for number in checked_variants([check], plan)[0]]
            if check.value is None and len(about[0].intersection(*about)) >= HOPE:
                self._closed.add(_name(check))
        if not self._seen:
            return
        self.checks = adjusted(list(self._seen.values()))
        self.max_rows = max(self.max_rows, *(check.rows for check in self.checks))
        self.unreached = sum(len(tally.unreached()) for tally in tallies)
        self.rows = max(len(rows[number]) for number, *_ in checked_variants(self.checks, plan))

    def _tell(self, plan: Plan) -> None:
        times = plan.experiment.repeats
        said = f"{self.rows:,} rows" + (f", {times} times each" if times > 1 else "")
        said += f": {len(self.open)} of {len(self.checks)} checks open"
        if said != self._said:
            self.told(said)
        self._said = said

    def asking(self, plan: Plan) -> set[int]:
        """The variants that the open checks are about, with what they are compared with."""
        if self.checks:
            meant = {number for pair in checked_variants(self.open, plan) for number in pair}
        else:
            meant = set(find_meant(plan, self.names))
            named = {rule.no_worse_than for rule in plan.experiment.gate.values()} - {""}
            bases = {find_base(plan, number, name) for number in meant for name in named}
            meant |= {base for base in bases if base is not None}
        deeper = plan.experiment.repeats > self.repeats
        return {n for n in meant if not (deeper and _is_greedy(plan, n))}

    def _take(self, check: Check) -> None:
        """A check as it is now: what was once shown stays shown."""
        before = self._seen.get(_name(check))
        if before is None or before.value is None:
            self._seen[_name(check)] = check
        elif before.outcome == PASSED or before.fixed_sample:
            return
        elif check.fixed_sample:  # it was looked at, and can't be any more
            self._seen[_name(check)] = replace(before, fixed_sample=True)
        else:
            self._seen[_name(check)] = replace(check, p=min(check.p, before.p))

    def _close(self, plan: Plan, asking: set[int], rows: Sequence[int]) -> None:
        """Gives up on checks about variants that were asked and say nothing any more."""
        tallies, repeats = self._judged(), plan.experiment.repeats
        silent = {
            number
            for number in asking
            if {place // repeats for place in tallies[number].missing()} & set(rows)
        }
        for check in self.open:
            if silent.intersection(checked_variants([check], plan)[0]):
                self._closed.add(_name(check))

    def _answered(self, plan: Plan, number: int, tally: Tally) -> frozenset[int]:
        """The rows of which a variant has all the answers that it is asked for."""
        repeats = plan.experiment.repeats
        needed = self.repeats if _is_greedy(plan, number) else repeats
        left = {place // repeats for place in tally.missing() if place % repeats < needed}
        return frozenset(range(plan.rows)) - left

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
        return sorted(shuffled_rows(plan), key=left.__contains__), plan.rows - len(left)


def _results(plan: Plan, tallies: Sequence[Tally]) -> list[VariantResult]:
    """By which the kind of a metric's values is told."""
    made = zip(tallies, plan.variants, strict=True)
    return [tally.result(variant, None) for tally, variant in made]


def _name(check: Check) -> Name:
    return check.variant, check.metric, check.rule


def _is_greedy(plan: Plan, number: int) -> bool:
    """Whether a variant's answers to a row hardly differ."""
    return plan.variants[number].parameters.get("temperature") == 0
