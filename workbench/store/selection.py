"""Answers as they are kept: when, of what model, and with what was asked; and choosing some.

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

AT_ONCE = 200  # answers in memory


@dataclass(frozen=True)
class Kept:
    """One answer.

    Attributes:
        model: `provider:name`; empty for what the first format kept, which noted none.
        kept_at: UTC, ISO 8601.
        asked: the body, and what stands in the key beside it; see `read_asked`.
    """

    key: str
    model: str
    kept_at: str
    asked: dict[str, JSON]
    completion: Completion


@dataclass(frozen=True)
class Selection:
    """Some of the answers: all that meet every condition.

    Attributes:
        model: a glob over `provider:name`; empty: any.
        states: empty: any.
        before: kept earlier than this, UTC, ISO 8601; empty: any time.
    """

    model: str = ""
    states: tuple[str, ...] = ()
    before: str = ""

    def where(self, database: Database) -> tuple[str, list[str]]:
        """`WHERE …` and its values."""
        conditions, values = ["1"], list[str]()
        if self.model:
            names = [
                str(name)
                for (name,) in database.read("SELECT model FROM completions GROUP BY model")
            ]
            matching = [name for name in names if fnmatchcase(name, self.model)]
            conditions.append(f"model IN ({','.join('?' * len(matching))})")
            values += matching
        if self.states:
            conditions.append(f"state IN ({','.join('?' * len(self.states))})")
            values += self.states
        if self.before:
            conditions.append("kept_at < ?")
            values.append(self.before)
        return f"WHERE {' AND '.join(conditions)}", values


def select_kept(store: Store, selection: Selection) -> Iterator[Kept]:
    """The answers of a selection, by key."""
    where, values = selection.where(store.database)
    query = f"SELECT key FROM completions {where} AND key > ? ORDER BY key LIMIT {AT_ONCE}"  # noqa: S608
    after = ""
    while keys := [str(key) for (key,) in store.database.read(query, [*values, after])]:
        yield from read_kept(store, keys)
        after = keys[-1]


def read_kept(store: Store, keys: Collection[str]) -> Iterator[Kept]:
    """Those of `keys` that are here, by key.

    Raises:
        WorkbenchError: one is not as it was kept (exit code 5).
    """
    answers = store.completions(keys)
    rows = store.database.read_keys("SELECT key, model, kept_at, request FROM completions", keys)
    for key, model, kept_at, request in sorted(rows):
        if key in answers:
            yield Kept(key, model, kept_at, read_asked(request), answers[key])


def read_asked(text: str) -> dict[str, JSON]:
    """What was asked, its `body` as data; only that where the first format kept it."""
    said: dict[str, JSON] = json.loads(text)
    if isinstance(said.get("body"), str):
        return {**said, "body": json.loads(said["body"])}
    return {"body": said}
