"""A comparison of the variants in the store: nothing is sent, nothing is recorded.

compare_stored(plan, store)
ExperimentComparison(results=[…], changes=[RowChange(…), …], …)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from workbench.comparing.changed_rows import ReadRows, RowChange, row_changes
from workbench.comparing.factors import FactorComparison, compare_factors
from workbench.comparing.metrics import ROWLESS, add_comparisons
from workbench.comparing.row_patterns import RowPatterns, find_patterns
from workbench.comparing.slices import Interaction, Slice, compare_slices
from workbench.comparing.trace_links import TraceLinks
from workbench.errors import WorkbenchError
from workbench.plan import Cell, Plan
from workbench.project import Price
from workbench.results.tally import Tally
from workbench.results.types import VariantResult
from workbench.results.variant_results import metric_scales, variant_results
from workbench.scoring.scored_rows import ScoredRows
from workbench.scoring.stream import Stream, ignore_rows
from workbench.stats.sample import Scale
from workbench.store import Store
from workbench.workers.garbage import paused_gc

KEYS_AT_ONCE = 1_000  # looked up, until one has an answer


@dataclass(frozen=True)
class ExperimentComparison:
    """The variants of an experiment compared with their baselines.

    Attributes:
        plan: its `baselines` say which variants are compared.
        read_rows: returns the rows of a variant in order, while the store is open.
        slices, interactions: the comparisons by value of a column, and the tests that a difference
            is the same in all slices; empty without a column.
        anytime: the verdicts hold at every look at the rows.
        factors: the effects of prompt, model and parameters; None: not computed.
        prices: of models, by `provider:name`.
        scored: the rows in the store; None: they are not read from a store.
        traces: of the rows, for readers.
    """

    plan: Plan
    results: Sequence[VariantResult]
    tallies: Sequence[Tally]
    read_rows: ReadRows
    slices: Sequence[Slice] = ()
    interactions: Sequence[Interaction] = ()
    anytime: bool = False
    factors: FactorComparison | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    scored: ScoredRows | None = None
    traces: TraceLinks = field(default_factory=TraceLinks)

    @cached_property
    def changes(self) -> Sequence[RowChange]:
        """Rows whose value is not the baseline's, in the dataset's order."""
        return list(row_changes(self.plan, self.read_rows))

    @cached_property
    def changes_by_variant(self) -> Mapping[int, Sequence[RowChange]]:
        """The changes of each variant that has any."""
        by_variant: dict[int, list[RowChange]] = {}
        for change in self.changes:
            by_variant.setdefault(change.variant, []).append(change)
        return by_variant

    @cached_property
    def scales(self) -> Mapping[str, Scale]:
        """The scale of each metric."""
        return metric_scales(self.plan.experiment.evaluators, self.tallies)

    @cached_property
    def rowless_metrics(self) -> set[str]:
        """Metrics without a number of each row in some variant."""
        metrics = (pair for result in self.results for pair in result.metrics.items())
        return {name for name, metric in metrics if metric.kind in ROWLESS}

    @cached_property
    def patterns(self) -> Sequence[RowPatterns]:
        """Rows that stand out over the compared variants, by metric; none for a single variant."""
        if len(self.compared_variants) < 2:
            return ()
        return find_patterns(self.plan, self.tallies, self.compared_variants)

    def with_baselines(self, baselines: Sequence[int | None]) -> "ExperimentComparison":
        """The same answers with other baselines, by number; None: the variant has none."""
        paired = self.plan.judged_baselines
        plan = replace(self.plan, baselines=tuple(baselines), paired=paired)
        results = add_comparisons(self.results, self.tallies, plan, anytime=self.anytime)
        return replace(self, plan=plan, results=results)

    def with_factors(self, variants: Sequence[int]) -> "ExperimentComparison":
        """The comparison with the effects of the factors that these variants cross."""
        return replace(self, factors=compare_factors(self.plan, self.tallies, variants))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The numbers of each variant that has a baseline, and of the baseline."""
        return [(n, base) for n, base in enumerate(self.plan.baselines) if base is not None]

    @property
    def compared_variants(self) -> list[int]:
        """The numbers of the compared variants and of their baselines, in the plan's order.

        All variants if none has a baseline.
        """
        compared = {number for pair in self.pairs for number in pair}
        return sorted(compared or range(len(self.plan.variants)))


def compare_stored(
    plan: Plan,
    store: Store,
    *,
    by: Sequence[str] = (),
    prices: Mapping[str, Price] = MappingProxyType({}),
    anytime: bool = False,
) -> ExperimentComparison:
    """Compare the variants by the stored answers; missing scores are computed.

    `by`: columns, whose combined values make slices; empty: no slices. With `anytime` the
    verdicts hold at every look at the rows.
    """
    unsent = replace(plan, requests=tuple(() for _ in plan.variants))
    with paused_gc(), Stream(unsent, store, ignore_rows) as stream:
        stream.finish()
        tallies = stream.tallies
        results = variant_results(plan, tallies, prices)
        results = add_comparisons(results, tallies, plan, anytime=anytime)
        slices, tests = compare_slices(by, plan, results, tallies) if by else ((), ())
        compared = ExperimentComparison(plan, results, tallies, stream.rows, slices, tests, anytime)
        return replace(compared, prices=prices, scored=stream.scored)


def leave_out_unanswered(plan: Plan, store: Store) -> tuple[Plan, list[str]]:
    """The plan without comparisons of variants that have no stored answer, and their names.

    If that leaves nothing to compare, the plan stays as it is, and the names are empty.
    """
    pairs = {n: {n, base} for n, base in enumerate(plan.baselines) if base is not None}
    compared = sorted(set().union(*pairs.values()))
    unanswered = {number for number in compared if not _has_answers(plan.cells[number], store)}
    if all(pair & unanswered for pair in pairs.values()):
        return plan, []
    answered = {number for number, pair in pairs.items() if not pair & unanswered}
    baselines = tuple(
        base if number in answered else None for number, base in enumerate(plan.baselines)
    )
    names = [plan.variants[number].name for number in sorted(unanswered)]
    return replace(plan, baselines=baselines), names


def _has_answers(cells: Sequence[Cell], store: Store) -> bool:
    batches = (cells[n : n + KEYS_AT_ONCE] for n in range(0, len(cells), KEYS_AT_ONCE))
    return any(store.stored_keys([cell.key for cell in batch]) for batch in batches)


def require_answers(comparison: ExperimentComparison, variants: Iterable[int]) -> None:
    """Check that each of these variants has answers.

    Raises:
        WorkbenchError: a variant has none.
    """
    plan = comparison.plan
    for number in variants:
        rows = comparison.results[number].rows
        if rows.not_run == rows.planned:
            raise WorkbenchError(
                f"{plan.variants[number].name}: the store has no outputs of this variant",
                where=plan.experiment.path,
                fix="workbench run creates them; first add a prompt version that is not in the "
                "experiment file to its `prompts:`",
            )
