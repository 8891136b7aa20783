"""A gate that asks for more rows until it is decided.

    gate = GrowingGate(["few_shot"], progress.note, repeats=1)
    gate.start(tallies, weight=1)
    complete(plan, context, listener, gate.batches)
    gate.checks         [Check(1, "exact_match", outcome="passed", rows=68, …), …]

Rows come in batches, in an order that is independent of their content; the rows that are answered
already come first and are looked at batch by batch, too. After each batch every open check is
evaluated by an anytime-valid test: its p-value is the smallest so far, and a decision stays. A
metric without a range has no such test: it is checked once, by all rows of the first look.

A check with more rows without a reply than `max_failed` can fail and can't pass, as in `gate`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from workbench.comparing.checks import FAILED, PASSED, Check
from workbench.comparing.gate import adjust_checks, check_rules, gate_families, gated_variants
from workbench.comparing.metrics import MetricFamily
from workbench.comparing.selectors import find_baseline
from workbench.errors import pluralize
from workbench.model import Request
from workbench.plan import Plan, batch_requests, cluster_ends, shuffled_rows
from workbench.results.tally import Tally
from workbench.stats.verdicts import INCONCLUSIVE

MAX_ROWS_WITHOUT_VALUE = 100  # answered rows, after which a check without a value is closed
CheckKey = tuple[int, str, str]  # variant, metric, rule
Tallies = Callable[[], Sequence[Tally]]


@dataclass
class GrowingGate:
    """The state of a gate that may ask for rows.

    Attributes:
        selectors: variants, prompts or models to check; empty: all that are not a baseline.
        on_progress: called with a line of text after each look that changed something.
        repeats: of a row, for variants whose answers hardly differ (temperature 0).
        checks: as they stand; empty before the first look.
        max_rows: the most rows that a check was based on.
        rows: the most rows of a checked variant at the last look.
        stored_rows: rows of the last plan that were answered at its start.
        unreached: rows without a reply, over all variants.
    """

    selectors: Sequence[str]
    on_progress: Callable[[str], None]
    repeats: int = 1
    checks: Sequence[Check] = ()
    max_rows: int = 0
    rows: int = 0
    stored_rows: int = 0
    unreached: int = 0
    _tallies: Tallies = tuple
    _weight: float = 1.0
    _last_line: str = ""
    _by_key: dict[CheckKey, Check] = field(default_factory=dict)  # not adjusted for each other
    _closed: set[CheckKey] = field(default_factory=set)  # nothing to measure, or no model answers

    @property
    def decided(self) -> bool:
        """True if no row could change the result: a check has failed, or none is open."""
        failed = any(check.outcome == FAILED for check in self.checks)
        return failed or bool(self.checks and not self.open_checks)

    @property
    def open_checks(self) -> list[Check]:
        """The checks that more rows could decide."""
        return [
            check
            for check in self.checks
            if check.outcome == INCONCLUSIVE
            and not check.fixed_sample
            and _key(check) not in self._closed
        ]

    def start(self, tallies: Tallies, weight: float) -> None:
        """Start a plan; each later plan has one more repeat of the same rows.

        `tallies` waits until every answer is scored. `weight` is a factor on p-values; the sum of
        1 / weight over all plans is 1 at most.
        """
        self._tallies, self._weight = tallies, weight

    def batches(self, plan: Plan) -> Iterator[Sequence[Sequence[Request]]]:
        """Yield the requests of each batch, by variant, until the gate is decided."""
        order, self.stored_rows = self._order(plan)
        sent: set[str] = set()
        self._check_stored(plan)
        start = self.stored_rows
        for end in cluster_ends(order, _clusters(plan), start):
            if self.decided:
                return
            rows, variants = order[start:end], self._asking(plan)
            yield batch_requests(plan, variants, rows, sent)
            self._close(plan, variants, rows)
            self.check_rows(plan)
            start = end

    def check_rows(self, plan: Plan) -> None:
        """Evaluate every open check on the rows that are answered."""
        self._check(plan, gate_families(plan, self._tallies()), self._answered(plan))
        self._report(plan)

    def _check_stored(self, plan: Plan) -> None:
        """Evaluate the stored rows batch by batch, so that the same command decides the same."""
        answered = self._answered(plan)
        stored = frozenset[int]().union(*answered)
        order = [row for row in shuffled_rows(plan) if row in stored]
        families = gate_families(plan, self._tallies())
        self._check(plan, families, answered, fixed_sample=True)
        for end in cluster_ends(order, _clusters(plan)):
            look = frozenset(order[:end])
            self._check(plan, families, [rows & look for rows in answered])
            if self.decided:
                break
        if self.checks:
            self._report(plan)

    def _check(
        self,
        plan: Plan,
        families: Mapping[str, MetricFamily],
        answered: Sequence[frozenset[int]],
        *,
        fixed_sample: bool = False,
    ) -> None:
        """Evaluate the gate on these answered rows of each variant.

        With `fixed_sample` only the checks without an anytime-valid test are evaluated.
        """
        tallies = self._tallies()
        families = {name: family.restrict(answered) for name, family in families.items()}
        reached = [
            numbers - tally.unreached() for numbers, tally in zip(answered, tallies, strict=True)
        ]
        for check in check_rules(plan, families, self.selectors, self._weight):
            if fixed_sample and not check.fixed_sample:
                continue
            self._update(check)
            shared = frozenset.intersection(*(reached[n] for n in check.variants))
            if check.value is None and len(shared) >= MAX_ROWS_WITHOUT_VALUE:
                self._closed.add(_key(check))
        if self._by_key:
            self.checks = adjust_checks(list(self._by_key.values()))
            self.max_rows = max(self.max_rows, *(check.rows for check in self.checks))
            self.unreached = sum(len(tally.unreached()) for tally in tallies)
            self.rows = max(len(reached[check.variant]) for check in self.checks)

    def _update(self, check: Check) -> None:
        """Merge a check with what earlier looks showed."""
        key = _key(check)
        before = self._by_key.get(key)
        if before is None or before.value is None:
            self._by_key[key] = check
        elif check.fixed_sample and not before.fixed_sample and before.outcome != PASSED:
            self._by_key[key] = replace(before, fixed_sample=True)  # the range is lost
        elif before.outcome != PASSED and not before.fixed_sample:
            self._by_key[key] = replace(check, p=min(check.p, before.p))

    def _report(self, plan: Plan) -> None:
        repeats = plan.experiment.repeats
        line = pluralize(self.rows, "row") + (f", {repeats} times each" if repeats > 1 else "")
        line += f": {len(self.open_checks)} of {pluralize(len(self.checks), 'check')} open"
        if line != self._last_line:
            self.on_progress(line)
        self._last_line = line

    def _asking(self, plan: Plan) -> set[int]:
        """The variants of the open checks and their baselines: those that need more answers."""
        rules = plan.experiment.gate
        if self.checks:
            variants = {n for check in self.open_checks for n in check.variants}
        else:
            variants = set(gated_variants(plan, self.selectors))
            selectors = {rule.no_worse_than for rule in rules.values()} - {""}
            bases = {find_baseline(plan, n, selector) for n in variants for selector in selectors}
            variants |= {base for base in bases if base is not None}
        if any(plan.experiment.judges[n].pairwise for n in plan.experiment.judges.keys() & rules):
            variants |= {base for n in variants if (base := plan.baselines[n]) is not None}
        more_repeats = plan.experiment.repeats > self.repeats
        return {n for n in variants if not (more_repeats and _is_greedy(plan, n))}

    def _close(self, plan: Plan, variants: set[int], rows: Sequence[int]) -> None:
        """Close the checks on variants that left a row of the last batch without an answer."""
        tallies, repeats = self._tallies(), plan.experiment.repeats
        silent = {
            number
            for number in variants
            if {index // repeats for index in tallies[number].missing()} & set(rows)
        }
        for check in self.open_checks:
            if silent.intersection(check.variants):
                self._closed.add(_key(check))

    def _answered(self, plan: Plan) -> list[frozenset[int]]:
        """Each variant's rows with an answer to every repeat, without incomplete clusters."""
        answered, repeats = [], plan.experiment.repeats
        for number, tally in enumerate(self._tallies()):
            needed = self.repeats if _is_greedy(plan, number) else repeats
            missing = {index // repeats for index in tally.missing() if index % repeats < needed}
            answered.append(frozenset(range(plan.rows)) - _expand_to_clusters(plan, missing))
        return answered

    def _order(self, plan: Plan) -> tuple[list[int], int]:
        """The rows, those first that every variant has answered; and the number of these."""
        unsent = {request.key for requests in plan.requests for request in requests}
        repeats = plan.experiment.repeats
        missing = {
            index // repeats
            for number in self._asking(plan)
            for index, cell in enumerate(plan.cells[number])
            if cell.key in unsent
        }
        missing = _expand_to_clusters(plan, missing)
        return sorted(shuffled_rows(plan), key=missing.__contains__), plan.rows - len(missing)


def _clusters(plan: Plan) -> Sequence[int]:
    return plan.clusters(range(len(plan.variants)))


def _expand_to_clusters(plan: Plan, rows: Set[int]) -> set[int]:
    """These rows and all that are in a cluster with one of them: a look has all of it or none."""
    clusters = _clusters(plan)
    numbers = {clusters[row] for row in rows}
    return {row for row, number in enumerate(clusters) if number in numbers}


def _key(check: Check) -> CheckKey:
    return check.variant, check.metric, check.rule


def _is_greedy(plan: Plan, number: int) -> bool:
    """True if a variant's answers to a row hardly differ."""
    return plan.variants[number].parameters.get("temperature") == 0
