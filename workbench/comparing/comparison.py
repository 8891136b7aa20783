"""A comparison out of what the store holds: nothing is sent, nothing is recorded.

compare(plan, store)    ExperimentComparison(results=[…], changes=[RowChange(…), …], …)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from workbench.comparing.changed_rows import Read, RowChange, Slice, changes, slices
from workbench.comparing.metrics import add_comparisons
from workbench.errors import WorkbenchError
from workbench.plan import Plan
from workbench.project import Price
from workbench.results.metrics import VariantResult
from workbench.results.tally import Tally
from workbench.scoring.stream import Stream, ignore_rows
from workbench.store import Store


@dataclass(frozen=True)
class ExperimentComparison:
    """Variants beside their baselines.

    Attributes:
        plan: its `baselines` say which is compared with which.
        results: of all variants of the plan, those that are compared with their comparisons.
        tallies: of all variants.
        read: gives the rows of a variant in order, while the store is open.
        slices: by value of the column that was asked for.
    """

    plan: Plan
    results: Sequence[VariantResult]
    tallies: Sequence[Tally]
    read_rows: Read
    slices: Sequence[Slice] = ()

    @cached_property
    def changes(self) -> Sequence[RowChange]:
        """Rows whose value is not the baseline's, in the dataset's order."""
        return list(changes(self.plan, self.read_rows))

    def with_baselines(self, baselines: Sequence[int | None]) -> "ExperimentComparison":
        """The same answers with each variant beside another one, by number; None: it has none."""
        plan = replace(self.plan, baselines=tuple(baselines))
        bare = [replace(one, comparisons={}) for one in self.results]
        return replace(self, plan=plan, results=add_comparisons(bare, self.tallies, plan))

    @property
    def compared_variants(self) -> list[int]:
        """The numbers of the variants that are compared, baselines too, in the plan's order."""
        pairs = [(n, base) for n, base in enumerate(self.plan.baselines) if base is not None]
        return sorted({number for pair in pairs for number in pair})


def compare_stored(
    plan: Plan, store: Store, *, by: str = "", prices: Mapping[str, Price] = MappingProxyType({})
) -> ExperimentComparison:
    """What the store's answers to this plan say; those whose scores are missing are judged.

    Args:
        plan: with the baselines that are meant.
        store: where answers and scores are.
        by: a column; its values make slices.
        prices: of models.
    """
    asked = replace(plan, requests=tuple(() for _ in plan.variants))
    with Stream(asked, store, ignore_rows) as stream:
        stream.finish()
        results = [
            tally.result(variant, prices.get(variant.model.model.ref))
            for tally, variant in zip(stream.tallies, plan.variants, strict=True)
        ]
        return ExperimentComparison(
            plan,
            add_comparisons(results, stream.tallies, plan),
            stream.tallies,
            stream.rows,
            slices(by, plan, results, stream.tallies) if by else (),
        )


def require_answers(found: ExperimentComparison, numbers: Iterable[int]) -> None:
    """That each of these variants has answers.

    Raises:
        WorkbenchError: one has none at all.
    """
    plan = found.plan
    for number in numbers:
        rows = found.results[number].rows
        if rows.not_run == rows.planned:
            raise WorkbenchError(
                f"{plan.variants[number].name}: none of its {rows.planned:,} rows is in the store",
                where=plan.experiment.path,
                fix="workbench run asks for them; a version that is not in the experiment file "
                "goes into its `prompts:` first",
            )
