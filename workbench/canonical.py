"""Content addresses: one JSON text for equal data, and its SHA-256.

digest({"b": 1, "a": [1.0, "é"]})  ->  "0a3e…" (64 hex digits, the same on every machine)
"""

import hashlib
import json
from typing import Any

JSON = Any  # None, bool, int, float, str, list and dict of these; what json.loads returns
_EXACT = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_CANONICAL = json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=True)


def canonical_json(value: JSON) -> str:
    """`value` as JSON with sorted keys and no spaces; equal data gives equal text.

    Raises:
        ValueError: NaN or an infinity, which JSON has no word for.
    """
    return _CANONICAL.encode(value)


def ordered_json(value: JSON) -> str:
    """`value` as JSON with its keys in their own order: a schema's order shapes an answer."""
    return _EXACT.encode(value)


def digest(value: JSON) -> str:
    """SHA-256 of `canonical_json(value)`: 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
