"""A plan run to its end, as `run` does, but not recorded in MLflow.

run_state(plan, context, saved)      LoopState(plan=…, compared=…, invocation=…, changes=[…])
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.state_changes import VariantChange, compare_states
from workbench.completing.context import RunContext
from workbench.plan import Options, Plan
from workbench.project import Project
from workbench.run.invocation import run
from workbench.run.summary import Invocation
from workbench.run.tried_row import ComparedResults
from workbench.tracking.protocol import Recorder
from workbench.watch.file_changes import NO_CHANGES, FileChanges


@dataclass(frozen=True)
class LoopState:
    """The results of the files as they were at one time.

    Attributes:
        files: the files whose change led to it; empty at the beginning.
        changes: each changed variant compared with itself before the save.
        seconds: from the end of the save to the last score.
    """

    project: Project
    compared: ExperimentComparison
    invocation: Invocation
    files: FileChanges = NO_CHANGES
    changes: Sequence[VariantChange] = ()
    seconds: float = 0.0

    @property
    def plan(self) -> Plan:
        """The plan that was run."""
        return self.compared.plan

    @property
    def is_complete(self) -> bool:
        """True if every row was asked."""
        return not self.invocation.not_run


def run_state(plan: Plan, context: RunContext, before: LoopState | None) -> LoopState:
    """Complete and score a plan; its variants are compared with those before.

    Raises:
        WorkbenchError: as of `run`.
    """
    results = ComparedResults()
    invocation = run(plan, context, Recorder(), Options(), results)
    assert results.compared
    changes = compare_states(before.compared, results.compared) if before else []
    return LoopState(context.project, results.compared, invocation, changes=changes)
