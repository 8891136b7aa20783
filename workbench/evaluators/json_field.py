"""Evaluator: one field of the answer's JSON has the expected value.

>>> json_field('{"total": 12.0}', {"expected_response": {"total": 12}}, field="total")
Score(value=True, reason='', label='right', error='', parsed='12.0')
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluator.json_path import Keys, json_values, read_path, value_at
from workbench.evaluators._json_text import MOST_SHOWN, shown_json
from workbench.evaluators._text import normalize_text, read_steps

_MISSING: JSON = object()


@dataclass(frozen=True)
class _Comparison:
    """Settings of comparing two JSON values."""

    tolerance: float
    ignore_case: bool
    steps: frozenset[str]

    def equal(self, value: JSON, expected: JSON) -> bool:
        """True if the values are equal; raises RecursionError if they are nested too deeply."""
        if isinstance(value, bool) or isinstance(expected, bool):
            return value is expected
        if isinstance(value, int | float) and isinstance(expected, int | float):
            return value == expected or _distance(value, expected) <= self.tolerance
        if isinstance(value, str) and isinstance(expected, str):
            return self._folded(value) == self._folded(expected)
        if isinstance(value, list) and isinstance(expected, list):
            pairs = zip(value, expected, strict=False)
            return len(value) == len(expected) and all(self.equal(*pair) for pair in pairs)
        if isinstance(value, dict) and isinstance(expected, dict):
            names = value.keys() if value.keys() == expected.keys() else ()
            return len(names) == len(expected) and all(
                self.equal(value[name], expected[name]) for name in names
            )
        return value is None and expected is None

    def _folded(self, text: str) -> str:
        text = normalize_text(text, self.steps).strip()
        return text.casefold() if self.ignore_case else text


@evaluator(kind="pass")
def json_field(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    field: str,
    ignore_case: bool = False,
    tolerance: float = 0.0,
    optional: bool = False,
    normalize: JSON = None,
) -> Score:
    """True if a field of the answer's JSON has the value that the row expects.

    The JSON is the answer, a code block in it, or a part of its text, the first that has the field.
    Values are compared as JSON: keys in any order, 1.0 is 1, true is not 1; strings without white
    space at their ends. The outcomes are right, differs, missing, and unparsed (no JSON).

    Args:
        outputs: the answer.
        expectations: `expected_response` is a JSON object, or its text.
        field: a name, or a path: `$.address.city`, `$.items[0]['unit price']`.
        ignore_case: `OSLO` is `Oslo`.
        tolerance: greatest difference between two numbers that counts as none.
        optional: the field may be missing, which is null, in the answer and in the expectation.
        normalize: steps of normalisation that are on or off; `none` for none.

    Raises:
        WorkbenchError: `expected_response` is no JSON object, or lacks the field.
    """
    keys = _field_keys(field)
    expected = _expected_value(expectations, field, optional)
    if not (values := list(json_values(outputs))):
        return Score(False, "no JSON in the answer", "unparsed")
    parts = (part for each in values if (part := _at(each, keys)) is not _MISSING)
    value = next(parts, None if optional else _MISSING)
    if value is _MISSING:
        return Score(False, f"no {field}, expected {shown_json(expected)}", "missing")
    comparison = _Comparison(tolerance, ignore_case, read_steps(normalize))
    try:
        right, shown = comparison.equal(value, expected), shown_json(value)
    except RecursionError:
        return Score(False, f"{field} is nested too deeply", "unparsed")
    if right:
        return Score(True, label="right", parsed=shown)
    label = "missing" if value is None else "differs"
    return Score(False, f"{shown}, expected {shown_json(expected)}", label, parsed=shown)


def check_expected(
    expectations: Mapping[str, JSON], *, field: str, optional: bool = False, **_settings: JSON
) -> None:
    """Check that the row expects a value of the field; raises WorkbenchError as `json_field`."""
    _expected_value(expectations, field, optional)


def check_settings(**settings: JSON) -> None:
    """Check the path, the tolerance and `normalize`.

    Raises:
        WorkbenchError: one of them isn't valid.
    """
    _field_keys(settings["field"])
    read_steps(settings.get("normalize"), "json_field")
    if not 0 <= settings.get("tolerance", 0.0) < math.inf:
        fix = "write a number from 0: the greatest difference that counts as none"
        raise WorkbenchError(f"json_field: tolerance is {settings['tolerance']!r}", fix=fix)


def _field_keys(field: str) -> Keys:
    """The keys of a path, or the name of a field of the top level."""
    if not field.strip():
        fix = "write a name or a path: field: total, field: $.address.city"
        raise WorkbenchError("json_field: field is empty", fix=fix)
    return read_path(field, "json_field:") if field.startswith("$") else [field]


def _expected_value(expectations: Mapping[str, JSON], field: str, optional: bool) -> JSON:
    """The value that the row expects; None for a missing one of an optional field."""
    answer = expectations.get("expected_response")
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            answer = None
    if not isinstance(answer, dict | list):
        shown = repr(expectations.get("expected_response"))[:MOST_SHOWN]
        fix = 'write an object: {"name": "pen", "total": 12}, or name its column in `expected:`'
        raise WorkbenchError(f"expected_response is {shown}, not a JSON object", fix=fix)
    value = _at(answer, _field_keys(field))
    if value is _MISSING and not optional:
        fix = "add it to the row, or set `optional: true`"
        raise WorkbenchError(f"expected_response has no {field}", fix=fix)
    return None if value is _MISSING else value


def _distance(value: float, other: float) -> float:
    """The difference of two numbers; infinite if it is no finite one."""
    try:
        distance = float(abs(value - other))
    except OverflowError:  # of a whole number that no float holds
        return math.inf
    return math.inf if math.isnan(distance) else distance


def _at(value: JSON, keys: Keys) -> JSON:
    """The value at these keys, or `_MISSING`."""
    try:
        return value_at(value, keys)
    except LookupError:
        return _MISSING
