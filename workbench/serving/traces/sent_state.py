"""The sender's progress in an outbox: a small file that is replaced after each batch.

{"segment": 1, "offset": 8123, "number": 41, "written": 40, "refused": 1}

Without it, or with one that can't be read, everything that is left is sent again, which changes
nothing in MLflow.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workbench.serving.traces.segments import Position

STATE = "sent.json"


@dataclass(frozen=True, slots=True)
class SentState:
    """The sender's position, and its counts since the outbox exists."""

    position: Position = field(default_factory=Position)
    written: int = 0
    refused: int = 0


def read_state(folder: Path) -> SentState:
    """The state as it was written last."""
    try:
        values = json.loads((folder / STATE).read_bytes())
        numbers = {name: int(values.pop(name)) for name in ("segment", "offset", "number")}
        return SentState(Position(**numbers), int(values["written"]), int(values["refused"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return SentState()


def write_state(folder: Path, state: SentState) -> None:
    """Replace the state at once: a kill leaves the old one or the new one.

    Raises:
        OSError: the disk is full or can't be written to.
    """
    values = {**asdict(state.position), "written": state.written, "refused": state.refused}
    temporary = folder / f"{STATE}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(values).encode())
    temporary.replace(folder / STATE)
