"""People's ratings in the cells of the page.

{"text": "no", …, "ratings": [{"person": "ann", "good": false, "comment": "too short"}]}
"""

from collections.abc import Iterable

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.page.rows import AnsweredRows
from workbench.plan.stored_cells import cell_numbers
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
    if not any(current.values()):
        return []
    rated = {
        name: {key for key in current if any(rating.good is good for rating in current[key])}
        for name, good in (("good", True), ("bad", False))
    }
    return [
        {name: cell_numbers(compared.plan.cells[number], keys) for name, keys in rated.items()}
        for number in compared.compared_variants
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
