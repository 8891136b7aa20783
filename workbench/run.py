"""One invocation: plan, complete, score, record.

experiment.yaml ─▶ Experiment ─▶ Plan ─▶ Completions ─▶ Scores ─▶ MLflow ─▶ Invocation
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from filelock import FileLock, Timeout

from workbench.completing import Outcome, Progress, Stop, complete
from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Options, Plan
from workbench.project import Project
from workbench.results import Row, VariantResult
from workbench.store import Store
from workbench.tracking import Recorded, Recorder


@dataclass(frozen=True)
class Requests:
    """planned = stored + shared + sent + not_run, in rows.

    Attributes:
        failed: of the sent, those without an answer that can be scored.
        attempts: HTTP calls made for the sent.
    """

    planned: int
    stored: int
    shared: int
    sent: int
    failed: int
    not_run: int
    attempts: int


@dataclass(frozen=True)
class Invocation:
    """What a run came to.

    Attributes:
        known: the runs are those of an earlier, equal invocation; nothing was recorded.
        problems: what the user must know, in the order it happened.
    """

    plan: Plan
    requests: Requests
    variants: tuple[VariantResult, ...]
    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    exit_code: ExitCode
    known: bool = False
    problems: tuple[WorkbenchError, ...] = ()


@dataclass(frozen=True)
class Workshop:
    """What an invocation works with."""

    project: Project
    store: Store
    recorder: Recorder
    progress: Progress
    stop: Stop = field(default_factory=Stop)


def run(plan: Plan, shop: Workshop, options: Options) -> Invocation:
    """Does what the plan says and leaves it in the store and in MLflow.

    Raises:
        WorkbenchError: nothing could be sent, the store can't be written, or the same plan is
            running already; it was interrupted (what was answered is kept).
    """
    with _alone(shop.project, plan):
        outcome = complete(plan, shop.store, shop.progress, shop.stop)
        if shop.stop.signal:
            raise _interrupted(plan, outcome, shop.stop)
        return _record(plan, outcome, shop, again=options.again)


def sync(plan: Plan, shop: Workshop) -> Invocation:
    """Leaves in MLflow what the store holds of the plan; sends nothing.

    Raises:
        WorkbenchError: the store can't be read, or the same plan is running.
    """
    with _alone(shop.project, plan):
        keys = {cell.key for cells in plan.cells for cell in cells}
        return _record(plan, Outcome(shop.store.completions(keys)), shop, again=False)


def _record(plan: Plan, outcome: Outcome, shop: Workshop, *, again: bool) -> Invocation:
    """The half that comes after the last answer: scored, recorded, counted."""
    rows = [
        [Row(cell, outcome.completions.get(cell.key)) for cell in cells] for cells in plan.cells
    ]
    requests = _count(plan, outcome, rows)
    shop.progress.note("scoring, and recording in MLflow")
    recorded = shop.recorder.record(plan, rows, again=again)
    problems = (*outcome.stops, *recorded.problems)
    return Invocation(
        plan=plan,
        requests=requests,
        variants=recorded.variants,
        tracking_uri=recorded.tracking_uri,
        experiment_id=recorded.experiment_id,
        parent_run_id=recorded.parent_run_id,
        exit_code=_exit_code(plan, recorded),
        known=recorded.known,
        problems=problems,
    )


def _interrupted(plan: Plan, outcome: Outcome, stop: Stop) -> WorkbenchError:
    left = plan.to_send - outcome.sent
    return WorkbenchError(
        f"interrupted: {outcome.sent:,} requests were answered and kept, {left:,} are left",
        fix="the same command goes on where it was",
        exit_code=ExitCode.TERMINATED if stop.signal == signal.SIGTERM else ExitCode.INTERRUPTED,
    )


@contextmanager
def _alone(project: Project, plan: Plan) -> Iterator[None]:
    """Holds the plan's lock, which the system frees when the process ends, however it ends."""
    lock = FileLock(project.store / f"plan-{plan.digest[:16]}.lock", timeout=0)
    try:
        with lock:
            yield
    except Timeout:
        raise WorkbenchError(
            "the same plan is running already",
            fix="wait until it has ended; then the same command shows its runs",
            exit_code=ExitCode.ALREADY_RUNNING,
        ) from None


def _count(plan: Plan, outcome: Outcome, rows: Sequence[Sequence[Row]]) -> Requests:
    """Rows by how they came to an answer; a shared one whose request wasn't sent isn't run."""
    unsent = sum(row.completion is None for own in rows for row in own)
    unsent_requests = plan.to_send - outcome.sent
    answers = outcome.completions.values()
    failed = sum(not answer.scored for answer in answers if not answer.stored)
    return Requests(
        planned=plan.planned,
        stored=plan.stored,
        shared=plan.shared - (unsent - unsent_requests),
        sent=outcome.sent,
        failed=failed,
        not_run=unsent,
        attempts=outcome.attempts,
    )


def _exit_code(plan: Plan, recorded: Recorded) -> ExitCode:
    lost = sum(v.rows.failed + v.rows.not_run for v in recorded.variants)
    errors = sum(metric.errors for v in recorded.variants for metric in v.metrics.values())
    if lost + errors > plan.experiment.max_failed:
        return ExitCode.FAILED_ROWS
    return ExitCode.NOT_RECORDED if recorded.problems else ExitCode.DONE
