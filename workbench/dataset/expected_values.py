"""Expected values over all rows: whole floats of tables, and lists that are written as text.

pandas writes a column of whole numbers with a missing cell as 1.0, NaN, 0.0. Where every value of
the expected column is whole, they are read as 1, null, 0; an expression is left as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from workbench.canonical import JSON
from workbench.dataset.types import EXPECTED, DatasetSource, Example
from workbench.errors import pluralize

_INTEGER_TEXT = re.compile(r"[+-]?\d+(\.0)?")
_NAN_TEXTS = frozenset({"nan", "NaN", "NaT", "<NA>"})  # missing cells, converted to text
_LIST_TEXT = re.compile(r"""\s*\[\s*(?:["'\d\[{-].*)?\]\s*""", re.DOTALL)


class ExpectedValues:
    """The expected values of all rows, collected row by row."""

    def __init__(self, source: DatasetSource, expected: str | None) -> None:
        self._source = source
        self._expected = expected or ""
        self._are_integers = bool(expected) and "{{" not in self._expected
        self._float: tuple[int, JSON] | None = None  # first row with a whole float, and its value
        self._list_texts: list[tuple[int, str]] = []
        self._nan_texts: list[int] = []

    def add(self, number: int, answer: JSON) -> None:
        """Add the answer of row `number`; None: it has none."""
        if isinstance(answer, str):
            if answer[:1] in ("[", " ") and _LIST_TEXT.fullmatch(answer):
                self._list_texts.append((number, answer))
            elif answer in _NAN_TEXTS:
                self._nan_texts.append(number)
        if self._are_integers:
            self._add_number(number, answer)

    def _add_number(self, number: int, answer: JSON) -> None:
        if isinstance(answer, list):
            for entry in answer:
                self._add_number(number, entry)
        elif isinstance(answer, str) and answer.strip():
            match = _INTEGER_TEXT.fullmatch(answer)
            self._are_integers = self._are_integers and match is not None
            if match and match[1]:
                self._float = self._float or (number, answer)
        elif isinstance(answer, float):
            self._are_integers = self._are_integers and answer.is_integer()
            self._float = self._float or (number, answer)
        elif isinstance(answer, dict | bool):
            self._are_integers = False

    def as_integers(self, examples: Iterable[Example]) -> Iterator[Example]:
        """The examples; `1.0` is `1` if all expected values are whole."""
        for example in examples:
            if not self._float or not self._are_integers or EXPECTED not in example.expectations:
                yield example
            else:
                answer = _as_integer(example.expectations[EXPECTED])
                yield replace(example, expectations={EXPECTED: answer})

    def warnings(self) -> Iterator[str]:
        """Texts that were read as whole numbers, and lists that are written as text."""
        if self._are_integers and self._float and isinstance(self._float[1], str):
            number, text = self._float
            yield (
                f"`expected: {self._expected}` holds whole numbers written as floats, read as "
                f"integers ({self._source.location(number)}: {text!r} is {_as_integer(text)!r}); "
                f'to keep the text: expected: "{{{{ {self._expected} }}}}"'
            )
        if self._list_texts:
            number, text = self._list_texts[0]
            fix = "write the lists as JSON, and read them by the filter `fromjson`"
            if _is_json(text):
                fix = f'to read lists: expected: "{{{{ {self._expected} | fromjson }}}}"'
            rows = pluralize(len(self._list_texts), "expected value")
            verb = "is a list" if len(self._list_texts) == 1 else "are lists"
            where = self._source.location(number)
            yield f"{rows} {verb} written as text, first {where}: {text:.60}; {fix}"
        if self._nan_texts:
            rows = pluralize(len(self._nan_texts), "row")
            where = self._source.location(self._nan_texts[0])
            yield f"the expected value of {rows} is a missing cell as text (nan), first {where}"


def _as_integer(answer: JSON) -> JSON:
    if isinstance(answer, list):
        return [_as_integer(entry) for entry in answer]
    if isinstance(answer, float):
        return int(answer)
    return answer.removesuffix(".0") if isinstance(answer, str) else answer


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
