"""Columns over all rows of a comparison, by which the page filters, orders and counts.

    {"rows": 3, "suspect": [[2]], "variants": [{"states": "003", "outputs": "001", "metrics": […]}]}

They come from the tallies, so no answer is read.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.report.slices import MAX_SLICES
from workbench.results.score_column import CATEGORY, NUMBER, SCORED, STATES, ScoreColumn

NOT_RUN, FAILED = "4", "3"
# The character of each state of a tally: 0 is not run, the next ones are STATES.
STATE_CODES = np.frombuffer(
    (NOT_RUN + "012" + FAILED * (len(STATES) - SCORED)).encode(), dtype=np.uint8
)
FIRST = ord("0")
MAX_LABELS = 1_000  # categories of a metric that are told apart
OTHER = "other categories"


def row_index(compared: ExperimentComparison) -> dict[str, JSON]:
    """The index of the compared variants."""
    variants = compared.compared_variants
    tallies = [compared.tallies[number] for number in variants]
    hashes = [np.asarray(tally.text_hashes) for tally in tallies]
    names = [evaluator.name for evaluator in compared.plan.experiment.evaluators]
    labels = {name: category_labels(compared, name) for name in names}
    suspects = {pattern.metric: pattern.suspect for pattern in compared.patterns}
    return {
        "rows": len(compared.plan.cells[variants[0]]),
        "suspect": [list(suspects.get(name, ())) for name in names],
        "slices": _slice_codes(compared),
        "variants": [
            {
                "states": _codes(STATE_CODES[np.frombuffer(tally.states, np.uint8)]),
                "outputs": _first_equal(hashes, position),
                "metrics": [_metric(tally.columns[name], labels[name]) for name in names],
            }
            for position, tally in enumerate(tallies)
        ],
    }


def _slice_codes(compared: ExperimentComparison) -> str:
    """A character for each row of the dataset: its slice. Empty without slices."""
    codes = ["-"] * (compared.plan.rows if compared.slices else 0)
    for position, part in enumerate(compared.slices[:MAX_SLICES]):
        for row in part.rows:
            codes[row] = chr(FIRST + position)
    return "".join(codes)


def category_labels(compared: ExperimentComparison, metric: str) -> list[str]:
    """The categories of a metric over all compared variants, in order; empty for numbers."""
    columns = [compared.tallies[number].columns[metric] for number in compared.compared_variants]
    if any(column.kind not in ("category", "") for column in columns):
        return []
    labels = sorted({label for column in columns for label in column.outcomes()})
    return labels if len(labels) <= MAX_LABELS else [*labels[: MAX_LABELS - 1], OTHER]


def _first_equal(hashes: Sequence[NDArray[np.int64]], position: int) -> str:
    """For each row the first variant whose output equals that of the variant at `position`."""
    first = np.full(len(hashes[position]), position)
    for earlier in range(position - 1, -1, -1):
        first[hashes[earlier] == hashes[position]] = earlier
    return "".join(map(chr, (first + FIRST).tolist()))


def _metric(column: ScoreColumn, labels: Sequence[str]) -> dict[str, JSON]:
    return {"values": _values(column, labels), "errors": sorted(column.error_rows())}


def _values(column: ScoreColumn, labels: Sequence[str]) -> JSON:
    kinds = np.frombuffer(column.kinds, np.uint8)
    if labels:
        codes = {label: chr(FIRST + code) for code, label in enumerate(labels)}
        other = chr(FIRST + len(labels) - 1)
        texts = column.labels()
        return "".join(
            codes.get(text, other) if kind == CATEGORY else "-"
            for kind, text in zip(kinds, texts, strict=True)
        )
    values = np.asarray(column.values)
    has_value = kinds == NUMBER
    if column.kind == "pass":
        return _codes(np.where(has_value, FIRST + values, ord("-")).astype(np.uint8))
    if not has_value.any():
        return ""
    pairs = zip(has_value.tolist(), values.tolist(), strict=True)
    return [_short(value) if is_number else None for is_number, value in pairs]


def _short(value: float) -> float:
    """The number with six digits; an integer where it is one."""
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _codes(characters: NDArray[np.uint8]) -> str:
    return characters.tobytes().decode("ascii")
