"""Removing answers and scores that one names; what is removed must be paid for again.

remove(store, Answers(Selection(before="2025-10-01T00:00:00Z")))   ->  bytes freed
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from workbench.errors import WorkbenchError
from workbench.project import Price
from workbench.store.busy import ALONE
from workbench.store.completions import Store
from workbench.store.database import Database
from workbench.store.selection import Selection
from workbench.store.statistics import file_size

PLAN = f"{ALONE}prune"  # as owner of the store while it removes
BY_MODEL = """
SELECT model, count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
       sum(input_tokens IS NULL OR output_tokens IS NULL), sum(length(completion) + length(request))
FROM completions
"""
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Removal:
    """What a pruning removes.

    Attributes:
        cost: of asking again, at today's prices, as far as tokens and prices are known; None
            where no price is.
        unpriced: models without a price.
        uncounted: answers whose tokens the provider did not say.
        size: bytes of what is removed.
    """

    answers: int = 0
    scores: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    unpriced: tuple[str, ...] = ()
    uncounted: int = 0
    size: int = 0


@dataclass(frozen=True)
class Answers:
    """The answers of a selection."""

    selection: Selection
    table = "completions"

    def where(self, database: Database) -> tuple[str, list[str]]:
        """`WHERE …` and its values."""
        return self.selection.where(database)


@dataclass(frozen=True)
class Scores:
    """The scores of evaluators that match a glob (empty: all), kept before a time (empty: any)."""

    evaluator: str
    before: str
    table = "scores"

    def where(self, database: Database) -> tuple[str, list[str]]:
        """`WHERE …` and its values."""
        rows = database.read("SELECT DISTINCT evaluator FROM scores")
        names = [str(name) for (name,) in rows if fnmatchcase(name, self.evaluator or "*")]
        where = f"WHERE evaluator IN ({','.join('?' * len(names))})"
        if not self.before:
            return where, names
        return f"{where} AND kept_at < ?", [*names, self.before]


def time_before(age: str, now: datetime | None = None) -> str:
    """The moment `30d`, `12h` or `4w` ago: UTC, ISO 8601, as the store writes it.

    Raises:
        WorkbenchError: another word than that.
    """
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", age.strip())
    if not found:
        raise WorkbenchError(
            f"--older-than {age!r} is no age", fix="12h, 30d or 4w: hours, days or weeks"
        )
    then = (now or datetime.now(UTC)) - int(found[1]) * UNITS[found[2]]
    return then.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def to_remove(store: Store, what: Answers | Scores, prices: Mapping[str, Price]) -> Removal:
    """What `remove` would remove, and what it would cost to ask again."""
    where, values = what.where(store.database)
    if isinstance(what, Scores):
        query = f"SELECT count(*), coalesce(sum(length(score)), 0) FROM scores {where}"  # noqa: S608
        ((count, size),) = store.database.read(query, values)
        return Removal(scores=count, size=size)
    query = f"{BY_MODEL} {where} GROUP BY model ORDER BY model"
    rows = store.database.read(query, values)
    costs = [prices[row[0]].cost(row[2], row[3]) for row in rows if row[0] in prices]
    sums = [sum(row[column] for row in rows) for column in range(1, 6)]
    count, tokens_in, tokens_out, uncounted, size = sums
    return Removal(
        answers=count,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost=sum(costs) if costs else None,
        unpriced=tuple(row[0] for row in rows if row[0] not in prices),
        uncounted=uncounted,
        size=size,
    )


def remove(store: Store, what: Answers | Scores) -> int:
    """Removes them; the bytes by which the file has shrunk.

    Raises:
        WorkbenchError: another process is at work on the store (exit code 7).
    """
    with store.ledger.session(PLAN):
        size = file_size(store)
        where, values = what.where(store.database)
        store.database.write([(f"DELETE FROM {what.table} {where}", [values])])  # noqa: S608
        store.database.shrink()
        return size - file_size(store)
