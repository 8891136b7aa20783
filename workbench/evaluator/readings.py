r"""Readings of an answer and of the expected value by metrics of MLflow and scorers of autoevals.

>>> read_number(" 3.50\n", "the answer"), read_label(2.0, "the expected value")
(3.5, '2')

Regression metrics read numbers, classification metrics labels without surrounding spaces, retrieval
metrics JSON lists; rouge and bleu compare with an expected text. Importing this imports neither
MLflow nor autoevals.
"""

import json
import re
from collections.abc import Mapping

from workbench.canonical import JSON, without_point
from workbench.errors import WorkbenchError

NUMBERS = ("rmse", "mae", "mse", "mape", "max_error", "r2_score")
BINARY = ("f1_score", "precision_score", "recall_score")  # of one label, without `average`
LABELS = (*BINARY, "exact_match")
LISTS = ("precision_at_k", "recall_at_k", "ndcg_at_k")
TEXTS = ("rouge1", "rouge2", "rougeL", "rougeLsum", "bleu")
READINGS = {
    **dict.fromkeys(NUMBERS, "number"),
    **dict.fromkeys(LABELS, "label"),
    **dict.fromkeys(LISTS, "list"),
    **dict.fromkeys(TEXTS, "text"),
}
# Scorers of autoevals that compare with an expected value of any type, or of this one.
SCORERS = {
    **dict.fromkeys(("ExactMatch", "JSONDiff"), "value"),
    **dict.fromkeys(("Levenshtein", "LevenshteinScorer", "EmbeddingSimilarity"), "text"),
    "NumericDiff": "number",
    "ListContains": "items",
}
PREFIX = "mlflow.metrics:"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class UnreadError(WorkbenchError):
    """An answer or an expected value that a metric can't read."""


def expected_reading(name: str) -> str:
    """The reading of expected values by the evaluator of this name; empty: it has none.

    >>> expected_reading("mlflow.metrics:rmse"), expected_reading("autoevals.json:JSONDiff")
    ('number', 'value')
    """
    if name.startswith(PREFIX):
        return READINGS.get(name.removeprefix(PREFIX), "")
    module, _, attribute = name.partition(":")
    return SCORERS.get(attribute, "") if module.partition(".")[0] == "autoevals" else ""


def check_expected(expectations: Mapping[str, JSON], *, reading: str) -> None:
    """Check that a metric or a scorer can read a row's expected value.

    Raises:
        UnreadError: it can't.
    """
    read_expected(expectations.get("expected_response"), reading)


def read_expected(expected: JSON, reading: str) -> JSON:
    """Return the expected value as a `number`, `label`, `list`, `text`, `items` or any `value`.

    Raises:
        UnreadError: there is none, or it is no such value.
    """
    if reading == "list":
        return read_list(expected)
    if expected is None:
        raise UnreadError("there is no expected value")
    if reading == "value":
        return expected
    if reading == "items":
        return read_items(expected, "the expected value")
    if reading == "text" and isinstance(expected, str):
        return expected
    return (read_number if reading == "number" else read_label)(expected, "the expected value")


def read_number(value: JSON, subject: str) -> float:
    """Return a number, also of text.

    Raises:
        UnreadError: it is none, or it is not finite; `subject` begins the message.
    """
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not NUMBER.fullmatch(text):
        raise UnreadError(f"{subject} is not a number")
    return float(text)


def read_label(value: JSON, subject: str) -> str:
    """Return a label as text; `1.0` is `1`, and true is `true`.

    Raises:
        UnreadError: it is a list or a mapping; `subject` begins the message.
    """
    if isinstance(value, list | dict):
        raise UnreadError(f"{subject} is not a single value")
    if isinstance(value, bool):
        return json.dumps(value)
    return str(without_point(value)).strip()


def read_list(value: JSON) -> JSON:
    """Return the list that a JSON text holds; everything else unchanged, for MLflow to refuse."""
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except ValueError:
            return value
        return parsed if isinstance(parsed, list) else value
    return value


def read_items(value: JSON, subject: str) -> JSON:
    """Return a list, also of JSON text.

    Raises:
        UnreadError: it is none; `subject` begins the message.
    """
    items = read_list(value)
    if not isinstance(items, list):
        raise UnreadError(f"{subject} is not a JSON list")
    return items
