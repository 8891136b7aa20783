"""The comparison of the answers that the store holds now: page, row details, search, ratings.

live.page()            "<!doctype html>…"; compared again if there are new answers
live.rows([3, 17])     [{"number": 3, "id": "r3", …, "cells": […]}, {"number": 17, …}]
live.rate(RatingRequest(number=17, variant=0, answer="77ab…", good=False, comment="too long"))
"""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.dataset import Example
from workbench.errors import WorkbenchError
from workbench.page.cell_ratings import rated_rows, ratings_json
from workbench.page.page_document import page_document
from workbench.page.rows import AnsweredRows, RowDetails
from workbench.plan.stored_cells import cell_numbers
from workbench.report.safe_text import plain
from workbench.store import Store
from workbench.store.ratings import answer_digest
from workbench.store.search import find_answers
from workbench.view.page_contents import PageContents


class RatingRequest(BaseModel):
    """A rating as the page sends it.

    Attributes:
        number: of the row.
        variant: position of the variant in the page.
        answer: digest of the answer that the person saw.
        good: None: the rating is taken back.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    number: int
    variant: int
    answer: str = Field(max_length=64)
    good: bool | None
    comment: str


@dataclass(frozen=True)
class _Snapshot:
    """The contents of a page, and the page.

    Attributes:
        shown: in `page`: number of the newest rating, address of MLflow's pages.
    """

    contents: PageContents
    details: RowDetails
    shown: tuple[int, str] = (-1, "")
    page: str = ""


class LiveComparison:
    """The comparison of one experiment; threads may share it.

    Args:
        contents: the first.
        read: compares what is stored now.
        store: of the answers.
        person: in whose name ratings are stored.
    """

    def __init__(
        self,
        contents: PageContents,
        read: Callable[[], PageContents],
        store: Store,
        *,
        person: str,
    ) -> None:
        self._read = read
        self._store = store
        self._person = person
        self._lock = threading.Lock()
        self._snapshot = _Snapshot(contents, RowDetails(contents.compared))

    def page(self) -> str:
        """The page; the answers are compared again if there are new ones."""
        with self._lock:
            if self._new_answers() != 0:
                contents = self._read()
                self._snapshot = _Snapshot(contents, RowDetails(contents.compared))
            _, last_rating = self._store.ratings.since(0)
            shown = (last_rating, self._snapshot.contents.compared.traces.address())
            if shown != self._snapshot.shown:
                page = self._render(self._snapshot, mlflow=shown[1])
                self._snapshot = replace(self._snapshot, page=page, shown=shown)
            return self._snapshot.page

    def state(self) -> dict[str, JSON]:
        """The number of answers that the page doesn't show, and the address of MLflow's pages."""
        address = self._snapshot.contents.compared.traces.address()
        return {"new": self._new_answers() or 0, "mlflow": address}

    def _new_answers(self) -> int | None:
        """The number of answers that are not in the page; None: some may have changed."""
        contents = self._snapshot.contents
        bodies, keys = contents.compared.plan.bodies, contents.look.new_keys(self._store.database)
        return None if keys is None else sum(key in bodies for key in keys)

    def rows(self, numbers: Sequence[int]) -> list[dict[str, JSON]]:
        """Details of the rows with these numbers, in this order; unknown numbers are left out."""
        answered = self._answered(numbers)
        keys = {row.cell.key for rows in answered.values() for row in rows if row}
        ratings = self._store.ratings.current(keys)
        completions = self._store.completions(keys)
        answers = {key: answer_digest(completion) for key, completion in completions.items()}
        details: list[dict[str, JSON]] = []
        for number, rows in answered.items():
            row_json = self._snapshot.details.row_json(number, rows)
            for cell, row in zip(row_json["cells"], rows, strict=True):
                if cell and row and row.cell.key in answers:
                    cell["answer"] = answers[row.cell.key]
                    cell["ratings"] = ratings_json(ratings.get(row.cell.key, ()))
            details.append(row_json)
        return details

    def more(self, number: int) -> list[JSON] | None:
        """Rendered prompts and reasons of a row, by variant; None without such a row."""
        more_json = self._snapshot.details.more_json
        return next((more_json(rows) for rows in self._answered([number]).values()), None)

    def search(self, text: str) -> list[int]:
        """The numbers of the rows whose inputs, expected values or answers contain the text."""
        snapshot, wanted = self._snapshot, text.lower()
        plan, keys = snapshot.contents.compared.plan, find_answers(self._store, text)
        repeats = plan.experiment.repeats
        numbers = {
            row * repeats + repeat
            for row, example in enumerate(plan.examples)
            if wanted in _text(example)
            for repeat in range(repeats)
        }
        for variant in snapshot.details.variants:
            numbers.update(cell_numbers(plan.cells[variant], keys))
        return sorted(numbers)

    def rate(self, request: RatingRequest) -> list[dict[str, JSON]]:
        """Store a rating; return the ratings of the answer.

        Raises:
            WorkbenchError: there is no such answer, it has changed, or it can't be written.
        """
        snapshot, position = self._snapshot, request.variant
        variants = snapshot.details.variants
        in_page = 0 <= position < len(variants)
        cells = snapshot.contents.compared.plan.cells[variants[position]] if in_page else ()
        if not 0 <= request.number < len(cells):
            raise WorkbenchError("there is no such answer", fix="reload the page")
        key = cells[request.number].key
        completion = self._store.completions([key]).get(key)
        if completion is None or answer_digest(completion) != request.answer:
            raise WorkbenchError("the answer has changed meanwhile", fix="reload the page")
        self._store.ratings.add(
            completion, self._person, good=request.good, comment=request.comment
        )
        return ratings_json(self._store.ratings.current([key])[key])

    def _render(self, snapshot: _Snapshot, *, mlflow: str) -> str:
        head, compared = snapshot.contents.head, snapshot.contents.compared
        live = {
            "person": plain(self._person),
            "can_rate": not self._store.database.is_read_only,
        }
        index = {**head["index"], "rated": rated_rows(compared)}
        head = {**head, "index": index, "live": live, "mlflow": mlflow}
        page = page_document(head, connect="'self'")
        return self._store.redactor.redact(page)

    def _answered(self, numbers: Sequence[int]) -> dict[int, AnsweredRows]:
        """The answers of these rows by variant, as far as there are such rows."""
        snapshot = self._snapshot
        scored, variants = snapshot.contents.compared.scored, snapshot.details.variants
        assert scored
        count = len(snapshot.contents.compared.plan.cells[variants[0]])
        numbers = [number for number in numbers if 0 <= number < count]
        by_variant = [dict(scored.numbered(variant, numbers)) for variant in variants]
        return {number: [rows.get(number) for rows in by_variant] for number in numbers}


def _text(example: Example) -> str:
    """All that the page shows of an example, in lower case."""
    values = [example.id, *example.inputs.values(), *example.expectations.values()]
    texts = (v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in values)
    return "\n".join(texts).lower()
