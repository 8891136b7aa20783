"""A store as earlier versions of Workbench made it."""

import sqlite3
from contextlib import closing
from pathlib import Path

FORMAT_3 = """
CREATE TABLE older (
    key TEXT PRIMARY KEY, state TEXT NOT NULL, completion TEXT NOT NULL, request TEXT NOT NULL,
    sum INTEGER NOT NULL, model TEXT NOT NULL, size INTEGER NOT NULL, input_tokens INTEGER,
    output_tokens INTEGER, latency_s REAL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
INSERT INTO older SELECT key, state, completion, request, sum, model, size, input_tokens,
    output_tokens, latency_s, kept_at FROM completions;
DROP TABLE completions;
ALTER TABLE older RENAME TO completions;
CREATE INDEX history ON completions (model, size, input_tokens, output_tokens, latency_s);
CREATE TRIGGER completions_more AFTER INSERT ON completions BEGIN
    UPDATE totals SET rows = rows + 1, sums = sums + NEW.sum WHERE name = 'completions'; END;
CREATE TRIGGER completions_other AFTER UPDATE OF sum ON completions BEGIN
    UPDATE totals SET sums = sums - OLD.sum + NEW.sum WHERE name = 'completions'; END;
CREATE TRIGGER completions_less AFTER DELETE ON completions BEGIN
    UPDATE totals SET rows = rows - 1, sums = sums - OLD.sum WHERE name = 'completions'; END;
PRAGMA user_version=3;
VACUUM;
"""


def make_format_3(folder: Path) -> Path:
    """Has a closed store, as it is made today, stand in the third format; gives its file."""
    file = folder / "store.db"
    with closing(sqlite3.connect(file)) as db:
        db.executescript(FORMAT_3)
    return file
