"""The right answer of a row: a column, a path into a nested column, or an expression.

expected: label                       {"label": "positive"}                           "positive"
expected: answers.text                {"answers": {"text": ["4", "four"]}}            ["4", "four"]
expected: "{{ choices[answer] }}"     {"choices": ["no", "yes"], "answer": 1}         "yes"

What it reads is removed from the inputs, so that no template can show it. A column that only
offers the values to choose from (`choices`) stays.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple

from workbench.canonical import JSON
from workbench.dataset.columns import header_fix
from workbench.dataset.types import SPLIT, DatasetSource
from workbench.errors import WorkbenchError, unknown_name
from workbench.prompt.renderer import Renderer

Values = Mapping[str, JSON]
Path = Sequence[str]

_REMOVED: Any = object()
_MISSING = ("-1", "-1.0", "", "None")  # as an index: datasets of hubs write -1
# Jinja's `int` makes 0 of a text that is no number; with this default it is null.
_CONVERSION = re.compile(r"\|\s*(int|float)\b(?!\s*\()")
_EXPRESSION_FIX = 'an expression is written in quotes: expected: "{{ choices[answer] }}"'


class Answered(NamedTuple):
    """One row with the right answer in it.

    Attributes:
        remaining: a copy of the row without what the answer reads; None: nothing is read.
    """

    number: int
    values: Values
    answer: JSON = None
    remaining: dict[str, JSON] | None = None


def is_empty(answer: JSON) -> bool:
    """True for null, white space, and a list that holds nothing else.

    >>> [is_empty(answer) for answer in (None, " ", [], ["", None], 0, False, "no")]
    [True, True, True, True, False, False, False]
    """
    if isinstance(answer, str):
        return not answer or answer.isspace()
    return answer is None or (isinstance(answer, list) and all(map(is_empty, answer)))


def read_expected(
    source: DatasetSource,
    rows: Iterable[tuple[int, Values]],
    expected: str | None,
    renderer: Renderer | None,
) -> Iterator[Answered]:
    """Each row with its right answer; nested rows may have their own expectations instead.

    Raises:
        WorkbenchError: the expression is invalid or fails, or a row lacks the column.
    """
    if expected is None:
        yield from (Answered(number, values) for number, values in rows)
    elif "{{" in expected or "{%" in expected:
        if renderer is not None:
            yield from _evaluate(source, rows, expected, renderer)
        else:
            with Renderer() as started:
                yield from _evaluate(source, rows, expected, started)
    else:
        for number, values in rows:
            if is_nested(values) and "expectations" in values:
                raise nested_error(expected, source.location(number))
            if expected in values:
                remaining = dict(values)
                yield Answered(number, values, remaining.pop(expected), remaining)
                continue
            where = source.location(number)
            path = _column_path(expected, values, where)
            answer = _read_path(values, path, where)
            yield Answered(number, values, answer, _without(values, [path]))


def is_nested(values: Values) -> bool:
    """True for `{"inputs": {…}, "expectations": {…}}`."""
    return "inputs" in values and isinstance(values["inputs"], Mapping)


def nested_error(expected: str, where: str) -> WorkbenchError:
    """`expected:` for rows that have expectations."""
    message = f"`expected: {expected}`, but this row has its own expectations"
    fix = "remove `expected:`; evaluators read `expectations`"
    return WorkbenchError(message, where=where, fix=fix)


def _column_path(expected: str, values: Values, where: str) -> Path:
    """A column and the keys below it; the longest name of a column counts."""
    parts = expected.split(".")
    for count in range(len(parts), 0, -1):
        if (column := ".".join(parts[:count])) in values:
            return [column, *parts[count:]]
    if is_nested(values) and parts[0] in values["inputs"]:
        return ["inputs", *parts]
    columns = [column for column in values if column not in ("id", SPLIT)]
    error = unknown_name("column", expected, columns, where=where)
    if any(sign in expected for sign in "[(|{"):
        error.fix = _EXPRESSION_FIX
    error.fix += header_fix(values)
    raise error


def _read_path(value: JSON, path: Path, where: str) -> JSON:
    for index, key in enumerate(path):
        if isinstance(value, Mapping):
            if key not in value:
                owner = ".".join(path[:index])
                raise unknown_name(f"key of {owner!r}:", key, value, where=where)
            value = value[key]
        elif isinstance(value, list) and key.isdecimal():
            value = value[int(key)] if int(key) < len(value) else None
        elif isinstance(value, list):
            parts = [_read_path(entry, path[index:], where) for entry in value]
            return [
                entry for part in parts for entry in (part if isinstance(part, list) else [part])
            ]
        elif value is None:
            return None
        else:
            owner, rest = ".".join(path[:index]), ".".join(path[index:])
            message = f"{owner!r} is {value!r:.60}, so it has no {key!r}"
            fix = f"expected: {owner}"
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                fix = f'expected: "{{{{ ({owner} | fromjson).{rest} }}}}", if the text is JSON'
            raise WorkbenchError(message, where=where, fix=fix)
    return value


def _without(values: Values, paths: Iterable[Path]) -> dict[str, JSON]:
    remaining: JSON = values
    for path in paths:
        remaining = _remove(remaining, path) if path[0] in remaining else remaining
        remaining = {} if remaining is _REMOVED else remaining
    return dict(remaining)


def _remove(value: JSON, path: Path) -> JSON:
    """`value` without the deepest part that exists on the path."""
    if path and isinstance(value, Mapping) and path[0] in value:
        part = _remove(value[path[0]], path[1:])
        remaining = {key: entry for key, entry in value.items() if key != path[0]}
        if part is not _REMOVED:
            remaining = {key: part if key == path[0] else value[key] for key in value}
        return remaining or _REMOVED
    if path and isinstance(value, list) and any(isinstance(e, Mapping) for e in value):
        entries = [_remove(entry, path) for entry in value]
        if any(entry is not _REMOVED for entry in entries):
            return [{} if entry is _REMOVED else entry for entry in entries]
    return _REMOVED


def _evaluate(
    source: DatasetSource, rows: Iterable[tuple[int, Values]], expected: str, renderer: Renderer
) -> Iterator[Answered]:
    reads = renderer.reads(expected)
    if reads.error or not reads.paths:
        problem = reads.error or "uses no column"
        message = f"`expected: {expected}`: {problem}"
        raise WorkbenchError(message, where=source.name, fix=_EXPRESSION_FIX)
    columns = {path[0] for path in reads.paths}
    hidden = [path for path in reads.paths if path[0] not in reads.selected_from]
    unfinished: deque[tuple[int, Values, bool]] = deque()  # True: without an index

    def feed() -> Iterator[dict[str, JSON]]:
        for number, values in rows:
            if is_nested(values) and "expectations" in values:
                raise nested_error(expected, source.location(number))
            indexes = (str(values.get(column, 0)).strip() for column in reads.indexes)
            unanswered = any(index in _MISSING for index in indexes)
            unfinished.append((number, values, unanswered))
            if not unanswered:
                yield {column: values[column] for column in columns if column in values}

    with closing(renderer.evaluate(_CONVERSION.sub(r"| \1(none)", expected), feed())) as answers:
        for evaluated in chain(answers, [None]):
            while unfinished and unfinished[0][2]:
                number, values, _ = unfinished.popleft()
                yield Answered(number, values, None, _without(values, hidden))
            if evaluated is not None:
                number, values, _ = unfinished.popleft()
                if evaluated.error:
                    where = source.location(number)
                    raise _expression_error(expected, evaluated.error, values, where)
                yield Answered(number, values, evaluated.value, _without(values, hidden))


def _expression_error(expected: str, error: str, values: Values, where: str) -> WorkbenchError:
    name = error.removeprefix("'").removesuffix("' is undefined")
    if error == f"'{name}' is undefined" and name not in values:
        return unknown_name("column", name, values, where=where)
    fix = "the row has: " + ", ".join(f"{name} ({value!r:.40})" for name, value in values.items())
    fix += "; a number in a text is read by `| int`, a list in a text by `| fromjson`, a letter "
    fix += "by 'ABCD'.index(…)"
    return WorkbenchError(f"`expected: {expected}`: {error}", where=where, fix=fix)
