"""Removing answers and scores that one names; what is removed must be paid for again.

prune_answers(store, Selection(before="2025-10-01T00:00:00Z"))   ->  bytes freed
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from workbench.errors import WorkbenchError
from workbench.project import Price
from workbench.store.answers import Store
from workbench.store.kept import Selection
from workbench.store.ledger import ALONE
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


def answers_to_remove(store: Store, selection: Selection, prices: Mapping[str, Price]) -> Removal:
    """What `prune_answers` would remove, and what it would cost to ask again."""
    where, values = selection.where(store.database)
    query = f"{BY_MODEL} {where} GROUP BY model ORDER BY model"
    rows = store.database.read(query, values)
    costs = [prices[row[0]].of(row[2], row[3]) for row in rows if row[0] in prices]
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


def scores_to_remove(store: Store, evaluator: str, before: str) -> Removal:
    """What `prune_scores` would remove."""
    where, values = _scores(store, evaluator, before)
    query = f"SELECT count(*), coalesce(sum(length(score)), 0) FROM scores {where}"  # noqa: S608
    ((count, size),) = store.database.read(query, values)
    return Removal(scores=count, size=size)


def prune_answers(store: Store, selection: Selection) -> int:
    """Removes the answers of a selection; the bytes by which the file has shrunk.

    Raises:
        WorkbenchError: another process is at work on the store (exit code 7).
    """
    return _remove(store, "completions", *selection.where(store.database))


def prune_scores(store: Store, evaluator: str, before: str) -> int:
    """Removes scores: of evaluators that match a glob, kept before a time; see `prune_answers`."""
    return _remove(store, "scores", *_scores(store, evaluator, before))


def _scores(store: Store, evaluator: str, before: str) -> tuple[str, list[str]]:
    rows = store.database.read("SELECT DISTINCT evaluator FROM scores")
    names = [str(name) for (name,) in rows if fnmatchcase(name, evaluator or "*")]
    where = f"WHERE evaluator IN ({','.join('?' * len(names))})"
    return (f"{where} AND kept_at < ?", [*names, before]) if before else (where, names)


def _remove(store: Store, table: str, where: str, values: list[str]) -> int:
    with store.ledger.session(PLAN):
        size = file_size(store)
        store.database.write([(f"DELETE FROM {table} {where}", [values])])  # noqa: S608
        store.database.shrink()
        return size - file_size(store)
