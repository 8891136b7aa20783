"""Rows of a damaged store, as far as SQL and SQLite's own recovery can read them.

    ("completions", ("0a3e…", "ok", "{…}", "{…}", 1234567, "2025-11-23T18:05:00.000Z"))

SQL is asked for ranges of rows, and within an unreadable range for each row, so an unreadable page
costs its own rows only. The `.recover` command of the `sqlite3` shell also reads pages that SQL
does not reach, as those below a damaged page (https://www.sqlite.org/recovery.html). Python's
SQLite has no such function, and neither has the shell of some Linux distributions.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from workbench.store.access import OWNER_COLUMNS
from workbench.store.leases import CALL_COLUMNS
from workbench.store.ratings import TEXTS as RATING_TEXTS
from workbench.store.schema import create_tables

Row = Sequence[Any]
COLUMNS = {
    "completions": "key, state, completion, request, sum, kept_at",
    "scores": "key, evaluator, score, sum, kept_at",
    "calls": CALL_COLUMNS,
    "owners": OWNER_COLUMNS,
    "no_replies": "key, model, reason, noted_at, sum",
    "intents": "key, owner, model, cost, sent, noted_at",
    "ratings": f"key, number, {RATING_TEXTS.removeprefix('key, ')}, sum",
}
READ_INDEX = "SELECT key, number FROM completions INDEXED BY sqlite_autoindex_completions_1"
PAGE_SIZE = 4096  # SQLite's default
ROWS_PER_READ = 500
LARGEST_NUMBER = 2**26  # of a row; a larger one is damaged
NUMBER_RANGE = "WHERE number BETWEEN ?1 AND ?2 ORDER BY number"
KEY_RANGE = " WHERE key BETWEEN printf('%03x', ?1) AND printf('%03xg', ?2) ORDER BY key"
SHELL_TIMEOUT_S = 600.0  # of both shells together
RUN = """
import os, sys
from workbench.workers.parent_pipe import die_with
die_with(int(sys.argv[1]))
os.execv(sys.argv[2], sys.argv[2:])
"""


def read_file(file: Path) -> Iterator[tuple[str, Row]]:
    """Yield the rows that SQL reads with their table; `index` for a completion's key in the index.

    The file may be changed: it must be a copy.
    """
    with closing(_connect(file)) as connection:
        index = list(_read_by_key(connection, READ_INDEX))
        numbers = [number for _, number in index if isinstance(number, int)]
        yield from (("index", row) for row in index)
        for row in _read_by_number(connection, "completions", numbers):
            yield "completions", row
        for table in ("scores", "no_replies", "ratings"):
            for row in _read_by_key(connection, f"SELECT {COLUMNS[table]} FROM {table}"):
                yield table, row
        for row in _read_by_number(connection, "calls", []):
            yield "calls", row
        for table in ("owners", "intents"):
            rows, _ = _fetch(connection, f"SELECT {COLUMNS[table]} FROM {table}")
            yield from ((table, row) for row in rows)


def read_orphans(file: Path) -> Iterator[tuple[str, Row]]:
    """Yield rows from pages that `.recover` could not assign to a table.

    A row of a numbered table has its number in `id` and NULL in its first column. An entry of an
    index has no `id`; those of the index `history` end with a completion's key and number.
    """
    with closing(_connect(file)) as connection:
        rows, _ = _fetch(connection, "SELECT nfield, id, * FROM lost_and_found")
        for count, number, _, _, _, _, *columns in rows:
            if number is not None and count == 12:
                yield "completions", (*columns[1:6], columns[11])
            elif number is not None and count == 7:
                yield "calls", columns[1:7]
            elif number is None and count == 9:
                yield "ratings", columns[:9]
            elif number is None and count == 7:
                yield "index", columns[5:7]
            elif number is None and count == 5:
                # A score has its checksum where a note of a failure has its time.
                yield "scores" if isinstance(columns[3], int) else "no_replies", columns[:5]


def run_recover(file: Path, recovered: Path) -> bool:
    """Run `sqlite3 file .recover` into a new database; return False without such a shell.

    A damaged file can keep SQLite busy for ever, so the two shells have a time limit, and end with
    this process.
    """
    shell = shutil.which("sqlite3")
    if shell is None:
        return False
    recovered.unlink(missing_ok=True)
    command = [sys.executable, "-Pc", RUN, str(os.getpid()), shell, "-batch", "-init", os.devnull]
    dump = subprocess.Popen(
        [*command, str(file), ".recover"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with dump, suppress(subprocess.TimeoutExpired):
        assert dump.stdout
        load = subprocess.Popen(
            [*command, str(recovered)],
            stdin=dump.stdout,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        dump.stdout.close()  # if the second shell ends early, the first must end, too
        deadline = time.monotonic() + SHELL_TIMEOUT_S
        try:
            for process in (load, dump):
                process.wait(max(0.0, deadline - time.monotonic()))
        finally:
            for process in (load, dump):
                process.kill()
                process.wait()
    return dump.returncode == 0 <= load.returncode  # 1: it couldn't insert every row


def with_readable_schema(file: Path) -> Iterator[Path]:
    """Yield the file as it is; if its schema is damaged, also with the first page of new stores.

    The first page holds the header of the file and the root pages of the tables. They are the
    same in every store, except that `VACUUM` orders them in another way.
    """
    yield file
    templates = [_new_store(file.with_name(f"new-{n}.db"), vacuum=bool(n)) for n in range(2)]
    if _read_schema(file) in [_read_schema(template) for template in templates]:
        return
    for template in templates:
        page = template.read_bytes()[:PAGE_SIZE]
        with file.open("r+b") as damaged:
            # With zeros at byte 92, SQLite takes the number of pages from the file's size.
            damaged.write(page[:92] + bytes(4) + page[96:])
        yield file


def _new_store(file: Path, *, vacuum: bool) -> Path:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        create_tables(connection)
        if vacuum:
            connection.execute("VACUUM")
    return file


def _read_schema(file: Path) -> tuple[list[Row], bool]:
    with closing(_connect(file)) as connection:
        return _fetch(connection, "SELECT name, rootpage, sql FROM sqlite_schema ORDER BY name")


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.execute("PRAGMA writable_schema = ON")  # then a file that was cut is not refused
    return connection


def _fetch(connection: sqlite3.Connection, query: str, values: Row = ()) -> tuple[list[Row], bool]:
    """Return the rows of a query up to the first unreadable page, and True if there is none."""
    rows: list[Row] = []
    try:
        rows.extend(connection.execute(query, values))
    except (sqlite3.Error, MemoryError):
        return rows, False
    return rows, True


def _read_by_number(
    connection: sqlite3.Connection, table: str, numbers: Sequence[int]
) -> Iterator[Row]:
    """Yield the readable rows of a table with numbers; `numbers` are those that an index names."""
    listed = f"SELECT number FROM {table} NOT INDEXED ORDER BY number"
    for query in (listed, f"{listed} DESC"):
        numbers = [*numbers, *(number for (number,) in _fetch(connection, query)[0])]
    last = max((number for number in numbers if number <= LARGEST_NUMBER), default=0)
    query = f"SELECT {COLUMNS[table]} FROM {table} NOT INDEXED {NUMBER_RANGE}"
    for start in range(1, last + 1, ROWS_PER_READ):
        yield from _read_range(connection, query, start, start + ROWS_PER_READ - 1)


def _read_by_key(connection: sqlite3.Connection, query: str) -> Iterator[Row]:
    """Yield the readable rows of a table or index of keys."""
    query += KEY_RANGE
    if _fetch(connection, f"EXPLAIN {query}", (0, 0))[1]:  # there is such a table
        for start in range(0, 0x1000, 0x10):
            yield from _read_range(connection, query, start, start + 0xF)


def _read_range(connection: sqlite3.Connection, query: str, first: int, last: int) -> Iterator[Row]:
    """Yield the readable rows of a range, which is halved until it has no unreadable page."""
    rows, complete = _fetch(connection, query, (first, last))
    if complete:
        yield from rows
    elif first < last:
        middle = (first + last) // 2
        yield from _read_range(connection, query, first, middle)
        yield from _read_range(connection, query, middle + 1, last)
    else:
        yield from rows
        yield from _fetch(connection, f"{query} DESC", (first, last))[0]
