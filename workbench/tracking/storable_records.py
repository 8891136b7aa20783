r"""Records as every tracking store takes them: with storable text in each of their fields.

The answer "a\x00b" of a row is recorded with U+FFFD in place of NUL.
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
from workbench.storable_text import (
    MAX_DEPTH,
    MAX_NAME,
    UNSTORABLE,
    shorten,
    storable_json,
    storable_text,
)
from workbench.tracking.protocol import RowRecord

ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")  # perhaps such a character, in JSON in ASCII

T = TypeVar("T", Completion, Score)

_as_json = encode_function(
    json.JSONEncoder(
        ensure_ascii=False,
        default=lambda value: dict(value) if isinstance(value, Mapping) else None,
    )
)
_completion_fields = attrgetter(*(field.name for field in fields(Completion)))
_score_fields = attrgetter(*(field.name for field in fields(Score)))


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
