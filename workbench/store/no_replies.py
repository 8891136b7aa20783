"""Notes of requests that were sent and got no reply: a row that failed is counted by every command.

    no_replies   key 0a3e…, model openai:gpt-6-luna, reason "HTTP 500: busy"

A run sends such a request again. The note goes when a completion is stored; a key has one or the
other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from workbench.model import Completion
from workbench.secrets import Redactor
from workbench.store.database import Database, checksum

MAX_REASON = 1_000  # characters
NOTE = """
INSERT INTO no_replies (key, model, reason, sum) SELECT ?1, ?2, ?3, ?4
WHERE NOT EXISTS (SELECT 1 FROM completions WHERE key = ?1)
ON CONFLICT (key) DO UPDATE SET
    model = excluded.model, reason = excluded.reason,
    noted_at = excluded.noted_at, sum = excluded.sum
"""
FORGET = "DELETE FROM no_replies WHERE key = ?"
READ = "SELECT key, model, reason, noted_at, sum FROM no_replies"
BY_MODEL = "SELECT model, count(*) FROM no_replies GROUP BY model ORDER BY model"


@dataclass(frozen=True)
class NoReply:
    """A request that got no reply the last time it was sent.

    Attributes:
        model: `provider:name`.
        noted_at: UTC, ISO 8601.
    """

    key: str
    model: str
    reason: str
    noted_at: str


class NoReplies:
    """The notes of one store."""

    def __init__(self, database: Database, redactor: Redactor) -> None:
        self._database = database
        self._redactor = redactor

    def record(self, failures: Iterable[tuple[str, str, str]]) -> None:
        """Note the key, model and reason of requests without a reply, and delete their leases."""
        rows = []
        for key, model, reason in failures:
            text = self._redactor.redact(reason)[:MAX_REASON].encode("utf-8", "replace").decode()
            rows.append((key, model, text, checksum(key, model, text)))
        if rows:
            keys = [(row[0],) for row in rows]
            self._database.write_unsynced(
                [(NOTE, rows), ("DELETE FROM intents WHERE key = ?", keys)]
            )

    def read(self, keys: Collection[str]) -> dict[str, NoReply]:
        """Return the notes of `keys`; keys without one are left out.

        Raises:
            WorkbenchError: a row does not match its checksum (exit code 5).
        """
        notes: dict[str, NoReply] = {}
        for key, model, reason, noted_at, total in self._database.read_keys(READ, keys):
            if checksum(key, model, reason) != total:
                problem = f"the row {key} does not match its checksum"
                raise self._database.storage_error("is damaged", problem)
            notes[key] = NoReply(key, model, reason, noted_at)
        return notes

    def completions(self, keys: Collection[str]) -> dict[str, Completion]:
        """Return a failed completion for each of `keys` that got no reply."""
        return {
            key: Completion(key, "failed", error=note.reason, stored=True)
            for key, note in self.read(keys).items()
        }

    def by_model(self) -> dict[str, int]:
        """Count the notes of each model."""
        return {str(model): int(count) for model, count in self._database.read(BY_MODEL)}
