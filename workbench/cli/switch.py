"""`workbench switch`: the same prompts on another model, and the verdict on each.

$ workbench switch gpt-4o-mini openai:gpt-6-luna support
gpt-4o-mini → gpt-6-luna: 60 rows of support
max_tokens is sent as max_completion_tokens: openai:gpt-6-luna: HTTP 400: Unsupported parameter: …
  prompt  metric       gpt-4o-mini  gpt-6-luna  difference               verdict     rows
  triage  label_match  0.800        0.833       +0.033 [-0.080, +0.146]  equivalent  60

The new model gets one request first. What it refuses by name is mended, and said.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_new_model, complete_old_model, complete_task
from workbench.cli.output import print_result
from workbench.cli.run import AsJson, Limit, MaxCalls, MaxCost, Note, Sample, TrackingUri
from workbench.cli.running_plan import RunningPlan
from workbench.cli.setup import OpenExperiment, experiment_file, open_experiment, open_project
from workbench.cli.signals import write_stderr
from workbench.errors import ExitCode, WorkbenchError
from workbench.report.safe_text import escape_commands, plain

if TYPE_CHECKING:
    from workbench.comparing.comparison import ExperimentComparison
    from workbench.completing.budget import Budget
    from workbench.document import Document
    from workbench.experiment.model_switch import ModelSwitch
    from workbench.plan import Options, Plan
    from workbench.run.invocation import CostLimits
    from workbench.run.summary import Invocation
    from workbench.store import Store

MAX_MENDS = 8
NAME_HELP = "name in `models:`, or any provider:name."
Old = Annotated[
    str,
    typer.Argument(
        metavar="OLD",
        help=f"The model in use: its {NAME_HELP}",
        autocompletion=complete_old_model,
    ),
]
New = Annotated[
    str,
    typer.Argument(
        metavar="NEW",
        help=f"The one to switch to: its {NAME_HELP}",
        autocompletion=complete_new_model,
    ),
]
Task = Annotated[
    str,
    typer.Argument(
        metavar="TASK|FILE",
        help="A task or an experiment file, if several.",
        autocompletion=complete_task,
    ),
]


def switch(
    old: Old,
    new: New,
    task: Task = "",
    limit: Limit = None,
    sample: Sample = None,
    max_cost: MaxCost = None,
    max_calls: MaxCalls = None,
    write: Annotated[
        bool, typer.Option("--write", help="If it is not worse, write NEW in the place of OLD.")
    ] = False,
    note: Note = "",
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Compare a model with the one that it would replace.

    Exit code 0: not worse, 1: worse, 8: not enough evidence.
    """
    from workbench.experiment.model_switch import check_replaceable, replace_entry
    from workbench.plan import Options, Scope
    from workbench.report.model_switch import SwitchReport, entry_lines, switch_json, switch_lines
    from workbench.run.invocation import CostLimits

    project = open_project(tracking_uri)
    path = experiment_file(task, project)
    trial = _Trial.begin(path, project.display_path(path), old, new)
    if write:
        check_replaceable(trial.switch, trial.document())
    options = Options(Scope(limit, sample=sample), wait=True, note=note)
    with trial.opened(options, tracking_uri, CostLimits(max_cost, max_calls)) as ready:
        compared: list[ExperimentComparison] = []
        running = RunningPlan(ready.opened, ready.plan, ready.budget, tracking_uri, quiet=True)
        invocation, _ = running.run(compared.append)
        report = SwitchReport(ready.switch, compared[0], ready.gone, ready.unanswered)
        code = _exit_code(report.exit_code, invocation)
        written = write and code == ExitCode.DONE and report.is_complete
        lines = list(switch_lines(report, project.file.currency))
        document = switch_json(report, written=written)
    if written:
        replace_entry(path, ready.switch)
    _print_problems(invocation)
    lines += entry_lines(report, trial.shown_path, written=written)
    print_result({**document, "exit_code": int(code)} if as_json else map(plain, lines))
    return code


def _print_problems(invocation: "Invocation") -> None:
    for problem in invocation.problems:
        write_stderr(f"error: {escape_commands(str(problem))}\n")


def _exit_code(code: ExitCode, invocation: "Invocation") -> ExitCode:
    """The verdict's, unless the budget ended the run, or only its record is incomplete."""
    if invocation.exit_code == ExitCode.BUDGET:
        return ExitCode.BUDGET
    incomplete = code == ExitCode.DONE and invocation.exit_code == ExitCode.NOT_RECORDED
    return ExitCode.NOT_RECORDED if incomplete else code


