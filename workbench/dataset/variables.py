"""Columns of the experiment file: `vars:`, constants and lists.

    vars: {company: Acme, language: [en, de]}

Each row has `company`, and is made twice: `17/language=en` and `17/language=de`. Of several lists,
each combination makes a row.

>>> [combination.suffix for combination in combinations({"a": [1, 2], "b": "x", "c": [True]})]
['/a=1/c=true', '/a=2/c=true']
>>> [combination.suffix for combination in combinations({"a": [1, 2], "constant": [["no", "yes"]]})]
['/a=1', '/a=2']
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TypeGuard

from workbench.canonical import JSON, canonical_json, digest
from workbench.dataset.columns import JINJA_NAMES
from workbench.dataset.expected import is_nested
from workbench.dataset.types import SPLIT, TURNS, DatasetSource
from workbench.document import InvalidValueError
from workbench.errors import WorkbenchError

Values = Mapping[str, JSON]

MAX_COMBINATIONS = 1_000
RESERVED = ("id", SPLIT, TURNS, "inputs", "expectations", "metadata")
_LABEL = re.compile(r"[^\s/=](?:[^/=]{0,38}[^\s/=])?")  # of a value, in an id


@dataclass(frozen=True)
class Combination:
    """One value of each variable; `suffix` names those of lists in an id."""

    values: Values
    suffix: str


def check_variables(variables: Values) -> None:
    """Check names and values.

    Raises:
        InvalidValueError: a template can't read a name, or a list has no or equal values.
    """
    size = 1
    for name, value in variables.items():
        if not name.isidentifier() or name in JINJA_NAMES or name in RESERVED:
            fix = f"use letters, digits and _, and none of {', '.join(RESERVED)}"
            raise InvalidValueError(f"has {name!r}, which can't be a column here", fix=fix)
        if isinstance(value, list):
            texts = [canonical_json(entry) for entry in value]
            equal = next((t for i, t in enumerate(texts) if t in texts[:i]), None)
            if not texts or equal:
                problem = f"{equal} twice" if equal else "no value"
                fix = f"list different values, or write a constant: {name}: x"
                raise InvalidValueError(f"has {problem} in the list {name!r}", fix=fix)
            size *= len(value)
    if size > MAX_COMBINATIONS:
        message = f"makes {size:,} rows of each row; at most {MAX_COMBINATIONS:,} are allowed"
        raise InvalidValueError(message, fix="shorten the lists")


def combinations(variables: Values) -> list[Combination]:
    """The combinations in the order of the lists; one without values if there are no variables."""
    lists = [value if isinstance(value, list) else [value] for value in variables.values()]
    labels = {name: _labels(v) for name, v in variables.items() if _is_named(v)}
    combined = []
    for numbers in product(*(range(len(entries)) for entries in lists)):
        chosen = dict(zip(variables, numbers, strict=True))
        values = {n: entries[i] for (n, i), entries in zip(chosen.items(), lists, strict=True)}
        suffix = "".join(f"/{name}={texts[chosen[name]]}" for name, texts in labels.items())
        combined.append(Combination(values, suffix))
    return combined


def _is_named(value: JSON) -> TypeGuard[list[JSON]]:
    """True if ids name the values: of a list, unless it holds a single list, a constant."""
    return isinstance(value, list) and not (len(value) == 1 and isinstance(value[0], list))


def _labels(values: list[JSON]) -> list[str]:
    """A short text for each value; where it has none, digits of its digest."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return [
        text if _is_label(text) and texts.count(text) == 1 else f"#{digest(value)[:8]}"
        for text, value in zip(texts, values, strict=True)
    ]


def _is_label(text: str) -> bool:
    return text.isprintable() and bool(_LABEL.fullmatch(text))


def expand(
    rows: Iterable[tuple[int, Values]], combined: list[Combination], source: DatasetSource
) -> Iterator[tuple[int, Values]]:
    """Each row with each combination of values.

    Raises:
        WorkbenchError: a row has a column of that name.
    """
    if not combined[0].values:
        yield from rows
        return
    for number, values in rows:
        inputs = values["inputs"] if is_nested(values) else values
        for name in combined[0].values:
            if name in inputs:
                message = f"`vars:` has {name!r}, and so does the row"
                fix = f"rename the variable, or leave the column out: `drop: [{name}]`"
                raise WorkbenchError(message, where=source.location(number), fix=fix)
        for combination in combined:
            if inputs is values:
                yield number, {**values, **combination.values}
            else:
                yield number, {**values, "inputs": {**inputs, **combination.values}}
