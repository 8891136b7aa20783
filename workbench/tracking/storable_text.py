r"""Text as every tracking store takes it: without NUL and lone surrogates, and short enough.

PostgreSQL takes no NUL and no text above a column's length; UTF-8 has no lone surrogates.

>>> storable_text("a\x00b"), storable_text("a\ud800b"), shorten("too long", 5)
('a�b', 'a�b', 'too …')
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from hashlib import blake2b
from operator import attrgetter
from typing import TypeVar

from workbench.canonical import JSON, encode_function
from workbench.dataset import Example
from workbench.evaluator import Score
from workbench.model import Completion, Request
from workbench.tracking.protocol import RowRecord

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")  # perhaps such a character, in JSON in ASCII
OPENING = re.compile(r"\s*[\[{]")
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
MAX_DEPTH = 200  # of JSON in a text
MAX_TAG = 8_000  # characters; of a tag, a parameter and a trace's metadata
MAX_DESCRIPTION = 5_000  # of a prompt
MAX_NAME = 250  # of a run, a tag, a parameter, a metric

T = TypeVar("T", Completion, Score)

_as_json = encode_function(
    json.JSONEncoder(
        ensure_ascii=False,
        default=lambda value: dict(value) if isinstance(value, Mapping) else None,
    )
)
_completion_fields = attrgetter(*(field.name for field in fields(Completion)))
_score_fields = attrgetter(*(field.name for field in fields(Score)))


def storable_text(text: str) -> str:
    """`text` with U+FFFD in place of each character that no tracking store takes."""
    return UNSTORABLE.sub("\ufffd", text)


def shorten(text: str, length: int) -> str:
    """`text` cut to `length` characters; an ellipsis shows that it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def storable_json(value: JSON) -> JSON:
    """The same data with each string and each key as `storable_text`; too deep JSON is no JSON."""
    if isinstance(value, str):
        return f"\ufffd{storable_text(value)}" if _is_deep(value) else storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(entry) for entry in value]
    return value


def _is_deep(text: str) -> bool:
    """True if MLflow, which parses each text that may be JSON, would not survive this one."""
    if not OPENING.match(text) or text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def storable_record(record: RowRecord) -> RowRecord:
    """The record with storable text everywhere; the same object if it has no other."""
    return record if _is_storable(record) else _replaced(record)


def _is_storable(record: RowRecord) -> bool:
    """True if the record needs no change, by one look at all of its texts as JSON.

    False may be wrong, as for a text with more than `MAX_DEPTH` brackets side by side.
    """
    example, completion = record.row.cell.example, record.row.completion
    fields_read: list[JSON] = [record.name, example.id, *example.columns()]
    fields_read += map(_score_fields, record.row.scores.values())
    fields_read += [_completion_fields(completion)] if completion else []
    fields_read += [json.loads(record.body)] if ESCAPED.search(record.body) else []
    text = _as_json(fields_read)
    return (
        text.count("[") + text.count("{") <= MAX_DEPTH
        and r"\u0000" not in text
        and (text.isascii() or not UNSTORABLE.search(text))
        and all(len(name) <= MAX_NAME for name in example.expectations)
    )


def _replaced(record: RowRecord) -> RowRecord:
    row, body = record.row, record.body
    example, storable_id = row.cell.example, storable_text(row.cell.example.id)
    if storable_id != example.id:  # another row may have the id that is left
        storable_id += f"~{blake2b(ascii(example.id).encode(), digest_size=4).hexdigest()}"
    if ESCAPED.search(body):
        body = Request.from_body("", storable_json(Request("", body).body)).text
    cell = replace(
        row.cell,
        example=Example(
            storable_id,
            storable_json(example.inputs),
            {
                shorten(storable_text(name), MAX_NAME): storable_json(value)
                for name, value in example.expectations.items()
            },
        ),
    )
    completion = row.completion and _with_storable_fields(row.completion)
    row = replace(
        row,
        cell=cell,
        completion=completion,
        scores={name: _with_storable_fields(score) for name, score in row.scores.items()},
    )
    return record._replace(row=row, body=body, name=storable_text(record.name))


def _with_storable_fields(instance: T) -> T:
    """The dataclass instance with storable text in each field."""
    values = {field.name: getattr(instance, field.name) for field in fields(instance)}
    texts = {n: storable_json(v) for n, v in values.items() if isinstance(v, str | Mapping)}
    return replace(instance, **texts)
