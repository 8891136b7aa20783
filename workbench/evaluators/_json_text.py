"""JSON texts of answers and expectations: strict reading, comparison, short forms for reasons.

>>> read_json('{"a": [1.0, true]}')
{'a': [1.0, True]}
>>> json_key([1.0, True]) == json_key([1, True]) != json_key([1, 1])
True
>>> shown_json({"city": "Oslo"})
'{"city": "Oslo"}'
"""

import json
import math
from typing import NoReturn

from workbench.canonical import JSON, canonical_json, without_point

MOST_SHOWN = 60  # characters of a value in a reason
MOST_DIGITS = 4_000  # of a whole number; Python's own limit is 4,300


def read_json(text: str) -> JSON:
    """The JSON value that `text` is (RFC 8259).

    Raises:
        ValueError: it is none, it is nested too deeply, or a number in it is too large.
    """
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def json_key(value: JSON) -> str:
    """Canonical JSON in which 1.0 is 1, and true is not 1: equal for equal values.

    Raises:
        RecursionError: the value is nested too deeply.
    """
    return canonical_json(_without_points(value))


def shown_json(value: JSON) -> str:
    """`value` as JSON, cut after some characters."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 1]}…"


def _without_points(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _without_points(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_without_points(entry) for entry in value]
    return without_point(value)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number with {len(digits):,} digits is not read")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:MOST_SHOWN]} is too large to be read")
    return number
