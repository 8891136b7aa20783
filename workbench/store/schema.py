"""The tables of a store, and how those of earlier formats become them.

completions, scores   what is kept; each row has a checksum over all that it says. Completions
                      stand in the order they came, so that a commit fills pages: by key, each
                      would take a page of its own, as SQLite keeps no row of a kilobyte in its
                      tree of keys
totals                how many rows each of them has and the sum of their checksums, kept by
                      triggers: a row that vanished from a file that is whole otherwise is missed
store                 which store this is, and how often something durable was written to it
owners, intents       who is asking what now
calls                 what brought no answer
"""

import sqlite3
from contextlib import suppress

VERSION = 4
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
"""
COUNTED = """
INSERT OR IGNORE INTO totals SELECT '{table}', count(*), coalesce(sum(sum), 0) FROM {table};
CREATE TRIGGER IF NOT EXISTS {table}_more AFTER INSERT ON {table} BEGIN \
UPDATE totals SET rows = rows + 1, sums = sums + NEW.sum WHERE name = '{table}'; END;
CREATE TRIGGER IF NOT EXISTS {table}_other AFTER UPDATE OF sum ON {table} BEGIN \
UPDATE totals SET sums = sums - OLD.sum + NEW.sum WHERE name = '{table}'; END;
CREATE TRIGGER IF NOT EXISTS {table}_less AFTER DELETE ON {table} BEGIN \
UPDATE totals SET rows = rows - 1, sums = sums - OLD.sum WHERE name = '{table}'; END;
"""
FROM_1 = """
ALTER TABLE completions ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE completions ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN input_tokens INTEGER;
ALTER TABLE completions ADD COLUMN output_tokens INTEGER;
ALTER TABLE completions ADD COLUMN latency_s REAL;
UPDATE completions SET sum = crc(key, state, completion, request);
ALTER TABLE scores ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
UPDATE scores SET sum = crc(key, evaluator, score);
"""
# Until the fourth format a completion stood in the tree of keys.
ASIDE = """
DROP TRIGGER IF EXISTS completions_more;
DROP TRIGGER IF EXISTS completions_other;
DROP TRIGGER IF EXISTS completions_less;
DROP INDEX IF EXISTS history;
ALTER TABLE completions RENAME TO by_key;
"""
MOVED = """
INSERT INTO completions (key, state, completion, request, sum, model, size, input_tokens, \
output_tokens, latency_s, kept_at) SELECT key, state, completion, request, sum, model, size, \
input_tokens, output_tokens, latency_s, kept_at FROM by_key;
DROP TABLE by_key;
"""


def version_of(db: sqlite3.Connection) -> int:
    """The format of a store; 0: it is empty."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def make_tables(db: sqlite3.Connection) -> None:
    """Where there are none, or those of an earlier format; all in one step.

    Args:
        db: in autocommit mode, and knowing `crc`.
    """
    if version_of(db) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        found = version_of(db)  # another process may have been quicker
        for statement in _script(found).split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    if found not in (0, VERSION):
        with suppress(sqlite3.OperationalError):  # others are at work in it: it stays as large
            db.execute("VACUUM")


def _script(version: int) -> str:
    """What makes a store of this format one of ours."""
    counted = "".join(COUNTED.format(table=one) for one in ("completions", "scores"))
    if version in (0, VERSION):
        return SCHEMA + counted
    return (FROM_1 if version == 1 else "") + ASIDE + SCHEMA + MOVED + counted
