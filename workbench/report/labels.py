"""People's assessments in MLflow on a terminal, as CSV and as JSON.

row  variant   person  when                 name    value  comment
r3   few_shot  ann     2026-03-01 10:20:30  polite  true   kind words
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from workbench.canonical import JSON
from workbench.dataset.csv_cells import csv_line
from workbench.errors import pluralize
from workbench.report.safe_text import plain, shorten
from workbench.report.tables import align_rows
from workbench.tracking.human_labels import HumanLabel

COLUMNS = ("row", "variant", "person", "when", "name", "value", "comment")
CSV_COLUMNS = ("id", "variant", "person", "label", "name", "when", "comment")
WIDTH = 40  # characters of a cell on the terminal


def label_lines(labels: Sequence[HumanLabel]) -> Iterator[str]:
    """A line per assessment, and how many there are."""
    if labels:
        yield from align_rows([COLUMNS, *map(_cells, labels)])
    people = pluralize(len({label.person for label in labels}), "person", "people")
    yield f"{pluralize(len(labels), 'assessment')} by {people}"


def label_csv(labels: Sequence[HumanLabel]) -> str:
    """A file that `judge calibrate --labels` reads; no cell is a formula."""
    rows = [
        (e.row, e.variant, e.person, _value(e.value), e.name, _when(e), e.comment) for e in labels
    ]
    return b"".join(map(csv_line, [CSV_COLUMNS, *rows])).decode()


def label_json(labels: Sequence[HumanLabel]) -> dict[str, JSON]:
    """The assessments with all their fields."""
    return {"labels": [asdict(label) | {"at": _when(label)} for label in labels]}


def _cells(label: HumanLabel) -> tuple[str, ...]:
    row = label.row + (f"#{label.repeat}" if label.repeat else "")
    name = f"{label.name} (comparison page)" if label.from_page else label.name
    texts = row, label.variant, label.person, _when(label), name, _value(label.value)
    return tuple(shorten(plain(text), WIDTH) for text in (*texts, label.comment))


def _when(label: HumanLabel) -> str:
    return f"{datetime.fromtimestamp(label.at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _value(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
