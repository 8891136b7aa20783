"""Rows of a plan as records: each with its request's body, its label, and if it is sampled.

    RowRecord(number=3, row=Row(…), body='{"model": …}', name="a joy", sampled=True)

MLflow's comparison pairs the rows of two runs by the name alone. So rows with equal inputs are told
apart by their ids, and repeats by their numbers: "a joy", "r2 · a bore", "r3 #2 · a bore".
"""

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b

from workbench.canonical import JSON, hash_parts
from workbench.evaluator import Score
from workbench.plan import Cell, Plan
from workbench.results.types import Row
from workbench.tracking.protocol import RowRecord

PREVIEW_LENGTH = 1000  # characters


class RowRecords:
    """The records of a plan's rows; at most `sample_size` rows per variant are sampled."""

    def __init__(self, plan: Plan, sample_size: int) -> None:
        self._plan = plan
        self._sample_size = sample_size

    def build(self, variant: int, rows: Iterable[tuple[int, Row]]) -> list[RowRecord]:
        """The records of numbered rows of a variant."""
        clusters, repeats = self._clusters(variant), self._plan.experiment.repeats
        return [
            RowRecord(
                number,
                _without_raw_reply(row),
                self._plan.bodies[row.cell.key].text,
                self._names[number],
                sampled=self.is_sampled(number),
                cluster=clusters[number // repeats] if clusters else None,
            )
            for number, row in rows
        ]

    def is_sampled(self, number: int) -> bool:
        """True if this row gets a trace in each variant; those of failed answers always do."""
        return self._sample is None or bool(self._sample[number])

    def _clusters(self, variant: int) -> Sequence[int]:
        """The cluster of each dataset row; empty if every row is independent."""
        clusters = self._plan.clusters((variant,))
        return clusters if len(set(clusters)) < len(clusters) else ()

    @cached_property
    def _names(self) -> Sequence[str]:
        """The names of all rows, the same in every variant."""
        cells = self._plan.cells[0]
        texts = [_preview(cell.example.inputs) for cell in cells]
        counts = Counter(texts)
        names: list[str] = []
        for text, cell in zip(texts, cells, strict=True):
            if counts[text] > 1 or len(text) > PREVIEW_LENGTH:
                repeat = f" #{cell.repeat + 1}" if counts[text] > 1 else ""
                text = f"{cell.example.id}{repeat} · {text}"[:PREVIEW_LENGTH]
            names.append(text)
        return names

    @cached_property
    def _sample(self) -> bytearray | None:
        """A flag per row, the same in every variant and every invocation; None: all rows."""
        cells = self._plan.cells[0]
        if len(cells) <= self._sample_size:
            return None
        flags = bytearray(len(cells))
        for number in heapq.nsmallest(
            self._sample_size, range(len(cells)), key=lambda number: _sampling_hash(cells[number])
        ):
            flags[number] = True
        return flags


def _without_raw_reply(row: Row) -> Row:
    """The row as a record needs it: the raw reply appears in no record."""
    if row.completion is None or row.completion.raw is None:
        return row
    return Row(row.cell, replace(row.completion, raw=None), row.scores)


def _sampling_hash(cell: Cell) -> bytes:
    return blake2b(f"{cell.example.id}\0{cell.repeat}".encode(), digest_size=8).digest()


def _preview(inputs: Mapping[str, JSON]) -> str:
    values = list(inputs.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(dict(inputs), ensure_ascii=False)


def trace_id(run_id: str, example_id: str, repeat: int) -> str:
    """The id of a row's trace: a hash of the run and the row, not of the content."""
    return f"tr-{hash_parts(32, run_id, example_id, repeat)}"


def rationale(score: Score) -> str | None:
    """The reason for the score's value, after its label; None if it has neither."""
    return " · ".join(part for part in (score.label, score.reason) if part) or None
