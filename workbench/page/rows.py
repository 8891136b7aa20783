"""Row details of a comparison: texts and numbers of each cell, and what may be left out of a file.

{"number": 17, "id": "r17", "inputs": ["…"], "cells": [{"text": "no", "scores": [0.0]}, null]}
"""

import json
from collections.abc import Iterator, Sequence

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.completing.budget import Budget
from workbench.dataset import EXPECTED
from workbench.evaluator import Score
from workbench.model import Completion, Request
from workbench.model.sent_messages import sent_messages
from workbench.page.row_images import PageImages
from workbench.report.safe_text import plain
from workbench.results.types import Row

MAX_TEXT = 4_000  # characters of an input, an output or a message
AnsweredRows = Sequence[Row | None]  # one row of each compared variant


class RowDetails:
    """Details of the rows of a comparison.

    Attributes:
        variants: the compared variants, in the order of the cells.
    """

    def __init__(self, compared: ExperimentComparison) -> None:
        plan = compared.plan
        self.variants = compared.compared_variants
        self._plan, self._read_rows = plan, compared.read_rows
        self._cells = plan.cells[self.variants[0]]
        self._metrics = [evaluator.name for evaluator in plan.experiment.evaluators]
        self._models = [plan.variants[number].model.model.ref for number in self.variants]
        self._budget = Budget(compared.prices)
        self._traces = compared.traces
        self._images = PageImages(plan, self.variants)

    def read(self) -> Iterator[tuple[int, AnsweredRows]]:
        """Yield the number of each row up to the last that has an answer, with its answers."""
        start = 0
        for chunks in zip(*map(self._read_rows, self.variants), strict=True):
            by_number = [dict(chunk) for chunk in chunks]
            last = max((number for rows in by_number for number in rows), default=start - 1)
            for number in range(start, last + 1):
                yield number, [rows.get(number) for rows in by_number]
            start = last + 1

    def row_json(self, number: int, rows: AnsweredRows) -> dict[str, JSON]:
        """The row with all that a list shows of it."""
        cell = self._cells[number]
        example = cell.example
        expected = example.expectations.get(EXPECTED)
        columns = self._plan.experiment.dataset.columns
        images = self._images.of_row(number)
        return {
            "number": number,
            "id": shorten_text(example.id),
            "repeat": cell.repeat,
            "inputs": [shorten_text(example.inputs.get(name)) for name in columns],
            "expected": None if expected is None else shorten_text(expected),
            "cells": [self._cell(variant, row) for variant, row in enumerate(rows)],
            **({"images": images} if images else {}),
        }

    def more_json(self, rows: AnsweredRows) -> list[JSON]:
        """Of each cell the rendered prompt and the reasons of its scores."""
        return [self._more(row) for row in rows]

    def _cell(self, variant: int, row: Row | None) -> dict[str, JSON] | None:
        if row is None or row.completion is None:
            return None
        completion = row.completion
        usage, latency = completion.usage, completion.latency_s
        state = "" if completion.scored else completion.error or completion.state
        scores = [row.scores.get(name) for name in self._metrics]
        tokens = [usage.input_tokens, usage.output_tokens]
        trace = self._traces.find(self._plan.variants[self.variants[variant]], row)
        return {
            "text": shorten_text(completion.text),
            "state": shorten_text(state),
            "scores": [_value(score) for score in scores],
            **({"tokens": tokens} if tokens != [None, None] else {}),
            **({"latency": float(f"{latency:.4g}")} if latency else {}),
            **self._cost(variant, completion),
            **({"trace": trace} if trace else {}),
        }

    def _cost(self, variant: int, completion: Completion) -> dict[str, JSON]:
        cost = self._budget.cost(self._models[variant], completion)
        return {} if cost is None else {"cost": float(f"{cost:.4g}")}

    def _more(self, row: Row | None) -> JSON:
        if row is None or row.completion is None:
            return None
        scores = [row.scores.get(name) for name in self._metrics]
        reasons = [
            shorten_text(" · ".join(filter(None, (score.error, score.label, score.reason))))
            if score
            else ""
            for score in scores
        ]
        prompt = messages(self._plan.bodies[row.cell.key])
        return {"reasons": reasons if any(reasons) else [], "prompt": prompt}


def _value(score: Score | None) -> JSON:
    """A number, or the text of a category; None: there is no value."""
    if score is None or score.error:
        return None
    return shorten_text(score.value) if isinstance(score.value, str) else score.number


def messages(request: Request) -> list[list[str]]:
    """Role and text of each message of a request; of a text without roles the role is empty."""
    return [[plain(role), shorten_text(text)] for role, text in sent_messages(request.body)]


def shorten_text(value: JSON) -> str:
    """The value as text without control characters, cut after MAX_TEXT characters."""
    text = plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"
