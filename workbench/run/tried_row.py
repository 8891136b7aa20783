"""A plan of one row, completed and scored; MLflow has no part in it.

try_row(plan, context, print)      TriedRow(plan=…, row=Row(…, scores={"exact_match": …}), …)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from workbench.comparing.comparison import ExperimentComparison
from workbench.completing.context import RunContext
from workbench.plan import Options, Plan
from workbench.results.types import Row, VariantResult
from workbench.run.invocation import run
from workbench.run.stored_results import ResultCallbacks
from workbench.run.streamed_model import streamed
from workbench.run.summary import Invocation
from workbench.tracking.protocol import Recorder


@dataclass(frozen=True)
class TriedRow:
    """A row with its answer and scores.

    Attributes:
        row: None: no answer came.
        was_stored: nothing was sent for the answer.
    """

    plan: Plan
    result: VariantResult
    row: Row | None
    invocation: Invocation
    was_stored: bool


class ComparedResults(ResultCallbacks):
    """Keeps the comparison of a run.

    Attributes:
        compared: None until all rows are scored.
    """

    compared: ExperimentComparison | None = None

    def show(self, comparison: ExperimentComparison) -> None:
        """See `ResultCallbacks`."""
        self.compared = comparison


def try_row(plan: Plan, context: RunContext, on_text: Callable[[str], None]) -> TriedRow:
    """Complete and score a plan of one row; `on_text` gets the pieces of the answer as they come.

    Raises:
        WorkbenchError: as of `run`.
    """
    (variant,) = plan.variants
    plan = replace(plan, variants=(replace(variant, model=streamed(variant.model, on_text)),))
    results = ComparedResults()
    invocation = run(plan, context, Recorder(), Options(), results)
    compared = results.compared
    assert compared
    assert compared.scored
    rows = dict(compared.scored.numbered(0, [0]))
    return TriedRow(plan, compared.results[0], rows.get(0), invocation, bool(plan.stored))
