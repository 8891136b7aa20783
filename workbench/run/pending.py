"""Notes of invocations that MLflow does not hold yet, for `workbench sync`.

.workbench/unrecorded/<first 16 digits of the plan digest>[-<tracking store>].json
    {"experiment": "prompts/qa/experiment.yaml", "noted_at": "2026-11-23T17:52:04+00:00",
     "plan": "9c1e…", "scope": {"limit": 20}, "tracking_uri": ""}

A note is written before recording begins and removed when everything was read back from MLflow, so
that a kill, a dead server or a full disk leaves it behind.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from workbench.canonical import JSON, digest
from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Plan
from workbench.project import Project
from workbench.project.disk_sync import sync
from workbench.secrets import Redactor, mask_url
from workbench.tracking.protocol import Recorded

MAX_PROBLEM = 300  # characters


@dataclass(frozen=True)
class PendingInvocation:
    """An invocation that MLflow does not hold.

    Attributes:
        plan: its digest.
        experiment: its file, relative to the project where it is inside.
        tracking_uri: from the command line, credentials replaced by `***`; empty: the project's.
        note: of the user, for the record.
        problem: why the record failed; empty: it was cut off, or goes on.
    """

    plan: str
    experiment: str
    scope: Mapping[str, JSON]
    noted_at: str
    tracking_uri: str = ""
    problem: str = ""
    note: str = ""


def note(project: Project, plan: Plan, tracking_uri: str) -> None:
    """Write a note that survives a loss of power once this returns.

    Nothing is noted where tracking is turned off.

    Raises:
        WorkbenchError: it can't be written (exit code 5).
    """
    if not project.tracks(tracking_uri):
        return
    path = plan.experiment.path
    if not (project.root / path).is_file():  # outside the project: relative to the current folder
        path = str(Path(path).resolve())
    pending = PendingInvocation(
        plan.digest,
        path,
        dict(plan.scope),
        datetime.now(UTC).isoformat(timespec="seconds"),
        mask_url(tracking_uri),
        note=plan.note,
    )
    _write(_file(project, plan.digest, tracking_uri), pending)


def _write(file: Path, pending: PendingInvocation) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as out:  # noqa: PTH123  sets the file's mode
            json.dump(asdict(pending), out, sort_keys=True)
            out.flush()
            os.fsync(handle)
        temporary.replace(file)
        sync(file.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise WorkbenchError(
            f"can't be written: {error.strerror}",
            where=str(file),
            fix="free some space, or make the folder writable; the answers are safe",
            exit_code=ExitCode.STORAGE,
        ) from error


def finish_note(
    project: Project, plan_digest: str, tracking_uri: str, redactor: Redactor, recorded: Recorded
) -> None:
    """Remove the note of a recorded invocation; else write the problem into it."""
    file = _file(project, plan_digest, tracking_uri)
    if not recorded.problems:
        forget(project, plan_digest, tracking_uri)
    elif pending := _read(file):
        problem = redactor.redact(recorded.problems[0].message)[:MAX_PROBLEM]
        with suppress(WorkbenchError):  # a full disk: the note stays as it is
            _write(file, replace(pending, problem=problem))


def forget(project: Project, plan_digest: str, tracking_uri: str) -> None:
    """Remove the note of an invocation and a tracking store, if there is one."""
    with suppress(OSError):  # `workbench sync` finds a left-over note to be in step
        _file(project, plan_digest, tracking_uri).unlink(missing_ok=True)


def pending_invocations(project: Project) -> list[PendingInvocation]:
    """Return all notes, the oldest first; unreadable files were never complete and are skipped."""
    files = (project.store / "unrecorded").glob("*.json")
    notes = [pending for file in files if (pending := _read(file))]
    return sorted(notes, key=lambda note: (note.noted_at, note.plan))


def _read(file: Path) -> PendingInvocation | None:
    """The note; None if it is missing or was never complete."""
    with suppress(OSError, ValueError, TypeError):
        return PendingInvocation(**json.loads(file.read_text(encoding="utf-8")))
    return None


def _file(project: Project, plan_digest: str, tracking_uri: str) -> Path:
    suffix = f"-{digest(mask_url(tracking_uri))[:8]}" if tracking_uri else ""
    return project.store / "unrecorded" / f"{plan_digest[:16]}{suffix}.json"
