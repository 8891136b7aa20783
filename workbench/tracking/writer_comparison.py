"""Comparison of the two trace writers on an empty copy of a store, kept for the next time.

The same sample rows are written by MLflow's client and by the bulk writer. If a table differs
then, this version of MLflow writes something that the bulk writer doesn't know:

    {"3.18.0 1f0c…": "", "3.19.0 77ab…": "table spans differs"}    trace_writers.json in the cache
"""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from sqlalchemy.exc import SQLAlchemyError

from workbench.canonical import JSON
from workbench.catalog.cache import add_to_json, cache_dir, read_json
from workbench.dataset import Example
from workbench.evaluator import Score
from workbench.model import Completion, Request, Usage
from workbench.plan import Cell, Variant
from workbench.project import Price, Project
from workbench.results.types import Row
from workbench.tracking.bulk import BulkTraceWriter
from workbench.tracking.client_writer import ClientTraceWriter, expected_count
from workbench.tracking.mlflow_client import first_line, silence
from workbench.tracking.row_trace import RowTrace, TraceRun
from workbench.tracking.store_file import SQLITE
from workbench.tracking.trace_index import TraceIndex
from workbench.tracking.tracking_store import TrackingStore

WRITER_FILES = ("bulk.py", "client_writer.py", "row_trace.py", "trace_tables.py")
START_MS = 1_790_000_000_000
# They differ from one writing to the next.
RANDOM_COLUMNS = {"association_id", "created_time"}

_differences: dict[tuple[Path, str], str] = {}  # by cache file and key

CHAT = Request.from_body(
    "k1", {"model": "m", "messages": [{"role": "user", "content": "naïve “{}” \\ ☃?"}]}
)
TEXT = Request.from_body("k2", {"model": "m", "prompt": "go on:"})
ANSWERED = Completion(
    *("k1", "ok", "yes ☃"),
    latency_s=0.2,
    usage=Usage(12, 3),
    finish_reason="stop",
    reasoning="Snow.",
)
CHOSEN = Completion(
    *("k2", "ok", "x" * 1200, "It is"),
    choice_scores={" yes": -0.25, " no": float("-inf")},
    choice_tokens={" yes": 1, " no": 2},
    usage=Usage(12, 3, cached_tokens=8),
    tool_calls=({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},),
    attempts=2,
)
SCORES = {
    "right": Score(True, "a label", "parsed"),
    "wrong": Score(False),
    "number": Score(0.25, "near"),
    "category": Score("yes"),
    "nothing": Score(None, "does not apply"),
    "broken": Score(error="it broke: ü"),
}
# Each kind of row: request, completion, scores, expectations.
SAMPLES: Mapping[str, tuple[Request, Completion, Mapping[str, Score], Mapping[str, JSON]]] = {
    "every score": (CHAT, ANSWERED, SCORES, {"expected_response": "yes"}),
    "any expectation": (CHAT, ANSWERED, {}, {"n": 3, "list": [1, "a"], "map": {"ü": None}}),
    "plain text": (TEXT, CHOSEN, {"right": Score(True)}, {}),
    "cut off": (CHAT, Completion("k1", "truncated", "ye", usage=Usage(5)), SCORES, {}),
    "failed": (CHAT, Completion("k1", "failed", error="400: no"), {}, {"expected_response": "y"}),
    "no usage": (CHAT, replace(ANSWERED, usage=Usage(), latency_s=None), SCORES, {}),
}


def writer_difference(file: Path, variant: Variant) -> str:
    """The difference between what the two writers leave in an SQLite store; empty if none.

    It is read from the cache if the writers were compared before, with this MLflow and tables of
    this shape.

    Args:
        file: the store; it is only read.
        variant: any; its model's name is in the sample rows.
    """
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            schema = _schema(connection)
    except sqlite3.Error as error:
        return first_line(error)
    cache_file, key = cache_dir() / "trace_writers.json", _key(schema)
    if (cache_file, key) not in _differences:
        difference = read_json(cache_file).get(key)
        try:
            if difference is None:
                difference = compare_writers(schema, variant)
                add_to_json(cache_file, key, difference)
        except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
            difference = first_line(error)  # of a full disk, say: the next process compares again
        _differences[cache_file, key] = difference
    return _differences[cache_file, key]


