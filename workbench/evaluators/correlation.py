"""Evaluator of a run: the correlation of answered with expected numbers.

>>> round(correlation([(1.0, 1.0), (2.0, 2.0), (3.0, 4.0)]).value, 3)
0.982
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator, per_row
from workbench.evaluator.readings import read_number

FloatArray = NDArray[np.float64]
Method = Literal["pearson", "spearman"]


def read_pair(outputs: str, expectations: Mapping[str, JSON]) -> tuple[float, float]:
    """The answered and the expected number; raises WorkbenchError if one is none."""
    expected = expectations.get("expected_response")
    return read_number(outputs, "the answer"), read_number(expected, "the expected value")


@evaluator(over="run", range=(-1, 1))
@per_row(read_pair)
def correlation(rows: Sequence[tuple[float, float]], *, method: Method = "pearson") -> Score:
    """The correlation of the answers with the expected numbers, -1 to 1.

    Pearson's, or with `method: spearman` that of the ranks. An answer must be a number and nothing
    else: `transform` cuts one out.
    """
    columns = np.array(rows).T
    if method == "spearman":
        columns = np.array([_ranks(column) for column in columns])
    deviations = columns - columns.mean(axis=1, keepdims=True)
    squares = (deviations**2).sum(axis=1)
    if not squares.all():
        which = "answers" if squares[1] else "expected numbers"
        raise ValueError(f"all {which} are equal, so nothing correlates with them")
    value = float(deviations[0] @ deviations[1]) / math.sqrt(float(squares.prod()))
    return Score(max(-1.0, min(1.0, value)))


def _ranks(values: FloatArray) -> FloatArray:
    """The rank of each value; equal ones share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[places]


def check_settings(**settings: JSON) -> None:
    """Check the method; raises WorkbenchError if it is none."""
    method = settings.get("method", "pearson")
    if method not in get_args(Method):
        raise unknown_name("method of correlation:", str(method), get_args(Method))


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the expected value is a number; raises WorkbenchError if it is none."""
    if expectations.get("expected_response") is None:
        message = "this row has no expected_response"
        raise WorkbenchError(message, fix="add `expected: COLUMN` to the dataset")
    read_number(expectations["expected_response"], "the expected value")
