"""People's ratings in the cells of the page.

{"text": "no", …, "ratings": [{"person": "ann", "good": false, "comment": "too short"}]}
"""

from collections.abc import Iterable

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.page.rows import AnsweredRows
from workbench.report.safe_text import plain
from workbench.scoring.scored_rows import ScoredRows
from workbench.store.ratings import Rating


class CellRatings:
    """The ratings of the answers in a store; `scored`: None: there are none."""

    def __init__(self, scored: ScoredRows | None) -> None:
        ratings = scored.store.ratings if scored else None
        self._current = ratings.current(ratings.since(0)[0]) if ratings else {}

    def add(self, row_json: dict[str, JSON], rows: AnsweredRows) -> None:
        """Add the ratings that count to the cells of a row."""
        for cell, row in zip(row_json["cells"], rows, strict=True):
            if cell and row and (ratings := self._current.get(row.cell.key)):
                cell["ratings"] = ratings_json(ratings)


def rated_rows(compared: ExperimentComparison) -> list[dict[str, list[int]]]:
    """Of each compared variant the rows that a person rated as good and as bad; empty: none is."""
    ratings = compared.scored.store.ratings if compared.scored else None
    current = ratings.current(ratings.since(0)[0]) if ratings else {}
    values = {key: {rating.good for rating in current[key]} for key in current if current[key]}
    if not values:
        return []
    cells = [compared.plan.cells[number] for number in compared.compared_variants]
    return [
        {
            name: [n for n, cell in enumerate(column) if good in values.get(cell.key, ())]
            for name, good in (("good", True), ("bad", False))
        }
        for column in cells
    ]


def ratings_json(ratings: Iterable[Rating]) -> list[dict[str, JSON]]:
    """The ratings of an answer as the page shows them."""
    return [
        {
            "person": plain(rating.person),
            "good": rating.good,
            "comment": plain(rating.comment),
        }
        for rating in ratings
    ]