@dataclass(frozen=True)
class _Ready:
    """A switch whose requests the new model takes.

    Attributes:
        gone: why the old model answers no longer; empty: it does, or need not be asked.
        unanswered: requests to it that never got a reply, by the reason.
    """

    opened: OpenExperiment
    switch: "ModelSwitch"
    plan: "Plan"
    budget: "Budget"
    gone: str
    unanswered: Mapping[str, int]


@dataclass(frozen=True)
class _Trial:
    """A switch that is tried with single requests."""

    path: Path
    shown_path: str
    switch: "ModelSwitch"

    @classmethod
    def begin(cls, path: Path, shown_path: str, old: str, new: str) -> "_Trial":
        """Find both models in the file."""
        from workbench.document import read_document
        from workbench.experiment.model_switch import find_switch

        document = read_document(path, display_name=shown_path)
        return cls(path, shown_path, find_switch(document, old, new))

    def document(self) -> "Document":
        """The experiment file."""
        from workbench.document import read_document

        return read_document(self.path, display_name=self.shown_path)

    @contextmanager
    def opened(
        self, options: "Options", tracking_uri: str, limits: "CostLimits"
    ) -> Iterator[_Ready]:
        """Open the experiment with both models; the new one is mended until it answers.

        Raises:
            WorkbenchError: it refuses what can't be mended, or nothing would be measured.
        """
        from workbench.evaluator.row_values import require_evaluators
        from workbench.run.invocation import continue_budget

        switch, budget = self.switch, None
        for _ in range(MAX_MENDS):
            parts = (self.path, options, tracking_uri)
            try:
                with open_experiment(*parts, edit=switch.edit) as opened:
                    experiment = opened.experiment
                    require_evaluators(experiment.evaluators, "switch", where=experiment.path)
                    plan = opened.plan()
                    prices = opened.project.prices
                    budget = continue_budget(budget, plan, prices, limits)
                    running = RunningPlan(opened, plan, budget, tracking_uri, quiet=True)
                    new, old = switch.new.label, switch.old.label
                    if refusal := _probe(running, new):
                        raise _Refused(refusal)
                    gone = _gone(running, old)
                    plan = opened.plan() if plan.to_send else plan
                    plan = _without_requests(plan, old) if gone else plan
                    unanswered = _unanswered(opened.store, plan.withdrawn)
                    yield _Ready(opened, switch, plan, budget, gone, unanswered)
                    return
            except _Refused as refused:
                mended = switch.mend(refused.error)
                if mended is None:
                    refused.error.exit_code = ExitCode.USER
                    raise refused.error from None
                switch = mended
        raise WorkbenchError(
            f"{switch.new.ref} refuses more than {MAX_MENDS} parameters",
            where=self.shown_path,
            fix="write its entry in `models:` yourself",
        )


class _Refused(Exception):  # noqa: N818  turned into the error that it holds
    """The new model refuses a request."""

    def __init__(self, error: WorkbenchError) -> None:
        super().__init__(error.message)
        self.error = error


def _probe(running: RunningPlan, label: str) -> WorkbenchError | None:
    """Send the first request of each variant of a model that has any; the error that stops it."""
    plan = running.plan
    requests = tuple(
        requests[:1] if variant.model.model.label == label else ()
        for variant, requests in zip(plan.variants, plan.requests, strict=True)
    )
    if not any(requests):
        return None
    return replace(running, plan=replace(plan, requests=requests)).probe()


def _gone(running: RunningPlan, label: str) -> str:
    """The reason why the old model answers no longer; empty if it does, or need not."""
    plan = running.plan
    pairs = zip(plan.variants, plan.requests, strict=True)
    models = [v.model for v, requests in pairs if requests and v.model.model.label == label]
    if not models:
        return ""
    try:
        models[0].provider.check_ready()
    except WorkbenchError as error:
        return error.message
    refusal = _probe(running, label)
    return refusal.message if refusal else ""


def _unanswered(store: "Store", keys: Collection[str]) -> dict[str, int]:
    """The reasons of requests that got no reply, with their numbers, the most frequent first."""
    failures = store.no_replies.completions(keys).values()
    return dict(Counter(failure.error or "" for failure in failures).most_common())


def _without_requests(plan: "Plan", label: str) -> "Plan":
    """The plan that asks a model nothing more; rows without its reply are left out."""
    is_gone = [variant.model.model.label == label for variant in plan.variants]
    pairs = zip(is_gone, plan.requests, strict=True)
    withdrawn = {r.key for gone, requests in pairs if gone for r in requests}
    requests = tuple(
        () if gone else requests for gone, requests in zip(is_gone, plan.requests, strict=True)
    )
    return replace(plan, requests=requests, withdrawn=frozenset(withdrawn))
