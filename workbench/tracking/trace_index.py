"""Traces of recorded answers, noted beside the store: other commands link them without MLflow.

    .workbench/traces.db
        traces   store "", variant 5f0c…, answer 9f86…, experiment "1", trace "tr-91ab…"

An answer is known by its request, its text and its row, so a trace that shows another text is not
linked. The file may get lost: then answers have no link until they are recorded again.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from workbench.canonical import digest
from workbench.comparing.trace_links import TraceLinks
from workbench.plan import Variant
from workbench.project import NO_TRACKING, Project
from workbench.results.types import Row
from workbench.secrets import mask_url
from workbench.store.read_only import connect_read_only
from workbench.tracking.ui_address import mlflow_address

FILE = "traces.db"
SQLITE = "sqlite:///"
BUSY_S = 5.0  # for another process's commit
CREATE = """
CREATE TABLE IF NOT EXISTS traces (
    store TEXT, variant BLOB, answer BLOB, experiment TEXT, trace TEXT,
    PRIMARY KEY (store, variant, answer)
) WITHOUT ROWID
"""
READ = "SELECT answer, experiment, trace FROM traces WHERE store = ? AND variant = ?"
REMOVE = "DELETE FROM traces WHERE store = ? AND trace IN (SELECT value FROM json_each(?))"
# Of MLflow's own table
STORED = "SELECT request_id FROM trace_info WHERE request_id IN (SELECT value FROM json_each(?))"


class TraceIndex(TraceLinks):
    """The traces of a project's answers in one tracking store."""

    def __init__(self, project: Project, tracking_uri: str = "") -> None:
        self._project = project
        self._uri = project.tracking_uri(tracking_uri)
        is_default = self._uri == f"{SQLITE}{project.store / 'mlflow.db'}"  # it may be moved
        self._store = "" if is_default else digest(mask_url(self._uri))[:16]
        self._file = project.store / FILE
        self._version: tuple[int, int] | None = None  # of the file that was read
        self._traces: dict[bytes, Mapping[bytes, str]] = {}  # by variant and answer

    def find(self, variant: Variant, row: Row) -> str:
        """See `TraceLinks`."""
        if self._uri == NO_TRACKING or row.completion is None:
            return ""
        key, version = variant_hash(variant), self._file_version()
        if version != self._version:
            self._traces, self._version = {}, version
        traces = self._traces.get(key)
        if traces is None:
            traces = self._traces[key] = self._read(key)
        return traces.get(answer_hash(row), "") if traces else ""

    def address(self) -> str:
        """See `TraceLinks`."""
        return mlflow_address(self._project, self._uri)

    def add(self, variant: Variant, experiment_id: str, traces: Mapping[bytes, str]) -> None:
        """Note the trace of each answer of a variant, by `answer_hash`."""
        rows = [
            (self._store, variant_hash(variant), answer, experiment_id, trace)
            for answer, trace in traces.items()
        ]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO traces VALUES (?, ?, ?, ?, ?)", rows)

    def remove(self, traces: Collection[str]) -> None:
        """Forget traces that were deleted."""
        if traces:
            with self._writing() as connection:
                connection.execute(REMOVE, (self._store, json.dumps(list(traces))))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction. Where the file can't be written, answers have no link."""
        with suppress(sqlite3.Error, OSError):
            self._file.touch(0o600)
            with closing(sqlite3.connect(self._file, timeout=BUSY_S)) as connection, connection:
                connection.execute("PRAGMA synchronous=OFF")
                connection.execute(CREATE)
                yield connection

    def _file_version(self) -> tuple[int, int] | None:
        with suppress(OSError):
            status = self._file.stat()
            return status.st_mtime_ns, status.st_ino
        return None

    def _read(self, variant: bytes) -> dict[bytes, str]:
        """The traces of a variant's answers that its tracking store has."""
        if self._version is None:
            return {}
        with suppress(sqlite3.Error, OSError):
            with closing(connect_read_only(self._file, BUSY_S)) as connection:
                rows = connection.execute(READ, (self._store, variant)).fetchall()
            stored = self._stored([trace for *_, trace in rows])
            return {
                answer: f"{experiment}/{trace}"
                for answer, experiment, trace in rows
                if trace in stored
            }
        return {}

    def _stored(self, traces: Collection[str]) -> Collection[str]:
        """Those of the traces that an SQLite file holds; all of them in another kind of store."""
        if not self._uri.startswith(SQLITE):
            return traces
        file = Path(self._uri.removeprefix(SQLITE))
        if not file.exists():
            return ()
        with suppress(sqlite3.Error), closing(connect_read_only(file, BUSY_S)) as connection:
            rows = connection.execute(STORED, (json.dumps(list(traces)),))
            return {trace for (trace,) in rows}
        return traces  # it is locked, or of another version


def variant_hash(variant: Variant) -> bytes:
    """Hash of a variant's prompt and model; the request has its parameters."""
    return _hash(variant.prompt.digest, variant.model.model.ref)


def answer_hash(row: Row) -> bytes:
    """Hash of a row with its answer, or with the reason why there is none."""
    cell, completion = row.cell, row.completion
    text = completion and (completion.text or completion.error)
    return _hash(cell.key, cell.example.id, cell.repeat, text)


def _hash(*parts: object) -> bytes:
    text = "\x1f".join(map(str, parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
