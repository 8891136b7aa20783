"""The answers that a run holds, and the status that it ends with.

    workbench.answers   28 9f86…       number of scored answers, and their digest
    workbench.derived   77ab…          digest of all that is derived: numbers, verdicts, cost, file

A recorded run only gains scored answers. Where a recording would replace or remove some, it gets
runs of its own. What is derived from the same answers is written again in the same run.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from workbench.canonical import digest
from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Price
from workbench.results.serialize import variant_json
from workbench.results.types import VariantResult
from workbench.secrets import mask_url
from workbench.tracking.mlflow_client import edit_fix
from workbench.tracking.moved_store import has_artifacts
from workbench.tracking.protocol import (
    SAFE,
    Recorded,
    RecordingJob,
    ResultSet,
    not_recorded_error,
)
from workbench.tracking.registry import linked_prompts
from workbench.tracking.row_trace import FORMAT
from workbench.tracking.run_data import evaluators_tag, pinned_experiment
from workbench.tracking.tracking_store import TrackingStore

ROWS, ANSWERS, DERIVED = (f"workbench.{name}" for name in ("rows", "answers", "derived"))
FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"
NOTE = "workbench.note"  # of the user, on the parent run
OVERVIEW_FORMAT = 1  # a higher number describes recorded invocations again
MARK = "✗ "  # before the name of a run that lacks answers


def answers_tag(result: VariantResult) -> str:
    """The answers of a result, to be compared with those of later ones."""
    return f"{result.answers.scored} {result.scored_digest[:32]}"


def scored_count(run: Run) -> int:
    """The number of scored answers that a run has shown once."""
    if ANSWERS in run.data.tags:
        return int(run.data.tags[ANSWERS].split()[0])
    if run.data.tags.get(ROWS, "-") == "-":
        return 0
    metrics = run.data.metrics  # of an older version's run
    count = metrics.get("answers/scored", metrics.get("rows/scored", 0.0))
    return 0 if math.isnan(count) else int(count)


def loses_answers(run: Run, result: VariantResult, rows_digest: str) -> bool:
    """True if a result lacks scored answers that the run holds, or has others in their place."""
    scored, tags = scored_count(run), run.data.tags
    gained = result.answers.scored > scored
    same = tags.get(ROWS) == rows_digest or tags.get(ANSWERS) == answers_tag(result)
    return scored > 0 and not gained and not same


@dataclass(frozen=True)
class EndState:
    """The tags and the status of a run in which everything is recorded."""

    tags: Mapping[str, str]
    status: str

    def matches(self, run: Run) -> bool:
        """True if the run holds all that would be written, and nobody deleted its files."""
        tagged = all(run.data.tags.get(name) == value for name, value in self.tags.items())
        return tagged and has_artifacts(run.info.artifact_uri)

    def is_reached(self, run: Run) -> bool:
        """True if the run holds everything and has ended so."""
        return self.matches(run) and bool(run.info.status == self.status)


def end_states(
    job: RecordingJob, results: ResultSet, prices: Mapping[str, Price], currency: str
) -> list[EndState]:
    """The end state of each variant's run, then that of the parent."""
    max_failed = job.plan.experiment.max_failed
    states: list[EndState] = []
    for result, rows in zip(results.variants, results.digests, strict=True):
        derived = _derived_digest(job, result, prices.get(result.variant.model.model.ref))
        tags = {ROWS: rows, ANSWERS: answers_tag(result), DERIVED: derived}
        tags |= linked_prompts(result.variant.prompt)
        states.append(EndState(tags, _end_status(result.failures, max_failed)))
    derived = digest([OVERVIEW_FORMAT, currency, *(state.tags[DERIVED] for state in states)])[:32]
    failures = sum(result.failures for result in results.variants)
    tags = {DERIVED: derived} | ({NOTE: job.plan.note} if job.plan.note else {})
    return [*states, EndState(tags, _end_status(failures, max_failed))]


def _derived_digest(job: RecordingJob, result: VariantResult, price: Price | None) -> str:
    """Digest of what a variant's run shows, beside its answers."""
    derived = [
        FORMAT,
        variant_json(result),
        dict(result.variant.model.provider.facts),
        pinned_experiment(job.plan),
        evaluators_tag(job.plan),
        min(job.traces, job.rows),
        price.model_dump(exclude_none=True) if price else None,
        *([] if job.figures is None else [list(job.figures)]),
    ]
    return sha256(json.dumps(derived, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _end_status(failures: int, max_failed: int) -> str:
    """The status of a run with so many missing answers and evaluator errors."""
    return FAILED if failures > max_failed else FINISHED


def end_run(store: TrackingStore, run: Run, status: str, name: str = "") -> None:
    """Set a run's status and its name, by default the present one; mark it unless finished."""
    plain = name or plain_name(run)
    name = plain if status == FINISHED else MARK + plain
    store.client.set_terminated(run.info.run_id, status)
    if name != run.info.run_name:
        store.client.update_run(run.info.run_id, name=name)


def plain_name(run: Run) -> str:
    """The name of a run without the mark."""
    return str(run.info.run_name).removeprefix(MARK)


def failed_record(
    uri: str, counts: tuple[int, int], error: Exception, job: RecordingJob | None
) -> Recorded:
    """The record that an error ended; `counts`: the rows that are missing, and all rows."""
    uri, (missing, total) = mask_url(uri), counts
    message = f"{missing:,} of {total:,} rows are not recorded in MLflow"
    if isinstance(error, WorkbenchError):
        error.exit_code = ExitCode.NOT_RECORDED
        return Recorded(uri, problems=(error, not_recorded_error(message, where=uri)))
    expected = isinstance(error, MlflowException | SQLAlchemyError | OSError)
    kind = "" if expected else f"{type(error).__name__}: "
    message = f"{message}: {kind}{error}"[:500]
    name = job.plan.experiment.name if job else ""
    fix = "; ".join(filter(None, (edit_fix(error, name), SAFE)))
    return Recorded(uri, problems=(not_recorded_error(message, where=uri, fix=fix),))
