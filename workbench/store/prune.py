"""Removal of completions, scores and ratings from the store.

Removal(answers=12, input_tokens=9_600, output_tokens=480, cost=0.0017, size=20_480)
"""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from workbench.errors import WorkbenchError
from workbench.project import Price
from workbench.store.access import exclusive_access
from workbench.store.changes import VIEWS
from workbench.store.completions import Store
from workbench.store.database import Statement
from workbench.store.ratings import RECORDED
from workbench.store.schema import COUNT_RATINGS
from workbench.store.selection import Selection
from workbench.store.statistics import count_completions, file_size

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True)
class Removal:
    """Totals of the rows to remove.

    Attributes:
        cost: estimate for requesting them again, at today's prices and as far as token counts
            are stored; None if no model has a price.
        unpriced: models without a price.
        uncounted: completions without token counts from the provider.
        size: bytes of the rows.
    """

    answers: int = 0
    scores: int = 0
    ratings: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    unpriced: tuple[str, ...] = ()
    uncounted: int = 0
    size: int = 0


def cutoff_time(age: str, now: datetime | None = None) -> str:
    """Return the time `30d`, `12h` or `4w` ago: UTC, ISO 8601, in the store's format.

    Raises:
        WorkbenchError: `age` has another form.
    """
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", age.strip())
    if not match:
        raise WorkbenchError(
            f"--older-than {age!r} is not an age", fix="12h, 30d or 4w: hours, days or weeks"
        )
    cutoff = (now or datetime.now(UTC)) - int(match[1]) * UNITS[match[2]]
    return cutoff.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def preview_removal(store: Store, selection: Selection, prices: Mapping[str, Price]) -> Removal:
    """Return the totals of the rows that `remove` would delete."""
    if selection.table != "completions":
        where, values = selection.where(store.database)
        text = "score" if selection.table == "scores" else "comment"
        query = f"SELECT count(*), coalesce(sum(length({text})), 0) FROM {selection.table} {where}"
        ((count, size),) = store.database.read(query, values)
        return replace(Removal(size=size), **{selection.table: count})
    models = count_completions(store, prices, selection)
    costs = [model.cost for model in models if model.cost is not None]
    return Removal(
        answers=sum(sum(model.states.values()) for model in models),
        input_tokens=sum(model.input_tokens for model in models),
        output_tokens=sum(model.output_tokens for model in models),
        cost=sum(costs) if costs else None,
        unpriced=tuple(model.model for model in models if model.cost is None),
        uncounted=sum(model.uncounted for model in models),
        size=sum(model.size for model in models),
    )


def remove(store: Store, selection: Selection) -> int:
    """Delete the selected rows; return the number of bytes by which the file shrank.

    Raises:
        WorkbenchError: another process uses the store (exit code 7).
    """
    with exclusive_access(store.database.folder):
        size = file_size(store)
        where, values = selection.where(store.database)
        delete: Statement = (f"DELETE FROM {selection.table} {where}", [values])
        store.database.write([delete, (COUNT_RATINGS, [()])])
        if selection.table == "ratings":  # later entries may get the numbers of removed ones
            (store.database.folder / RECORDED).unlink(missing_ok=True)
        store.database.shrink()
        shutil.rmtree(store.database.folder / VIEWS, ignore_errors=True)  # categories are answers
        return size - file_size(store)
