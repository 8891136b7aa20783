"""Notes of invocations that MLflow does not hold yet, for `workbench sync`.

.workbench/unrecorded/<plan digest, 16 digits>[-<tracking store>].json
    {"experiment": "prompts/qa/experiment.yaml", "noted_at": "2026-11-23T17:52:04+00:00",
     "plan": "9c1e…", "scope": {"limit": 20}, "tracking_uri": ""}

Written right before recording begins, removed when everything was read back as recorded: so a
kill, a dead server and a full disk of MLflow's all leave one behind.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from workbench.canonical import JSON, digest
from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Project
from workbench.secrets import mask_url


class Planned(Protocol):
    """What a note takes from a plan."""

    @property
    def digest(self) -> str:
        """By which the invocation is known."""

    @property
    def scope(self) -> Mapping[str, JSON]:
        """`limit` and `only`."""

    @property
    def experiment(self) -> "Named":
        """The file it was made from."""


class Named(Protocol):
    """What a note takes from an experiment."""

    @property
    def path(self) -> str:
        """Of its file, as messages call it."""


@dataclass(frozen=True)
class Unrecorded:
    """One invocation.

    Attributes:
        plan: its digest.
        experiment: its file, relative to the project where it lies below it.
        tracking_uri: as the command line named it, `***` in place of what lets one in; empty: the
            project's own.
    """

    plan: str
    experiment: str
    scope: Mapping[str, JSON]
    noted_at: str
    tracking_uri: str = ""


def note(project: Project, plan: Planned, tracking_uri: str) -> None:
    """Keeps a note; when it returns it would outlive a loss of power.

    Raises:
        WorkbenchError: it can't be written (exit code 5).
    """
    named = mask_url(tracking_uri)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    path = plan.experiment.path
    if not (project.root / path).is_file():  # outside the project: as the current folder sees it
        path = str(Path(path).resolve())
    said = Unrecorded(plan.digest, path, dict(plan.scope), at, named)
    file = _file(project, plan.digest, tracking_uri)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8") as out:  # noqa: PTH123  the mode is ours
            json.dump(asdict(said), out, sort_keys=True)
            out.flush()
            os.fsync(handle)
        aside.replace(file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise WorkbenchError(
            f"can't be written: {error.strerror}",
            where=str(file),
            fix="free some space, or make the folder writable; the answers are safe",
            exit_code=ExitCode.STORAGE,
        ) from error


def forget(project: Project, plan_digest: str, tracking_uri: str) -> None:
    """Removes the note of an invocation and a tracking store, if there is one."""
    with suppress(OSError):  # one too many is found to be in step by the next sync
        _file(project, plan_digest, tracking_uri).unlink(missing_ok=True)


def unrecorded(project: Project) -> list[Unrecorded]:
    """Every note, the oldest first; one that can't be read is left out, as it was never whole."""
    found: list[Unrecorded] = []
    for file in _folder(project).glob("*.json"):
        with suppress(OSError, ValueError, TypeError):
            found.append(Unrecorded(**json.loads(file.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda one: (one.noted_at, one.plan))


def _folder(project: Project) -> Path:
    return project.store / "unrecorded"


def _file(project: Project, plan_digest: str, tracking_uri: str) -> Path:
    named = f"-{digest(mask_url(tracking_uri))[:8]}" if tracking_uri else ""
    return _folder(project) / f"{plan_digest[:16]}{named}.json"
