"""The options of a multiple-choice question.

>>> options = read_choices(["Rome", "Paris"], {}, frozenset())
>>> options.texts, options.expected_letter("Paris", "any"), options.expected_letter(1, "index")
({'A': 'Rome', 'B': 'Paris'}, 'B', 'B')
"""

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from workbench.canonical import JSON, without_point
from workbench.errors import WorkbenchError
from workbench.evaluators._text import normalize_text

LONGEST = 1_000  # characters of an option's text that are compared behind its letter
NEAR = 20  # characters between a letter and the text of its option
# Between them: `B) Paris`, `B: **Paris**`, `B (Paris)`.
_GLOSS = re.compile(r"[\s*_`\"'$]*[).:\]–—(-]+[\s*_`\"'$(\[]*")
_EDGES = " \t\n.,;:!?\"'`*_()[]"
_FORMS = "a list of texts, {A: …, B: …}, or {label: […], text: […]}"


@dataclass(frozen=True)
class Choices:
    """Options by their letters, normalised, in their order.

    Attributes:
        lettered: the letters are the dataset's own, so that a position is no other name.
    """

    texts: Mapping[str, str]
    lettered: bool = False

    @cached_property
    def letters_of_texts(self) -> dict[str, list[str]]:
        """The letters of each text; several if it stands twice."""
        letters: dict[str, list[str]] = {}
        for letter, text in self.texts.items():
            letters.setdefault(text, []).append(letter)
        return letters

    def by_text(self, text: str) -> str:
        """The letter of the only option with this text; empty if there is none."""
        folded = _folded(text)
        letters = [letter for letter, each in self.texts.items() if _folded(each) == folded]
        return letters[0] if len(letters) == 1 else ""

    def text_at(self, text: str, place: int) -> str:
        """The letter of the option whose text stands behind a letter that ends at `place`."""
        gloss = _GLOSS.match(text, place, place + NEAR)
        if not gloss:
            return ""
        behind = text[gloss.end() : gloss.end() + LONGEST].casefold()
        named = [
            letter
            for letter, each in self.texts.items()
            if re.match(rf"{re.escape(each.casefold()[:LONGEST])}(?!\w)", behind)
        ]
        longest = max((self.texts[letter] for letter in named), key=len, default="")
        letters = self.letters_of_texts.get(longest, [])
        return letters[0] if len(letters) == 1 else ""

    def expected_letter(self, answer: JSON, reading: str) -> str:
        """The letter of the expected option.

        Raises:
            WorkbenchError: the answer is no option, or is read as two of them.
        """
        answer = without_point(answer)
        if answer is None or isinstance(answer, dict | list) or not str(answer).strip():
            fix = "add `expected: COLUMN` to the dataset, or fill in that column"
            raise WorkbenchError(f"expected_response is {answer!r:.60}, no option", fix=fix)
        readings = {
            "letter": self._by_letter(str(answer)),
            "text": self.by_text(str(answer)),
            "index": self._by_index(str(answer)),
        }
        if reading == "any":
            names = ("letter", "text") if self.lettered else tuple(readings)
            letters = {readings[name] for name in names} - {""}
        else:
            letters = {readings[reading]} - {""}
        if len(letters) == 1:
            return letters.pop()
        if letters:
            message = f"expected_response {answer!r} is read as {' and '.join(sorted(letters))}"
            raise WorkbenchError(message, fix="set `expected: letter`, `text` or `index`")
        listed = ", ".join(f"{letter}: {text[:30]}" for letter, text in self.texts.items())
        kind = "option" if reading == "any" else f"option's {reading}"
        message = f"expected_response {answer!r:.60} is no {kind}"
        raise WorkbenchError(message, fix=f"the options are {listed}")

    def _by_letter(self, text: str) -> str:
        folded = _folded(text)
        return next((letter for letter in self.texts if _folded(letter) == folded), "")

    def _by_index(self, text: str) -> str:
        letters = list(self.texts)
        is_index = text.isascii() and text.isdigit() and len(text) < 3
        return letters[int(text)] if is_index and int(text) < len(letters) else ""


def read_choices(setting: JSON, inputs: Mapping[str, JSON], steps: frozenset[str]) -> Choices:
    """The options of a row: a setting, or in the column that it names.

    Raises:
        WorkbenchError: there is no such column, or the options have another form.
    """
    content = setting
    if isinstance(setting, str):
        if setting not in inputs:
            fix = f"name a column with the options: {', '.join(inputs) or 'there is none'}"
            raise WorkbenchError(f"choice: the row has no column {setting!r}", fix=fix)
        content = _parsed(inputs[setting])
    lettered = isinstance(content, dict)
    if isinstance(content, dict) and {*content} == {"label", "text"}:
        labels, listed = content["label"], content["text"]
        if isinstance(labels, list) and isinstance(listed, list) and len(labels) == len(listed):
            content = dict(zip(map(str, labels), listed, strict=True))
    if isinstance(content, list):
        letters = string.ascii_uppercase
        content = dict(zip(letters, content, strict=False)) if len(content) <= len(letters) else {}
    texts = content if isinstance(content, dict) else {}
    options = {
        str(letter).strip(): normalize_text(_text(text), steps).strip()
        for letter, text in texts.items()
    }
    if len(options) < 2 or not all((*options, *options.values())):
        shown = repr(setting if not isinstance(setting, str) else inputs[setting])[:60]
        raise WorkbenchError(f"choice: {shown} are no options", fix=f"write {_FORMS}; at most 26")
    return Choices(options, lettered)


def _text(value: JSON) -> str:
    return "" if isinstance(value, dict | list | None) else str(without_point(value))


def _parsed(value: JSON) -> JSON:
    """The JSON in a cell of a table."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).strip(_EDGES)
