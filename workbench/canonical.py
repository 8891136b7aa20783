r"""JSON: values of libraries as JSON data, one text for equal data, and its SHA-256.

>>> canonical_json({"b": 1, "a": [1.0, "é"]})
'{"a":[1.0,"\\u00e9"],"b":1}'
>>> digest({"b": 1, "a": [1.0, "é"]})[:8]
'db1687b3'
"""

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping
from json.encoder import (  # type: ignore[attr-defined]  # one of them isn't in typeshed
    c_make_encoder,
    encode_basestring,
    encode_basestring_ascii,
)
from math import isfinite, isinf, isnan
from typing import Any

SCHEMA_VERSION = 2  # of all that `--json` prints, and of the JSON beside the runs
JSON = Any  # None, bool, int, float, str, list and dict of these; what json.loads returns


def encode_function(encoder: json.JSONEncoder) -> Callable[[JSON], str]:
    """Return `encoder.encode`, made once: Python makes its C encoder again for each value.

    That takes longer than to encode a row. Circular data is a RecursionError.
    """
    if c_make_encoder is None:
        return encoder.encode
    encode_text = encode_basestring_ascii if encoder.ensure_ascii else encode_basestring
    encode = c_make_encoder(
        *(None, encoder.default, encode_text, None),
        *(encoder.key_separator, encoder.item_separator),
        *(encoder.sort_keys, encoder.skipkeys, encoder.allow_nan),
    )
    return lambda value: "".join(encode(value, 0))


plain_json = encode_function(json.JSONEncoder())  # as `json.dumps`
unescaped_json = encode_function(json.JSONEncoder(ensure_ascii=False))
_encode_ordered = encode_function(json.JSONEncoder(separators=(",", ":"), allow_nan=False))
_encode_canonical = encode_function(
    json.JSONEncoder(separators=(",", ":"), allow_nan=False, sort_keys=True)
)


def canonical_json(value: JSON) -> str:
    """`value` as JSON with sorted keys and no spaces; equal data gives equal text.

    Raises:
        ValueError: NaN or an infinity, which JSON lacks.
    """
    return _encode_canonical(value)


def ordered_json(value: JSON) -> str:
    """`value` as JSON with its keys in their order: the order of a schema can change the answer."""
    return _encode_ordered(value)


def finite_numbers(numbers: Mapping[str, float] | None) -> dict[str, float | None] | None:
    """`numbers` with None for the infinite ones, which JSON can't write."""
    if numbers is None:
        return None
    return {name: value if isfinite(value) else None for name, value in numbers.items()}


def without_point(value: JSON) -> JSON:
    """A whole float as an integer; any other value unchanged.

    >>> [without_point(value) for value in (5.0, 0.5, "5.0", True)]
    [5, 0.5, '5.0', True]
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest(value: JSON) -> str:
    """SHA-256 of `canonical_json(value)`: 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def as_json(value: object) -> JSON:
    """Return `value` as JSON data; dates and times become ISO 8601 strings, a missing cell null.

    Raises:
        ValueError: JSON has no such value: bytes, decimals, images, infinities, …
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if isnan(value):
            return None
        if isinf(value):
            raise ValueError(f"{value} is not a JSON number; write null for a missing number")
        return value
    if isinstance(value, datetime.date | datetime.datetime | datetime.time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: as_json(entry) for key, entry in value.items()}
    raise ValueError(f"{type(value).__name__} is not a JSON type; store a string or a number")


def hash_parts(digits: int, *parts: object) -> str:
    """Hexadecimal digits of a digest of these values as text."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:digits]
