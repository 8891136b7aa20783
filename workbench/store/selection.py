"""Stored completions with their requests, and filters that select some of them.

Selection(["openai:*"], states=("truncated",), before="2025-11-01T00:00:00Z")
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from workbench.answers.read import read_answer, renamed_stop
from workbench.canonical import JSON
from workbench.model import Completion, Model
from workbench.store.completions import Store
from workbench.store.database import Database
from workbench.store.prefill_echo import PrefillEchoes, prefill_endpoint
from workbench.store.ratings import Rating

WITHOUT_SETTINGS = Model("", "")
Table = Literal["completions", "scores", "ratings"]
NAME_COLUMNS: Mapping[Table, str] = MappingProxyType(
    {"completions": "model", "scores": "evaluator", "ratings": "person"}
)
COMPLETIONS_PER_READ = 200  # so many are in memory


@dataclass(frozen=True)
class StoredCompletion:
    """A completion and the request that it answers.

    Attributes:
        model: `provider:name`.
        stored_at: UTC, ISO 8601.
        request: the parts of the request's key by name; `body` is the request body as data.
        ratings: each person's last one.
    """

    key: str
    model: str
    stored_at: str
    request: dict[str, JSON]
    completion: Completion
    ratings: Sequence[Rating] = ()


@dataclass(frozen=True)
class Selection:
    """Completions, scores or ratings that meet every condition.

    Attributes:
        globs: over models (`provider:name`), evaluators or persons, one of which matches; empty:
            any.
        states: of completions; empty: any.
        before: stored earlier than this, UTC, ISO 8601; empty: any time.
    """

    globs: Sequence[str] = ()
    states: tuple[str, ...] = ()
    before: str = ""
    table: Table = "completions"

    def where(self, database: Database) -> tuple[str, list[str]]:
        """The SQL condition `WHERE …` and its values."""
        conditions, values = ["1"], list[str]()
        if self.globs:
            column = NAME_COLUMNS[self.table]
            rows = database.read(f"SELECT {column} FROM {self.table} GROUP BY {column}")
            names = [str(name) for (name,) in rows if self._matches(str(name))]
            conditions.append(f"{column} IN ({','.join('?' * len(names))})")
            values += names
        if self.states:
            conditions.append(f"state IN ({','.join('?' * len(self.states))})")
            values += self.states
        if self.before:
            conditions.append("rated_at < ?" if self.table == "ratings" else "kept_at < ?")
            values.append(self.before)
        return f"WHERE {' AND '.join(conditions)}", values

    def _matches(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.globs)


def select_completions(
    store: Store, selection: Selection, models: Mapping[str, Model] = MappingProxyType({})
) -> Iterator[StoredCompletion]:
    """Yield the selected completions with their ratings, sorted by key.

    `models` as of `read_stored`.
    """
    where, values = selection.where(store.database)
    rows = store.database.read(f"SELECT key FROM completions {where} ORDER BY key", values)
    echoes = PrefillEchoes(store)
    for start in range(0, len(rows), COMPLETIONS_PER_READ):
        keys = [key for (key,) in rows[start : start + COMPLETIONS_PER_READ]]
        ratings = store.ratings.current(keys)
        for stored in read_stored(store, keys, echoes, models):
            yield replace(stored, ratings=ratings.get(stored.key, ()))


def read_stored(
    store: Store,
    keys: Collection[str],
    echoes: PrefillEchoes | None = None,
    models: Mapping[str, Model] = MappingProxyType({}),
) -> Iterator[StoredCompletion]:
    """Yield the completions that are stored under `keys`, sorted by key, without ratings.

    `models` are those that an experiment asks, by key or by `provider:name`: their settings say how
    answers are read. Others are read as without settings: reasoning is no part of them.

    Raises:
        WorkbenchError: a row does not match its checksum (exit code 5).
    """
    completions, echoes = store.completions(keys), echoes or PrefillEchoes(store)
    rows = store.database.read_keys("SELECT key, model, kept_at, request FROM completions", keys)
    for key, ref, stored_at, request in sorted(rows):
        if key in completions:
            parts, text = parse_request(request), json.loads(request)["body"]
            model = models.get(key) or models.get(ref) or WITHOUT_SETTINGS
            echo = model.settings.get("prefill_echo", "auto")
            endpoint = prefill_endpoint(parts, text)
            repeated = endpoint and (echoes.repeats(endpoint) if echo == "auto" else bool(echo))
            completion = read_answer(
                completions[key],
                text,
                reasoning=model.reasoning,
                prefill_repeated=bool(repeated),
                stop_field=renamed_stop(model),
            )
            yield StoredCompletion(key, ref, stored_at, parts, completion)


def parse_request(text: str) -> dict[str, JSON]:
    """Return a row's `request` column as data, its `body` parsed too."""
    parts: dict[str, JSON] = json.loads(text)
    return {**parts, "body": json.loads(parts["body"])}
