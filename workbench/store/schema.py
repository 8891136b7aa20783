"""The tables of a store.

completions, scores   results; each row has a checksum over its texts. Completions stand in the
                      order of arrival, so that a commit fills pages: in a tree of keys, each row
                      would take a page to itself, because a row has a kilobyte or more
totals                number of rows of these tables and the sum of their checksums, maintained by
                      triggers: a row that vanished from an otherwise valid file is detected
store                 id of the store, number of synced commits
owners, intents       live processes and the requests that they have leased
calls                 calls that returned no completion
no_replies            requests that got no reply the last time they were sent; with checksums
ratings               of answers, by people; with checksums. Their totals have no triggers, because
                      the SQL of all tables must fit the first page, which a repair replaces: the
                      statements that change ratings also count them

Format 4 is the base. Each later change of the format upgrades its predecessor in `create_tables`,
with a test on a store that the commit before it wrote. Other formats are refused.

    4 -> 5   the table no_replies. New tables come last, so that the others keep their root pages
             and a repair can use the first page of a new store
    5 -> 6   the state of empty answers (upgrade.py)
    6 -> 7   the table ratings
"""

import sqlite3
from pathlib import Path

from workbench.errors import ExitCode, WorkbenchError
from workbench.store.upgrade import upgrade_rows

VERSION = 7
OLDEST = 4  # of the formats that are upgraded
CHECKED = ("completions", "scores", "no_replies")  # tables with checksums, and triggers of totals
SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    completion TEXT NOT NULL, request TEXT NOT NULL, sum INTEGER NOT NULL, model TEXT NOT NULL,
    size INTEGER NOT NULL, input_tokens INTEGER, output_tokens INTEGER, latency_s REAL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);
CREATE INDEX IF NOT EXISTS history
    ON completions (model, size, input_tokens, output_tokens, latency_s, key);
CREATE TABLE IF NOT EXISTS scores (
    key TEXT PRIMARY KEY, evaluator TEXT NOT NULL, score TEXT NOT NULL, sum INTEGER NOT NULL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    id TEXT PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, plan TEXT NOT NULL,
    begun_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, model TEXT NOT NULL, cost REAL,
    sent INTEGER NOT NULL, noted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, model TEXT NOT NULL, outcome TEXT NOT NULL,
    reason TEXT NOT NULL, cost REAL, noted_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_by_key ON calls (key);
CREATE TABLE IF NOT EXISTS store (id TEXT PRIMARY KEY, commits INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO store SELECT lower(hex(randomblob(8))), 0 WHERE NOT EXISTS (SELECT 1 FROM store);
CREATE TABLE IF NOT EXISTS totals (
    name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sums INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS no_replies (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, reason TEXT NOT NULL,
    noted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), sum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ratings (
    key TEXT, number INTEGER, answer TEXT, person TEXT, name TEXT, value TEXT, comment TEXT,
    rated_at TEXT, sum INTEGER, PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""
COUNT_RATINGS = """
INSERT OR REPLACE INTO totals SELECT 'ratings', count(*), coalesce(sum(sum), 0) FROM ratings
"""
TOTALS = """
INSERT OR IGNORE INTO totals SELECT '{table}', count(*), coalesce(sum(sum), 0) FROM {table};
CREATE TRIGGER IF NOT EXISTS {table}_more AFTER INSERT ON {table} BEGIN \
UPDATE totals SET rows = rows + 1, sums = sums + NEW.sum WHERE name = '{table}'; END;
CREATE TRIGGER IF NOT EXISTS {table}_other AFTER UPDATE OF sum ON {table} BEGIN \
UPDATE totals SET sums = sums - OLD.sum + NEW.sum WHERE name = '{table}'; END;
CREATE TRIGGER IF NOT EXISTS {table}_less AFTER DELETE ON {table} BEGIN \
UPDATE totals SET rows = rows - 1, sums = sums - OLD.sum WHERE name = '{table}'; END;
"""


def format_of(connection: sqlite3.Connection) -> int:
    """Return the format number of a store; 0 if the file is empty."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def create_tables(connection: sqlite3.Connection) -> None:
    """Create all tables that are missing in one transaction, and so upgrade an older format.

    Args:
        connection: in autocommit mode, with the SQL function `crc`.
    """
    number = format_of(connection)
    if number == VERSION:
        return
    totals = "".join(TOTALS.format(table=table) for table in CHECKED)
    with connection:  # commits; an error rolls back
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {totals} {COUNT_RATINGS};")
        if 0 < number < 6:
            upgrade_rows(connection)
        connection.execute(f"PRAGMA user_version={VERSION}")


def format_error(path: Path, number: int) -> WorkbenchError:
    """The error that refuses a store of an older format (exit code 5) or a later one (2)."""
    fix = "use the version of Workbench that wrote it, or move the file away"
    if number < OLDEST:
        fix += ": a new store is created, and every completion must be paid for again"
    return WorkbenchError(
        f"the store has format {number}, this version reads {VERSION}",
        where=str(path),
        fix=fix,
        exit_code=ExitCode.STORAGE if number < OLDEST else ExitCode.USER,
    )
