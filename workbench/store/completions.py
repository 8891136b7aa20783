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

from workbench.canonical import JSON, canonical_json, digest
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion, Request, Usage
from workbench.secrets import Redactor
from workbench.store.database import Database, checksum
from workbench.store.disk_space import take_room
from workbench.store.history import History, read_history
from workbench.store.integrity import check
from workbench.store.leases import Leases

Kept = TypeVar("Kept")
ANSWER = 2_000  # bytes that an answer takes beside its request, about
UNKEPT = ("key", "stored")  # fields of a completion that are no part of the answer
KEPT = tuple(one.name for one in dataclasses.fields(Completion) if one.name not in UNKEPT)
# Replies that are no answers: kept, and sent again only when asked to.
RETRIABLE = frozenset({"filtered", "empty_output", "invalid_response"})
COLUMNS = (
    "key, state, completion, request, sum, model, size, input_tokens, output_tokens, latency_s"
)
KEEP = f"INSERT INTO completions ({COLUMNS}) VALUES ({', '.join('?' * 10)}) "  # noqa: S608
KEEP_SCORE = "INSERT INTO scores (key, evaluator, score, sum) VALUES (?, ?, ?, ?) "


def _instead(columns: str) -> str:
    """The later row takes the place of the earlier."""
    names = [*columns.split(", ")[1:], "kept_at"]
    return "ON CONFLICT (key) DO UPDATE SET " + ", ".join(f"{n} = excluded.{n}" for n in names)


KEEP += _instead(COLUMNS)
KEEP_SCORE += _instead("key, evaluator, score, sum")


class Store:
    """The store of one project; a context manager. One thread at a time gets in.

    Attributes:
        redactor: takes secrets out of all that is kept.
    """

    def __init__(self, folder: Path, redactor: Redactor | None = None) -> None:
        self.redactor = redactor or Redactor()
        self.database = Database(folder)
        self.ledger = Leases(self.database, self.redactor)

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
            WorkbenchError: the file is not as it was written (exit code 5).
        """
        check(self.database)

    def take_room(self, requests: Iterable[Request]) -> None:
        """Sees that the answers to these requests will find room.

        Raises:
            WorkbenchError: there is too little (exit code 2).
        """
        expected = sum(request.size + ANSWER for request in requests)
        take_room(self.database.folder, expected)

    def kept(self, keys: Collection[str], *, without: frozenset[str] = frozenset()) -> set[str]:
        """Those of `keys` whose completion is here and in none of the states `without`."""
        # By key, as the answers themselves are read: in a damaged file a scan may see other rows.
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
            text = self.redactor.redact(canonical_json(dataclasses.asdict(score)))
            rows.append((key, evaluator.name, text, checksum(key, evaluator.name, text)))
        if rows:
            self.database.write([(KEEP_SCORE, rows)])

    def history(self, model: str) -> History:
        """What the answers of `model` (`provider:name`) were like so far."""
        return read_history(self.database, model)

    def _row(
        self, request: Request, completion: Completion
    ) -> tuple[str | int | float | None, ...]:
        text = self.redactor.redact(json.dumps(completion_json(completion)))
        asked = self.redactor.redact(canonical_json({**request.key_fields, "body": request.text}))
        usage = completion.usage
        return (
            completion.key,
            completion.state,
            text,
            asked,
            checksum(completion.key, completion.state, text, asked),
            str(request.key_fields.get("model", "")),
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
    said: dict[str, JSON] = {name: getattr(completion, name) for name in KEPT}
    said["usage"] = dict(vars(completion.usage))
    if completion.choice_scores is not None:
        said["choice_scores"] = dict(completion.choice_scores)
    return said


def _completion(key: str, text: str) -> Completion:
    said = json.loads(text)
    usage = Usage(**said.pop("usage"))
    return Completion(key=key, usage=usage, stored=True, **said)


def _score(key: str, text: str) -> Score:  # noqa: ARG001  as _completion
    return Score(**json.loads(text))
