"""An experiment before and after an edit: each variant compared with itself, on the same rows.

    before   short  exact_match  0.560          after   short  exact_match  0.640
    compare_states(before, after)      [VariantChange(number=0, before=…, metrics={…}, rows=50)]

A row is the same if its id and its content are; a variant, if its prompt's reference, its model and
its point of the grid are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.canonical import canonical_json
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import MetricFamily
from workbench.evaluator import Evaluator
from workbench.plan import Cell, Plan, Variant
from workbench.results.scores import MetricScores
from workbench.results.tally import Tally
from workbench.results.types import MetricComparison, VariantResult
from workbench.stats.verdicts import Verdict

EDITED = "the evaluator was edited, so the two are different metrics"


@dataclass(frozen=True)
class MetricChange:
    """A metric of a variant after an edit; the baseline of its comparison is the same before.

    Attributes:
        better, worse: ids of the rows whose value is another one.
    """

    comparison: MetricComparison
    better: Sequence[str] = ()
    worse: Sequence[str] = ()


@dataclass(frozen=True)
class VariantChange:
    """A variant whose requests, rows or evaluators an edit changed.

    Attributes:
        number: of the variant in the plan after the edit.
        before: its results before the edit.
        metrics: those that the edit may have changed, and that rows have values of in both.
        rows: the number of rows that both have with the same content.
    """

    number: int
    before: VariantResult
    metrics: Mapping[str, MetricChange]
    rows: int


def compare_states(
    before: ExperimentComparison, after: ExperimentComparison
) -> list[VariantChange]:
    """Compare the variants that the edit changed; the verdicts on a metric are a family.

    Nothing is compared if the number of repeats was changed.
    """
    resent = dict(_resent_variants(before, after))
    old_metrics, new_metrics = _metrics(before), _metrics(after)
    changed = list((resent if old_metrics == new_metrics else dict(_pairs(before, after))).items())
    if not changed or before.plan.experiment.repeats != after.plan.experiment.repeats:
        return []
    joint = _JointPlan(before, after, changed)
    metrics: dict[int, dict[str, MetricChange]] = {number: {} for number, _ in changed}
    for evaluator in after.plan.experiment.evaluators:
        name = evaluator.name
        if name not in old_metrics:
            continue
        is_edited = old_metrics[name] != new_metrics[name]
        for number, change in _compare_metric(evaluator, joint):
            if is_edited:
                metrics[number][name] = replace(change, comparison=_unjudged(change.comparison))
            elif number in resent:
                metrics[number][name] = change
    rows = len(joint.shared)
    return [VariantChange(n, before.results[base], metrics[n], rows) for n, base in changed]


def _compare_metric(
    evaluator: Evaluator, joint: "_JointPlan"
) -> Iterator[tuple[int, MetricChange]]:
    """Yield the number of each changed variant with the change of a metric."""
    family = MetricFamily.build(evaluator, joint.tallies, joint.plan)
    if not family.is_comparable:
        return
    sign = 1 if family.scale.higher_is_better else -1
    for number, comparison in family.comparisons(len(joint.shared), set()):
        base = joint.plan.baselines[number]
        assert base is not None
        gains = _gains(family.scores[base], family.scores[number])
        ids = {row: joint.plan.examples[row].id for row in gains}
        better = [ids[row] for row, gain in gains.items() if sign * gain > 0]
        worse = [ids[row] for row, gain in gains.items() if sign * gain < 0]
        yield number, MetricChange(comparison, better, worse)


def _pairs(before: ExperimentComparison, after: ExperimentComparison) -> Iterator[tuple[int, int]]:
    """The numbers after and before the edit of each variant that is in both."""
    places = {_identity(variant): n for n, variant in enumerate(before.plan.variants)}
    for number, variant in enumerate(after.plan.variants):
        base = places.get(_identity(variant))
        if base is not None:
            yield number, base


def _resent_variants(
    before: ExperimentComparison, after: ExperimentComparison
) -> Iterator[tuple[int, int]]:
    """The pairs whose requests, or whose rows, are not the same."""
    for number, base in _pairs(before, after):
        old, new = before.plan.cells[base], after.plan.cells[number]
        is_same = len(old) == len(new) and all(
            first.key == second.key and first.example == second.example
            for first, second in zip(old, new, strict=True)
        )
        if not is_same:
            yield number, base


def _metrics(state: ExperimentComparison) -> dict[str, str]:
    return {e.name: e.metric_digest for e in state.plan.experiment.evaluators}


def _identity(variant: Variant) -> tuple[str, str, str, str]:
    model = variant.model.model
    return variant.prompt.ref, model.ref, model.label, canonical_json(dict(variant.point))


def _unjudged(comparison: MetricComparison) -> MetricComparison:
    none = Verdict(comparison.verdict.outcome, 1.0, 1.0, None, None, EDITED)
    return replace(comparison, verdict=none, worst_verdict=None, worst=None)


def _gains(before: MetricScores, after: MetricScores) -> dict[int, float]:
    """The difference of the means of each row with values of both, where it isn't 0."""
    gains: dict[int, float] = {}
    for row in sorted(before.values.keys() & after.values.keys()):
        old, new = before.values[row], after.values[row]
        if gain := sum(new) / len(new) - sum(old) / len(old):
            gains[row] = gain
    return gains


