"""The rows of a comparison as a data frame, and as a CSV, Parquet or JSON file.

   row  id text expected variant output  exact_match  latency_s …
0    0  r1  yes      yes   short    yes          1.0      0.412

A column of the data keeps its name. If that is one of ours, it is called `inputs.output`, and a
metric of this name `metrics.output`.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import IO, Any

import pandas as pd

from workbench.canonical import ordered_json
from workbench.comparing.changed_rows import ReadRows
from workbench.completing.budget import Budget
from workbench.dataset import EXPECTED, Example
from workbench.dataset.csv_cells import csv_line
from workbench.plan import Plan, Variant
from workbench.project import Price
from workbench.report.row_names import NAMES, TOKENS, metric_column
from workbench.results.types import Row


def rows_frame(plan: Plan, read_rows: ReadRows, prices: Mapping[str, Price]) -> pd.DataFrame:
    """A line per row of each variant, with each repeat, in the order of the variants.

    A metric's column is float, with True as 1.0 and NaN where there is no score, so that a mean of
    the column is the metric's; categories stay text.
    """
    budget, repeats = Budget(prices), plan.experiment.repeats
    metrics = {e.name: metric_column(e.name) for e in plan.experiment.evaluators}
    ends = ("", ".reason", ".error")
    taken = {*NAMES, *(f"{column}{end}" for column in metrics.values() for end in ends)}
    data = [_data_columns(example, taken) for example in plan.examples]
    lines: list[dict[str, Any]] = []
    for number, variant in enumerate(plan.variants):
        rows = {n: row for batch in read_rows(number) for n, row in batch}
        for index, cell in enumerate(plan.cells[number]):
            row = rows.get(index, Row(cell, None))
            answer = _answer_columns(row, variant, metrics)
            repeat = {"repeat": cell.repeat} if repeats > 1 else {}
            cost = row.completion and budget.cost(variant.model.model.ref, row.completion)
            place = {"row": index // repeats, **data[index // repeats]}
            lines.append({**place, **repeat, **answer, "cost": cost})
    frame = pd.DataFrame(lines)
    for name in ("latency_s", "cost", *metrics.values()):
        if not any(isinstance(value, str) for value in frame[name]):
            frame[name] = frame[name].astype(float)
    return frame.astype(dict.fromkeys(TOKENS, "Int64"))


def _data_columns(example: Example, taken: set[str]) -> dict[str, Any]:
    """Id and data of a row; a single right answer is `expected`."""
    columns: dict[str, Any] = {"id": example.id}
    others = {name: value for name, value in example.expectations.items() if name != EXPECTED}
    parts = {"inputs": example.inputs, "expectations": others, "metadata": example.metadata}
    for part, values in parts.items():
        for name, value in values.items():
            is_free = name not in taken and name not in columns
            columns[name if is_free else f"{part}.{name}"] = value
    return {**columns, "expected": example.expectations.get(EXPECTED)}


def _answer_columns(row: Row, variant: Variant, metrics: Mapping[str, str]) -> dict[str, Any]:
    completion = row.completion
    columns: dict[str, Any] = {
        "variant": variant.name,
        "prompt": variant.prompt.ref,
        "model": variant.model.model.ref,
        "output": completion.text if completion and completion.scored else None,
        "state": completion.state if completion else "not_run",
        "error": (completion.error or None) if completion else None,
    }
    for name, column in metrics.items():
        score = row.scores.get(name)
        columns[column] = score.value if score and not score.error else None
        columns[f"{column}.reason"] = (score.reason or None) if score else None
        columns[f"{column}.error"] = (score.error or None) if score else None
    tokens = {name: completion and getattr(completion.usage, name) for name in TOKENS}
    return {**columns, **tokens, "latency_s": completion and completion.latency_s}


def write_csv(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """Write a header and a line per row; no cell is a formula, numbers stay numbers."""
    file.write(csv_line(frame.columns))
    for line in _lines(frame):
        file.write(csv_line(map(_cell, line.values())))


def write_json(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """Write a list with an object per row, each on a line."""
    text = ",\n".join(map(ordered_json, _lines(frame)))
    file.write(f"[{text}]\n".encode())


def write_parquet(frame: pd.DataFrame, file: IO[bytes]) -> None:
    """Write a column per column; those with values of several kinds are text."""
    texts = {name: _as_text(frame[name]) for name in frame if frame[name].dtype == object}
    frame.assign(**texts).to_parquet(file, index=False)


def _lines(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    """The rows as dicts, None where a value is missing."""
    return [
        {name: None if _is_missing(value) else value for name, value in line.items()}
        for line in frame.astype(object).to_dict("records")
    ]


def _is_missing(value: object) -> bool:
    return value is pd.NA or (isinstance(value, float) and not isfinite(value))


def _cell(value: Any) -> str | float | None:
    """A cell of CSV: lists and mappings as JSON."""
    return value if value is None or isinstance(value, str | int | float) else ordered_json(value)


def _as_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column that has one type: texts, or the JSON of its values."""
    kinds = {type(value) for value in column if value is not None and not _is_missing(value)}
    if len(kinds) <= 1 and not kinds & {dict, list}:
        return column
    return column.map(lambda value: value if isinstance(value, str | None) else ordered_json(value))


# Writers of a frame by the ending of the file.
WRITERS: dict[str, Callable[[pd.DataFrame, IO[bytes]], None]] = {
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".json": write_json,
}