def compare_writers(schema: str, variant: Variant) -> str:
    """Write the sample rows by both writers into new stores of this schema.

    Args:
        schema: SQL that creates the tables.
        variant: any; its model's name is in the rows.

    Returns:
        The first difference; empty if there is none.

    Raises:
        MlflowException, SQLAlchemyError, sqlite3.Error, OSError: they can't be compared.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("client.db", "bulk.db")]
        try:
            _create_store(files[0], schema)
            run = _create_run(files[0], variant)
            shutil.copyfile(*files)
            writers = [
                ClientTraceWriter(_store(files[0]), run),
                BulkTraceWriter(_store(files[1]), run),
            ]
            return _first_difference(run, files, writers)
        finally:
            silence()
            for file in files:
                TracingClient(f"{SQLITE}{file}").store.engine.dispose()


def sample_rows(
    run: TraceRun, scores: Mapping[str, Score] | None = None, repeat: int = 0
) -> list[RowTrace]:
    """A row of every kind; `scores` replace those of each row."""
    rows: list[RowTrace] = []
    for number, (kind, sample) in enumerate(SAMPLES.items()):
        request, completion, sample_scores, expectations = sample
        cell = Cell(Example(kind, {"text": f"{kind} ü"}, expectations), repeat, request.key)
        row = Row(cell, completion, sample_scores if scores is None else scores)
        rows.append(RowTrace(run, row, request, f"{kind} {repeat}", START_MS - number))
    return rows


def read_tables(file: Path) -> dict[str, list[str]]:
    """Every row of every table of a store as JSON, without random ids and times of writing."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [str(row["name"]) for row in connection.execute(query)]
        return {name: _table_rows(connection, name) for name in names}


def _first_difference(run: TraceRun, files: list[Path], writers: list[ClientTraceWriter]) -> str:
    other_scores = {"right": Score(False), "number": Score(1.0)}
    steps = (
        sample_rows(run),
        sample_rows(run, other_scores),  # over the stored ones
        sample_rows(replace(run, price=None), repeat=1),
    )
    for traces in steps:
        for writer in writers:
            writer.write(traces)
            if writer.count(traces) != expected_count(traces):
                return f"{type(writer).__name__} loses rows"
        first, second = map(read_tables, files)
        for table in first:
            if first[table] != second.get(table):
                return f"table {table} differs"
    return ""


def _table_rows(connection: sqlite3.Connection, table: str) -> list[str]:
    rows = [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]  # noqa: S608
    return sorted(
        json.dumps({k: v for k, v in row.items() if k not in RANDOM_COLUMNS}, default=repr)
        for row in rows
    )


def _schema(connection: sqlite3.Connection) -> str:
    """The SQL that creates a store's empty tables, and the version of its schema."""
    query = (
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
        "ORDER BY type = 'table' DESC, name"
    )
    statements = [str(sql) for (sql,) in connection.execute(query)]
    for (revision,) in connection.execute("SELECT version_num FROM alembic_version"):
        statements.append(f"INSERT INTO alembic_version VALUES ('{revision}')")  # noqa: S608
    return ";\n".join(statements)


def _key(schema: str) -> str:
    """MLflow's version, and a digest of the tables and the writers: they decide the difference."""
    folder = Path(__file__).parent
    writers = [folder.joinpath(name).read_bytes() for name in WRITER_FILES]
    return f"{mlflow.__version__} {sha256(b''.join([schema.encode(), *writers])).hexdigest()}"


def _create_store(file: Path, schema: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(schema)
        connection.commit()


def _create_run(file: Path, variant: Variant) -> TraceRun:
    """An empty run of a registered prompt, with a price."""
    client = _store(file).client
    experiment_id = client.create_experiment("comparison", file.parent.as_uri())
    run = client.create_run(experiment_id, START_MS, {}, run_name="sample")
    prompt = replace(variant.prompt, task="a", name="b", registry_prefix="", version=1)
    # Not MLflow's `register_prompt`, which goes on writing in a thread.
    client.create_prompt(prompt.registered_name)
    client.create_prompt_version(prompt.registered_name, "Say {{ text }}.")
    price = Price(input=0.15, output=0.6)
    return TraceRun(experiment_id, run.info.run_id, replace(variant, prompt=prompt), price)


def _store(file: Path) -> TrackingStore:
    uri = f"{SQLITE}{file}"
    traces = TraceIndex(Project(file.parent), uri)  # used by no writer
    return TrackingStore(uri, MlflowClient(uri, uri), None, file.with_suffix(".lock"), traces)
