"""Ratings that people give to answers. Entries are only added: a person's last one counts.

    ratings   key 0a3e…, answer 77ab…, person "ann", name "rating", value "false",
              comment "misses the refund", rated_at 2026-11-29T10:00:00.000Z

`answer` is a digest of the text that the person saw. If another answer is stored under the key, the
rating stays and no longer counts. The value `null` takes a rating back.

    .workbench/recorded-ratings.json     the number of the last entry that each MLflow store has
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.canonical import digest
from workbench.errors import WorkbenchError
from workbench.model import Completion
from workbench.secrets import Redactor
from workbench.store.access import shared_access
from workbench.store.database import Database, checksum

MAX_COMMENT = 10_000  # characters
MAX_PERSON = 200
RECORDED = "recorded-ratings.json"
NAME = "rating"  # of all entries so far; the name of the assessment in MLflow
TEXTS = "key, answer, person, name, value, comment, rated_at"
ADD = f"""
INSERT INTO ratings (number, {TEXTS}, sum)
SELECT coalesce(max(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM ratings
"""
COUNT = "UPDATE totals SET rows = rows + 1, sums = sums + ? WHERE name = 'ratings'"
READ = f"SELECT number, {TEXTS}, sum FROM ratings"
COUNTS = """
SELECT person, sum(value = 'true'), sum(value = 'false'), sum(value = 'null') FROM ratings
GROUP BY person ORDER BY person
"""


@dataclass(frozen=True)
class Rating:
    """One entry.

    Attributes:
        key: of the completion.
        answer: digest of the rated answer; see `answer_digest`.
        good: None: the person takes the rating back.
        rated_at: UTC, ISO 8601.
    """

    key: str
    answer: str
    person: str
    good: bool | None
    comment: str
    rated_at: str


class Ratings:
    """The ratings of one store.

    Args:
        completions: reads completions of the store by key.
    """

    def __init__(
        self,
        database: Database,
        redactor: Redactor,
        completions: Callable[[Collection[str]], Mapping[str, Completion]],
    ) -> None:
        self._database = database
        self._redactor = redactor
        self._completions = completions

    def add(self, completion: Completion, person: str, *, good: bool | None, comment: str) -> None:
        """Add a rating of a stored completion; it is durable when this returns.

        Raises:
            WorkbenchError: a text is too long, the store can't be written (exit code 5), or
                another process has exclusive access to it (exit code 7).
        """
        for name, text, limit in (("comment", comment, MAX_COMMENT), ("name", person, MAX_PERSON)):
            if len(text) > limit:
                raise WorkbenchError(
                    f"the {name} has {len(text):,} characters, at most {limit:,} are possible",
                    fix=f"shorten the {name}",
                )
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        person, comment = self._redactor.redact(person), self._redactor.redact(comment)
        texts = (person, NAME, json.dumps(good), comment, time)
        storable = [text.encode("utf-8", "replace").decode() for text in texts]
        row = (completion.key, answer_digest(completion), *storable)
        total = checksum(*row)
        try:
            with shared_access(self._database.folder):
                self._database.write([(ADD, [(*row, total)]), (COUNT, [(total,)])])
        except OSError as error:
            raise self._database.storage_error("can't be written", error) from error

    def entries(self, keys: Collection[str]) -> list[Rating]:
        """Return all entries of `keys`, the earliest first.

        Raises:
            WorkbenchError: a row does not match its checksum (exit code 5).
        """
        rows = self._database.read_keys(READ, keys) if self else ()
        return self._parse(sorted(rows))

    def current(self, keys: Collection[str]) -> dict[str, list[Rating]]:
        """Return the ratings that count by key: each person's last one of the stored answer.

        Keys without an entry are left out; a key whose ratings no longer count has an empty list.
        """
        by_key: defaultdict[str, list[Rating]] = defaultdict(list)
        for rating in self.entries(keys):
            by_key[rating.key].append(rating)
        completions = self._completions(by_key.keys()) if by_key else {}
        answers = {key: answer_digest(completion) for key, completion in completions.items()}
        return {key: _counting(entries, answers.get(key)) for key, entries in by_key.items()}

    def since(self, number: int) -> tuple[set[str], int]:
        """Return the keys of entries after entry `number`, and the number of the last entry."""
        rows = self._database.read("SELECT key, number FROM ratings WHERE number > ?", (number,))
        return {key for key, _ in rows}, max((last for _, last in rows), default=number)

    def unrecorded(self, tracking_uri: str) -> bool:
        """Return True if a tracking store lacks an entry."""
        return bool(self and self.since(self.recorded_number(tracking_uri))[0])

    def recorded_number(self, tracking_uri: str) -> int:
        """Return the number of the last entry that a tracking store has; 0: it may have none."""
        return self._recorded().get(_uri_digest(tracking_uri), 0)

    def note_recorded(self, tracking_uri: str, number: int) -> None:
        """Note the number of the last entry that a tracking store has.

        The note may get lost: then all entries are compared again.
        """
        file = self._database.folder / RECORDED
        temporary = file.with_name(f".{RECORDED}.{os.getpid()}")
        numbers = self._recorded() | {_uri_digest(tracking_uri): number}
        with suppress(OSError):
            temporary.touch(0o600)
            temporary.write_text(json.dumps({self._store_id(): numbers}))
            temporary.replace(file)

    def _recorded(self) -> dict[str, int]:
        """By digest of the tracking URI; a rebuilt store has another id, and knows nothing."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            content = json.loads((self._database.folder / RECORDED).read_text())
            return dict(content.get(self._store_id(), {}))
        return {}

    def _store_id(self) -> str:
        ((store,),) = self._database.read("SELECT id FROM store")
        return str(store)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the entries of each person by value."""
        return {
            str(person): {"good": good, "bad": bad, "removed": removed}
            for person, good, bad, removed in self._database.read(COUNTS)
        }

    def __bool__(self) -> bool:
        """True if there is an entry."""
        return bool(self._database.read("SELECT 1 FROM ratings LIMIT 1"))

    def _parse(self, rows: Iterable[tuple[Any, ...]]) -> list[Rating]:
        ratings = []
        for _, *texts, total in rows:
            if not all(isinstance(text, str) for text in texts) or checksum(*texts) != total:
                problem = f"the rating of {texts[0]} does not match its checksum"
                raise self._database.storage_error("is damaged", problem)
            key, answer, person, _, value, comment, rated_at = texts
            good = json.loads(value)
            ratings.append(Rating(key, answer, person, good, comment, rated_at))
        return ratings


def answer_digest(completion: Completion) -> str:
    """Digest of an answer as people see it; `completion` as it is stored, not read.

    An answer without a text (a call of tools) is known by its reply.
    """
    return digest([completion.text] if completion.text else ["", completion.raw])[:32]


def _uri_digest(tracking_uri: str) -> str:
    return digest(tracking_uri)[:16]


def _counting(entries: Iterable[Rating], answer: str | None) -> list[Rating]:
    last = {rating.person: rating for rating in entries if rating.answer == answer}
    return [rating for rating in last.values() if rating.good is not None]