class _JointPlan:
    """The variants after an edit, and behind them the changed ones before it, on the rows after it.

    Attributes:
        plan: each changed variant's baseline is the same before.
        shared: the numbers of dataset rows that both have, after and before the edit.
    """

    def __init__(
        self,
        before: ExperimentComparison,
        after: ExperimentComparison,
        changed: Sequence[tuple[int, int]],
    ) -> None:
        self._before, self._after = before, after
        self._repeats = after.plan.experiment.repeats
        self.shared = dict(_shared_rows(before.plan, after.plan))
        self._is_aligned = len(before.plan.examples) == len(after.plan.examples) and all(
            new == old for new, old in self.shared.items()
        )
        self._is_aligned &= len(self.shared) == len(after.plan.examples)
        count = len(after.plan.variants)
        bases = {number: count + place for place, (number, _) in enumerate(changed)}
        nothing: tuple[None, ...] = (None,) * len(changed)
        self.plan = replace(
            after.plan,
            variants=(*after.plan.variants, *(before.plan.variants[base] for _, base in changed)),
            cells=(*after.plan.cells, *(self._cells(number, base) for number, base in changed)),
            requests=(*after.plan.requests, *(() for _ in changed)),
            bodies={**before.plan.bodies, **after.plan.bodies},
            baselines=(*map(bases.get, range(count)), *nothing),
            paired=(*after.plan.judged_baselines, *nothing),
        )
        self.tallies = [*after.tallies, *(self._tally(base) for _, base in changed)]

    def _cells(self, number: int, base: int) -> Sequence[Cell]:
        """The cells before the edit; those after it stand for rows that were not there."""
        old, new = self._before.plan.cells[base], self._after.plan.cells[number]
        if self._is_aligned:
            return old
        return [
            cell if place is None else old[place]
            for cell, place in zip(new, map(self._place, range(len(new))), strict=True)
        ]

    def _place(self, number: int) -> int | None:
        """The number before the edit of an answer with this number after it."""
        row, repeat = divmod(number, self._repeats)
        old = self.shared.get(row)
        return None if old is None else old * self._repeats + repeat

    def _tally(self, base: int) -> Tally:
        """The tally before the edit, with metrics of both, its rows numbered as after it."""
        evaluators = self._after.plan.experiment.evaluators
        tally = self._before.tallies[base]
        if self._is_aligned and all(e.name in tally.columns for e in evaluators):
            return tally
        answers = len(self._after.plan.examples) * self._repeats
        renumbered = Tally(evaluators, answers, self._repeats)
        places = (self._place(number) for number in range(answers))
        numbers = {old: new for new, old in enumerate(places) if old is not None}
        for rows in self._before.read_rows(base):
            for old, row in rows:
                if old in numbers:
                    renumbered.add(numbers[old], row)
        return renumbered


def _shared_rows(before: Plan, after: Plan) -> Iterator[tuple[int, int]]:
    """The numbers after and before of each row that both plans have, with the same content."""
    places = {example.id: number for number, example in enumerate(before.examples)}
    for number, example in enumerate(after.examples):
        old = places.get(example.id)
        if old is not None and before.examples[old].columns() == example.columns():
            yield number, old
