"""Settings of an evaluator's entry that choose its rows and their expected values.

- exact_match: {rows: {topic: [sports, politics]}, expected_column: answer, by: topic}

read_coverage(settings, dataset)       Coverage({"topic": ("sports", …)}, "answer") and "topic"
slices(evaluator, "topic", dataset)    [Evaluator("exact_match: sports", …), …]
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from workbench.canonical import JSON, digest
from workbench.dataset import Dataset
from workbench.dataset.row_columns import find_column
from workbench.errors import WorkbenchError, list_first
from workbench.evaluator import Evaluator
from workbench.evaluator.combination import SLICE, CombinedScore, Part
from workbench.evaluator.coverage import Coverage, column_text
from workbench.evaluator.spec import COVERAGE

MAX_NAME = 64  # characters of a column
MOST_VALUES = 20  # of a column that an evaluator is sliced by
_EXAMPLE = "rows: {topic: sports}, or {topic: [sports, politics]}"


def read_coverage(settings: dict[str, JSON], dataset: Dataset) -> tuple[Coverage | None, str]:
    """Take these settings out of an entry's; return the rows, and the column of `by:`.

    Raises:
        WorkbenchError: a setting has the wrong form, or names a column or a value that no row has.
    """
    rows, by, expected = (settings.pop(name, None) for name in COVERAGE)
    chosen = {} if rows is None else _chosen_rows(rows, dataset)
    column = "" if expected is None else _column("expected_column", expected, dataset)
    coverage = Coverage(chosen, column) if chosen or column else None
    return coverage, "" if by is None else _column("by", by, dataset)


def slices(evaluator: Evaluator, column: str, dataset: Dataset) -> list[Evaluator]:
    """The evaluator for the rows of each value of the column, the most frequent value first.

    Raises:
        WorkbenchError: the column has a single value, or too many.
    """
    coverage = evaluator.coverage or Coverage()
    parts = [example.columns() for example in dataset.examples]
    texts = (column_text(columns, column) for columns in parts if coverage.includes(columns))
    counts = Counter(text for text in texts if text is not None)
    if not 2 <= len(counts) <= MOST_VALUES:
        problem = "all rows have one value" if len(counts) < 2 else f"{len(counts)} values"
        message = f"by: {evaluator.name} can't be sliced by {column!r}: {problem}"
        fix = f"name a column with 2 to {MOST_VALUES} values, or leave `by` out"
        raise WorkbenchError(message, fix=fix)
    sliced: list[Evaluator] = []
    for (value, _), name in zip(counts.most_common(), _names(evaluator, counts), strict=True):
        rows = {**coverage.rows, column: (value,)}
        part = replace(coverage, rows=rows, slice_of=evaluator.name)
        sliced.append(_slice(evaluator, name, part))
    return sliced


def _slice(evaluator: Evaluator, name: str, coverage: Coverage) -> Evaluator:
    """The evaluator for these rows, whose scores are not computed again."""
    if evaluator.traits.by_column:
        return replace(evaluator, name=name, coverage=coverage, needs_expectations=False)
    return Evaluator(
        name,
        traits=replace(evaluator.traits, cache=True),
        digest=digest([SLICE, evaluator.metric_digest, sorted(coverage.rows.items())]),
        source=evaluator.source,
        combination=CombinedScore(SLICE, (Part(evaluator.name),)),
        coverage=coverage,
    )


def _names(evaluator: Evaluator, counts: Counter[str]) -> Iterator[str]:
    """A name for each value that tables and MLflow can show; unique."""
    taken: set[str] = set()
    for rank, (value, _) in enumerate(counts.most_common(), start=1):
        text = " ".join(re.sub(r"[^A-Za-z0-9_.:-]+", " ", value).split())
        name = f"{evaluator.name}: {text or f'value {rank}'}"[:MAX_NAME].rstrip()
        if name in taken:
            name = f"{name[: MAX_NAME - 4]} {rank}"
        taken.add(name)
        yield name


def _chosen_rows(rows: JSON, dataset: Dataset) -> dict[str, tuple[str, ...]]:
    if not isinstance(rows, Mapping) or not rows:
        raise WorkbenchError(f"rows is {rows!r:.60}, not columns with values", fix=_EXAMPLE)
    chosen: dict[str, tuple[str, ...]] = {}
    for name, values in rows.items():
        column = _column("rows", name, dataset)
        wanted = values if isinstance(values, list) else [values]
        if not wanted or any(isinstance(value, list | dict) for value in wanted):
            raise WorkbenchError(f"rows: {name} is {values!r:.60}, not values", fix=_EXAMPLE)
        chosen[column] = tuple(str(value) for value in wanted)
        _check_values(name, column, chosen[column], dataset)
    return chosen


def _check_values(name: str, column: str, values: tuple[str, ...], dataset: Dataset) -> None:
    """Refuse a value that no row has, unless only the first rows are at hand."""
    texts = (column_text(example.columns(), column) for example in dataset.examples)
    present = list(dict.fromkeys(text for text in texts if text is not None))
    missing = [value for value in values if value not in present]
    if missing and len(dataset.examples) == dataset.rows:
        message = f"rows: no row has {name} {missing[0]!r}"
        fix = f"its values are {list_first(present, MOST_VALUES)}"
        raise WorkbenchError(message, fix=fix)


def _column(setting: str, name: JSON, dataset: Dataset) -> str:
    """The key of a column of the dataset's rows."""
    if not isinstance(name, str):
        fix = f"name one of {list_first(sorted(dataset.variables), MOST_VALUES)}"
        raise WorkbenchError(f"{setting} is {name!r:.60}, not the name of a column", fix=fix)
    return find_column(name, dataset, dataset.examples)
