"""Completions and scores, each kept once, durable before they are counted.

with Store(project.store) as store:
    store.keep([(request, completion)])
    store.completions([request.key])      # {key: Completion(…, stored=True)}
"""

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from workbench.canonical import JSON, canonical, digest, exact
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion, Request, Usage
from workbench.secrets import Redactor
from workbench.store.database import Database, checksum
from workbench.store.history import History, read_history
from workbench.store.ledger import Ledger

Kept = TypeVar("Kept")
ANSWER = 2_000  # bytes that an answer takes beside its request, about
UNKEPT = ("key", "stored")  # fields of a completion that are no part of the answer
# Replies that are no answers: kept, and sent again only when asked to.
RETRIABLE = frozenset({"filtered", "empty_output", "invalid_response"})
KEEP = (
    "INSERT OR REPLACE INTO completions (key, state, completion, request, sum, model, size, "
    "input_tokens, output_tokens, latency_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
KEEP_SCORE = "INSERT OR REPLACE INTO scores (key, evaluator, score, sum) VALUES (?, ?, ?, ?)"
DAMAGED = """
SELECT key FROM completions WHERE sum <> crc(key, state, completion, request)
UNION ALL SELECT key FROM scores WHERE sum <> crc(key, evaluator, score)
"""


class Store:
    """The store of one project; a context manager. One thread at a time gets in.

    Attributes:
        redactor: takes secrets out of all that is kept.
    """

    def __init__(self, folder: Path, redactor: Redactor | None = None) -> None:
        self.redactor = redactor or Redactor()
        self.database = Database(folder)
        self.ledger = Ledger(self.database, self.redactor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.database.__exit__(kind, error, trace)

    def check(self) -> None:
        """Reads every row; a damaged one might be the very answer that would be paid for again.

        Raises:
            WorkbenchError: a row is not what it was when it was kept (exit code 5).
        """
        for (key,) in self.database.read(DAMAGED):
            raise self.database.fault("is damaged", f"the row {key} is not as it was kept")

    def take_room(self, requests: Iterable[Request]) -> None:
        """Sees that the answers to these requests will find room; see `Database.take_room`."""
        self.database.take_room(sum(request.size + ANSWER for request in requests))

    def kept(self, keys: Collection[str], *, without: frozenset[str] = frozenset()) -> set[str]:
        """Those of `keys` whose completion is here and in none of the states `without`."""
        rows = self.database.read_keys("SELECT key, state FROM completions", keys)
        return {key for key, state in rows if state not in without}

    def completions(self, keys: Collection[str]) -> dict[str, Completion]:
        """Those completions of `keys` that are here."""
        query = "SELECT key, state, completion, request, sum FROM completions"
        found: dict[str, Completion] = {}
        for *texts, total in self.database.read_keys(query, keys):
            found[texts[0]] = self._read(_completion, texts, total)
        return found

    def keep(self, pairs: Iterable[tuple[Request, Completion]]) -> None:
        """Keeps answers and ends their intents; when it returns they outlive a loss of power.

        Raises:
            WorkbenchError: the disk is full or the store is damaged (exit code 5).
        """
        rows = [self._row(request, completion) for request, completion in pairs]
        if rows:
            ended = [(row[0],) for row in rows]
            self.database.write([(KEEP, rows), ("DELETE FROM intents WHERE key = ?", ended)])

    def scores(self, keys: Collection[str]) -> dict[str, Score]:
        """Those scores of `keys` that are here."""
        query = "SELECT key, evaluator, score, sum FROM scores"
        found: dict[str, Score] = {}
        for *texts, total in self.database.read_keys(query, keys):
            found[texts[0]] = self._read(_score, texts, total)
        return found

    def keep_scores(self, evaluator: Evaluator, scores: Mapping[str, Score]) -> None:
        """Keeps scores, as durably as completions."""
        rows = []
        for key, score in scores.items():
            text = self.redactor.clean(canonical(dataclasses.asdict(score)))
            rows.append((key, evaluator.name, text, checksum(key, evaluator.name, text)))
        if rows:
            self.database.write([(KEEP_SCORE, rows)])

    def history(self, model: str) -> History:
        """What the answers of `model` (`provider:name`) were like so far."""
        return read_history(self.database, model)

    def _row(
        self, request: Request, completion: Completion
    ) -> tuple[str | int | float | None, ...]:
        text = self.redactor.clean(json.dumps(completion_json(completion)))
        asked = self.redactor.clean(canonical({**request.asked, "body": exact(request.body)}))
        usage = completion.usage
        return (
            completion.key,
            completion.state,
            text,
            asked,
            checksum(completion.key, completion.state, text, asked),
            str(request.asked.get("model", "")),
            request.size,
            usage.input_tokens,
            usage.output_tokens,
            completion.latency_s,
        )

    def _read(self, kind: Callable[[str, str], Kept], texts: list[str], total: int) -> Kept:
        """What a row holds: its key, a word, and the thing itself as JSON."""
        key, _, said, *_ = texts
        try:
            if checksum(*texts) == total:
                return kind(key, said)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self.database.fault("is damaged", f"the row {key}: {error}") from error
        raise self.database.fault("is damaged", f"the row {key} is not as it was kept")


def score_key(evaluator: Evaluator, data: Mapping[str, JSON]) -> str:
    """The key of one score: the evaluator with its settings, and every argument it declares."""
    return digest([evaluator.digest, {name: data[name] for name in evaluator.arguments}])


def completion_json(completion: Completion) -> dict[str, JSON]:
    """What an evaluator can see of a completion, as JSON."""
    said = dataclasses.asdict(completion)
    return {name: value for name, value in said.items() if name not in UNKEPT}


def _completion(key: str, text: str) -> Completion:
    said = json.loads(text)
    usage = Usage(**said.pop("usage"))
    return Completion(key=key, usage=usage, stored=True, **said)


def _score(key: str, text: str) -> Score:  # noqa: ARG001  as _completion
    return Score(**json.loads(text))
