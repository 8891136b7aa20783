"""A comparison out of what the store holds: nothing is sent, nothing is recorded.

compare(plan, store)    Compared(results=[…], changes=[…], missing={"few_shot@3": 12})
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.comparing.metrics import compared
from workbench.comparing.rows import Change, Slice, changes, slices
from workbench.errors import WorkbenchError
from workbench.plan import Plan
from workbench.results import Row, VariantResult
from workbench.scoring.stream import Stream
from workbench.store import Store


def _nobody(variant: int, rows: Sequence[tuple[int, Row]]) -> None:
    """Is told of rows as they are judged."""


@dataclass(frozen=True)
class Compared:
    """Variants beside their baselines.

    Attributes:
        plan: its `baselines` say which is compared with which.
        results: of all variants of the plan, those that are compared with their comparisons.
        changes: rows whose value differs, in the dataset's order.
        slices: by value of the column that was asked for.
    """

    plan: Plan
    results: Sequence[VariantResult]
    changes: Sequence[Change]
    slices: Sequence[Slice] = ()

    @property
    def shown(self) -> list[int]:
        """The numbers of the variants that are compared, baselines too, in the plan's order."""
        pairs = [(n, base) for n, base in enumerate(self.plan.baselines) if base is not None]
        return sorted({number for pair in pairs for number in pair})


def compare(plan: Plan, store: Store, *, by: str = "") -> Compared:
    """What the store's answers to this plan say; those whose scores are missing are judged.

    Args:
        plan: with the baselines that are meant.
        store: where answers and scores are.
        by: a column; its values make slices.

    Raises:
        WorkbenchError: a variant that is compared has no answer at all.
    """
    asked = replace(plan, requests=tuple(() for _ in plan.variants))
    with Stream(asked, store, _nobody) as stream:
        stream.finish()
        results = [
            tally.result(variant, None)
            for tally, variant in zip(stream.tallies, plan.variants, strict=True)
        ]
        found = Compared(
            plan,
            compared(results, stream.tallies, plan),
            list(changes(plan, stream.rows)),
            slices(by, plan, results, stream.tallies) if by else (),
        )
    for number in found.shown:
        rows = results[number].rows
        if rows.not_run == rows.planned:
            raise WorkbenchError(
                f"{plan.variants[number].name}: none of its {rows.planned:,} rows is in the store",
                where=plan.experiment.path,
                fix="workbench run asks for them; a version that is not in the experiment file "
                "goes into its `prompts:` first",
            )
    return found
