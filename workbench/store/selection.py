"""Stored completions with their requests, and filters that select some of them.

Selection(model="openai:*", states=("truncated",), before="2025-11-01T00:00:00Z")
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from workbench.canonical import JSON
from workbench.model import Completion
from workbench.store.completions import Store
from workbench.store.database import Database

KEYS_PER_READ = 200  # so many completions are in memory


@dataclass(frozen=True)
class StoredCompletion:
    """A completion and the request that it answers.

    Attributes:
        model: `provider:name`.
        stored_at: UTC, ISO 8601.
        request: the parts of the request's key by name; `body` is the request body as data.
    """

    key: str
    model: str
    stored_at: str
    request: dict[str, JSON]
    completion: Completion


@dataclass(frozen=True)
class Selection:
    """Completions that meet every condition.

    Attributes:
        model: a glob over `provider:name`; empty: any.
        states: empty: any.
        before: stored earlier than this, UTC, ISO 8601; empty: any time.
    """

    model: str = ""
    states: tuple[str, ...] = ()
    before: str = ""
    table = "completions"

    def where(self, database: Database) -> tuple[str, list[str]]:
        """The SQL condition `WHERE …` and its values."""
        conditions, values = ["1"], list[str]()
        if self.model:
            rows = database.read("SELECT model FROM completions GROUP BY model")
            models = [str(name) for (name,) in rows if fnmatchcase(name, self.model)]
            conditions.append(f"model IN ({','.join('?' * len(models))})")
            values += models
        if self.states:
            conditions.append(f"state IN ({','.join('?' * len(self.states))})")
            values += self.states
        if self.before:
            conditions.append("kept_at < ?")
            values.append(self.before)
        return f"WHERE {' AND '.join(conditions)}", values


@dataclass(frozen=True)
class ScoreSelection:
    """Scores that meet both conditions.

    Attributes:
        evaluator: a glob over evaluator names; empty: any.
        before: stored earlier than this, UTC, ISO 8601; empty: any time.
    """

    evaluator: str = ""
    before: str = ""
    table = "scores"

    def where(self, database: Database) -> tuple[str, list[str]]:
        """The SQL condition `WHERE …` and its values."""
        rows = database.read("SELECT DISTINCT evaluator FROM scores")
        names = [str(name) for (name,) in rows if fnmatchcase(name, self.evaluator or "*")]
        condition = f"WHERE evaluator IN ({','.join('?' * len(names))})"
        if not self.before:
            return condition, names
        return f"{condition} AND kept_at < ?", [*names, self.before]


def select_completions(store: Store, selection: Selection) -> Iterator[StoredCompletion]:
    """Yield the selected completions, sorted by key."""
    where, values = selection.where(store.database)
    query = f"SELECT key FROM completions {where} AND key > ? ORDER BY key LIMIT {KEYS_PER_READ}"  # noqa: S608
    last = ""
    while keys := [str(key) for (key,) in store.database.read(query, [*values, last])]:
        yield from read_stored(store, keys)
        last = keys[-1]


def read_stored(store: Store, keys: Collection[str]) -> Iterator[StoredCompletion]:
    """Yield the completions that are stored under `keys`, sorted by key.

    Raises:
        WorkbenchError: a row does not match its checksum (exit code 5).
    """
    completions = store.completions(keys)
    rows = store.database.read_keys("SELECT key, model, kept_at, request FROM completions", keys)
    for key, model, stored_at, request in sorted(rows):
        if key in completions:
            yield StoredCompletion(key, model, stored_at, parse_request(request), completions[key])


def parse_request(text: str) -> dict[str, JSON]:
    """Return a row's `request` column as data, its `body` parsed too."""
    parts: dict[str, JSON] = json.loads(text)
    return {**parts, "body": json.loads(parts["body"])}
