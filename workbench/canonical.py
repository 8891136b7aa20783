r"""Content addresses: one JSON text for equal data, and its SHA-256.

>>> canonical_json({"b": 1, "a": [1.0, "é"]})
'{"a":[1.0,"\\u00e9"],"b":1}'
>>> digest({"b": 1, "a": [1.0, "é"]})[:8]
'db1687b3'
"""

import hashlib
import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

SCHEMA_VERSION = 2  # of all that `--json` prints, and of the JSON beside the runs
JSON = Any  # None, bool, int, float, str, list and dict of these; what json.loads returns
_ORDERED = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_CANONICAL = json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=True)


def canonical_json(value: JSON) -> str:
    """`value` as JSON with sorted keys and no spaces; equal data gives equal text.

    Raises:
        ValueError: NaN or an infinity, which JSON lacks.
    """
    return _CANONICAL.encode(value)


def ordered_json(value: JSON) -> str:
    """`value` as JSON with its keys in their order: the order of a schema can change the answer."""
    return _ORDERED.encode(value)


def finite_numbers(numbers: Mapping[str, float] | None) -> dict[str, float | None] | None:
    """`numbers` with None for the infinite ones, which JSON can't write."""
    if numbers is None:
        return None
    return {name: value if isfinite(value) else None for name, value in numbers.items()}


def digest(value: JSON) -> str:
    """SHA-256 of `canonical_json(value)`: 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
