"""A plan that a command runs: its requests, its leaderboard, its record.

RunningPlan(opened, plan, budget, "").run(receive)      (Invocation(…), None)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.cli.setup import OpenExperiment, make_recorder
from workbench.cli.signals import handle_signals

if TYPE_CHECKING:
    from workbench.comparing.comparison import ExperimentComparison
    from workbench.completing.budget import Budget
    from workbench.completing.check_batch import BatchCheck
    from workbench.completing.context import Progress, RunContext, Stop
    from workbench.errors import WorkbenchError
    from workbench.plan import Plan
    from workbench.run.summary import Invocation


@dataclass(frozen=True)
class RunningPlan:
    """A plan with what pays for it.

    Attributes:
        quiet: print no leaderboard.
    """

    opened: OpenExperiment
    plan: "Plan"
    budget: "Budget"
    tracking_uri: str
    quiet: bool

    def run(
        self, receive: "Callable[[ExperimentComparison], None]", *, with_check: bool = False
    ) -> "tuple[Invocation, list[BatchCheck] | None]":
        """Run it; `receive` gets the comparison once all rows are scored."""
        from workbench.cli.results import TerminalResults
        from workbench.completing.check_batch import check_batch
        from workbench.report.progress import progress
        from workbench.run.invocation import run as run_plan

        with handle_signals(self.opened.project) as stop:
            context = self._context(stop, progress())
            callbacks = TerminalResults(context.project, quiet=self.quiet, receive=receive)
            recorder = make_recorder(context, self.tracking_uri)
            options = self.opened.options
            invocation = run_plan(self.plan, context, recorder, options, callbacks)
            if not with_check:
                return invocation, None
            completions = context.store.completions
            return invocation, check_batch(self.plan, completions, should_stop=context.interrupted)

    def probe(self) -> "WorkbenchError | None":
        """Send the requests and store the answers; return the error that stops the model."""
        from workbench.completing.complete import complete
        from workbench.report.progress import Notes

        with handle_signals(self.opened.project) as stop:
            context = self._context(stop, Notes())
            with context.store.leases.session(self.plan.digest):
                outcome = complete(self.plan, context)
            return next(iter(outcome.model_errors), None)

    def _context(self, stop: "Stop", shown: "Progress") -> "RunContext":
        from workbench.completing.context import RunContext

        opened, budget = self.opened, self.budget
        return RunContext(
            opened.project, opened.store, shown, stop, budget, renderer=opened.renderer
        )
