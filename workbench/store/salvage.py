"""From a damaged store into a new one: every answer and score whose checksum holds.

salvage([folder], database)   ->  Salvaged(answers=148, scores=300, calls=2, lost=("0a3e…",), …)
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workbench.canonical import JSON
from workbench.model import Request
from workbench.store.carving import Found, Record, read_pages, records
from workbench.store.database import NAME, Database, checksum

AT_ONCE = 500  # rows in one step
ANSWER = (  # in place of an earlier one, so that whatever counts rows sees an update
    "INSERT INTO completions (key, state, completion, request, sum, model, size, input_tokens, "
    "output_tokens, latency_s, kept_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET state = excluded.state, completion = excluded.completion, "
    "request = excluded.request, sum = excluded.sum, model = excluded.model, "
    "size = excluded.size, input_tokens = excluded.input_tokens, "
    "output_tokens = excluded.output_tokens, latency_s = excluded.latency_s, "
    "kept_at = excluded.kept_at WHERE excluded.kept_at > kept_at"
)
SCORE = (
    "INSERT INTO scores (key, evaluator, score, sum, kept_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET evaluator = excluded.evaluator, score = excluded.score, "
    "sum = excluded.sum, kept_at = excluded.kept_at WHERE excluded.kept_at > kept_at"
)
CALL = (
    "INSERT INTO calls (key, model, outcome, reason, cost, noted_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6 "
    "WHERE NOT EXISTS (SELECT 1 FROM calls WHERE key = ?1 AND reason = ?4 AND noted_at = ?6)"
)
# Where each column stands in a record: as the table is made (a completion's number comes first),
# as it was made before the fourth format, or was upgraded from the first.
ANSWER_COLUMNS = (tuple(range(1, 12)), tuple(range(11)), (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 4))
SCORE_COLUMNS = (tuple(range(5)), (0, 1, 2, 4, 3))
OUTCOMES = ("refused", "possibly_billed", "unknown")
LONG_AGO = "1970-01-01T00:00:00.000Z"  # where it can't be told
TIME = re.compile(r"[0-9-]{10}T[0-9:.]{12}Z")


@dataclass(frozen=True)
class Salvaged:
    """What the new store holds.

    Attributes:
        lost: keys of answers that are known to have been there; there may have been others.
        lost_scores: of scores, likewise.
    """

    answers: int
    scores: int
    calls: int
    lost: tuple[str, ...]
    lost_scores: tuple[str, ...]


def salvage(folders: Sequence[Path], database: Database) -> Salvaged:
    """Everything in these folders' stores that is as it was kept; of two answers, the later."""
    seen: tuple[set[str], set[str]] = set(), set()
    calls = list[Record]()
    for folder in folders:
        rows = _rows(folder, seen, calls)
        while some := list(islice(rows, AT_ONCE)):
            answers = [row for row in some if len(row) == 11]
            scores = [row for row in some if len(row) == 5]
            database.write([(ANSWER, answers), (SCORE, scores)])
    database.write([(CALL, sorted(calls, key=lambda row: str(row[-1])))])
    kept = {key for (key,) in database.read("SELECT key FROM completions")}
    scored = {key for (key,) in database.read("SELECT key FROM scores")}
    ((noted,),) = database.read("SELECT count(*) FROM calls")
    lost, lost_scores = (tuple(sorted(a - b)) for a, b in zip(seen, (kept, scored), strict=True))
    return Salvaged(len(kept), len(scored), int(noted), lost, lost_scores)


def _rows(folder: Path, seen: tuple[set[str], set[str]], calls: list[Record]) -> Iterator[Record]:
    """Answers and scores that hold; the keys of all that there were go into `seen`."""
    first_format = _is_first_format(folder / NAME)
    for found in records(read_pages(folder)):
        for record in found.readings:
            if _is_call(record):
                calls.append(record[1:])
            elif row := _answer(record) or _score(record) or (first_format and _old(record)):
                yield row
                break
        _note(found, seen)


def _note(found: Found, seen: tuple[set[str], set[str]]) -> None:
    """That an answer or a score with this key was there."""
    answers, scores = seen
    firsts = {one for record in found.readings for one in record[:2]} or {found.key}
    if found.columns in (11, 12) and found.key in firsts:
        answers.add(found.key)
    elif found.columns == 5 and found.key in firsts:
        scores.add(found.key)
    for record in found.readings:  # an index of answers names each one, too
        if len(record) in (6, 7) and record[5] == found.key and isinstance(record[1], int):
            answers.add(found.key)


def _answer(record: Record) -> Record | None:
    row = _held(record, ANSWER_COLUMNS, texts=4)
    return row and _told(row[:5], row[-1])


def _score(record: Record) -> Record | None:
    row = _held(record, SCORE_COLUMNS, texts=3)
    return row and (*row[:4], _time(row[-1]))


def _held(record: Record, orders: Sequence[Sequence[int]], *, texts: int) -> Record | None:
    """The record in the table's order, if its checksum holds."""
    for order in (one for one in orders if len(record) == 1 + max(one)):
        row = tuple(record[column] for column in order)
        said = [text for text in row[:texts] if isinstance(text, str)]
        if len(said) == texts and row[texts] == checksum(*said):
            return row
    return None


def _told(row: Record, kept_at: JSON) -> Record | None:
    """A whole row: what no checksum covers is told anew from what one does."""
    with suppress(ValueError, TypeError, AttributeError):
        said, asked = json.loads(str(row[2])), json.loads(str(row[3]))
        body, model = asked, ""
        if isinstance(asked.get("body"), str):
            body, model = json.loads(asked["body"]), str(asked.get("model", ""))
        usage = said.get("usage", {})
        counts = (usage.get("input_tokens"), usage.get("output_tokens"), said.get("latency_s"))
        return (*row, model, Request.from_body(str(row[0]), body).size, *counts, _time(kept_at))
    return None


def _time(said: JSON) -> str:
    return said if isinstance(said, str) and TIME.fullmatch(said) else LONG_AGO


def _old(record: Record) -> Record | None:
    """A row of the first format, which had no checksums: kept if it can be read at all."""
    texts = [text for text in record if isinstance(text, str)]
    if len(texts) != len(record) or len(texts) not in (4, 5):
        return None
    *said, kept_at = texts
    if len(said) == 4:
        return _told((*said, checksum(*said)), kept_at)
    return (*said, checksum(*said), _time(kept_at))


def _is_call(record: Record) -> bool:
    return (
        len(record) == 7
        and record[3] in OUTCOMES
        and isinstance(record[6], str)
        and TIME.fullmatch(record[6]) is not None
        and isinstance(record[5], int | float | None)
    )


def _is_first_format(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return int.from_bytes(opened.read(64)[60:], "big") == 1
    except FileNotFoundError:
        return False
