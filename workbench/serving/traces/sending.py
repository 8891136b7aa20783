"""Records of an outbox, sent in their order: batches, retries, and what MLflow refuses.

A batch that MLflow refuses is sent again record by record. A record that it refuses then, or at
which it fails five times while it is healthy, goes to refused.jsonl, and those behind it are sent:

    {"reason": "INVALID_PARAMETER_VALUE: …", "record": {"kind": "call", …}}
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Protocol

from workbench.canonical import JSON
from workbench.serving.traces.segments import (
    NO_LINKS,
    StoredRecord,
    read_records,
    segment_path,
    segments,
)
from workbench.serving.traces.sent_state import read_state, write_state
from workbench.serving.traces.served_records import decode_record

BATCH = 50  # records
BATCH_SIZE = 2 << 20  # bytes
POLL_S = 0.25  # between two looks for new records
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # between two attempts while MLflow fails
MOST_FAULTS = 5  # of MLflow at one record while it is healthy
REFUSED = "refused.jsonl"
MAX_REFUSED = 64 << 20  # bytes, after which only the reasons are kept
REASON_LENGTH = 500
QUIET_S = 60.0  # after a report of a refusal


class RefusedRecordError(Exception):
    """MLflow refuses a record for good; the message is its reason."""


class UnavailableError(Exception):
    """MLflow takes nothing from this sender now, and no record is to blame."""


class TraceStore(Protocol):
    """Takes records; see `MlflowTraces`."""

    def write_calls(self, records: Sequence[Mapping[str, JSON]]) -> None: ...  # noqa: D102
    def write_feedback(self, record: Mapping[str, JSON]) -> None: ...  # noqa: D102
    def is_healthy(self) -> bool: ...  # noqa: D102


class OutboxSender:
    """Sends the records of one folder.

    Args:
        folder: of the outbox.
        traces: where to.
        report: gets a message when sending fails, and when it works again.
        ending: set: end once all is sent.
    """

    def __init__(
        self,
        folder: Path,
        traces: TraceStore,
        report: Callable[[str], None],
        ending: threading.Event,
    ) -> None:
        self._folder = folder
        self._traces = traces
        self._report = report
        self._ending = ending
        self._state = read_state(folder)
        self._failing = False
        self._quiet_until_s = 0.0

    def run(self) -> None:
        """Send what is there and what comes, until `ending` is set and nothing is left."""
        while True:
            ends = self._ending.is_set()  # before the look: the server has written its last record
            for batch in _batches(read_records(self._folder, self._state.position)):
                self._send(batch)
                self._delete_sent()
            if ends:
                return
            self._ending.wait(POLL_S)

    def _send(self, batch: Sequence[StoredRecord]) -> None:
        """Send a batch, however long it takes, and remember that it is sent."""
        decoded = [(record, self._decode(record)) for record in batch]
        readable = [fields for _, fields in decoded if fields]
        try:
            self._write(readable)
        except Exception:  # at a record, or MLflow is gone
            for record, fields in decoded:
                self._send_single(record, fields)
        else:
            refused = len(batch) - len(readable)
            self._advance(batch[-1], written=len(readable), refused=refused)

    def _send_single(self, record: StoredRecord, fields: dict[str, JSON] | None) -> None:
        if fields is None:
            self._advance(record, refused=1)
            return
        faults, pause_s = 0, FIRST_PAUSE_S
        while True:
            try:
                self._write([fields])
            except Exception as error:
                if isinstance(error, UnavailableError) or not self._traces.is_healthy():
                    faults = 0
                else:
                    faults += 1
                    if isinstance(error, RefusedRecordError) or faults == MOST_FAULTS:
                        self._refuse(record.payload, error)
                        self._advance(record, refused=1)
                        return
                self._note_failure(error)
            else:
                self._advance(record, written=1)
                return
            threading.Event().wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _write(self, records: Sequence[Mapping[str, JSON]]) -> None:
        """Write records; a trace comes before its feedback, as in the outbox."""
        for kind, group in groupby(records, key=lambda record: record["kind"]):
            if kind == "call":
                self._traces.write_calls(list(group))
            else:
                for record in group:
                    self._traces.write_feedback(record)
        if records and self._failing:
            self._failing = False
            self._report("traces are sent to MLflow again")

    def _decode(self, record: StoredRecord) -> dict[str, JSON] | None:
        try:
            return decode_record(record.payload)
        except ValueError as error:
            self._refuse(record.payload, error)
            return None

    def _advance(self, last: StoredRecord, *, written: int = 0, refused: int = 0) -> None:
        before = self._state
        self._state = replace(
            before,
            position=last.end,
            written=before.written + written,
            refused=before.refused + refused,
        )
        try:
            write_state(self._folder, self._state)
        except OSError as error:  # sent again after a restart, which changes nothing
            self._note_failure(error)

    def _delete_sent(self) -> None:
        for segment in segments(self._folder):
            if segment >= read_state(self._folder).position.segment:
                return
            segment_path(self._folder, segment).unlink(missing_ok=True)

    def _refuse(self, payload: bytes, error: Exception) -> None:
        """Write a record to the refused ones; report that once a minute at most."""
        path = self._folder / REFUSED
        entry: dict[str, JSON] = {"reason": f"{type(error).__name__}: {error}"[:REASON_LENGTH]}
        try:
            if not path.exists() or path.stat().st_size < MAX_REFUSED:
                entry["record"] = _readable(payload)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_LINKS, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                file.write(f"{json.dumps(entry)}\n".encode())
        except OSError as full:
            self._note_failure(full)
        if time.monotonic() >= self._quiet_until_s:
            self._quiet_until_s = time.monotonic() + QUIET_S
            self._report(f"MLflow refuses a trace or feedback, see {path}: {entry['reason']}")

    def _note_failure(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            reason = str(error).strip().split("\n")[0][:REASON_LENGTH] or type(error).__name__
            self._report(f"traces wait for MLflow, which is tried again for ever: {reason}")


def _batches(records: Iterator[StoredRecord]) -> Iterator[list[StoredRecord]]:
    """Batches of records that are on the disk, in order."""
    batch: list[StoredRecord] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.payload)
        if len(batch) == BATCH or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _readable(payload: bytes) -> JSON:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
