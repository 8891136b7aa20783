"""Checks of the choices of rows: right ones among them, and a space between prompt and choice.

the expected value is none of the choices in 150 of 150 rows (first: 17, …), as 2 and 'Rome', 'Oslo'
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from workbench.canonical import JSON, canonical_json
from workbench.checking.finding import Finding, count_rows
from workbench.dataset import EXPECTED, Dataset, Example
from workbench.model import PromptCall
from workbench.prompt import Prompt

_BEFORE_A_SPACE = ".,:;!?)"  # beside letters and digits
_SHOWN = 4  # choices of a row


class ChoiceRows:
    """The rows of one prompt with choices, added as they are rendered."""

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._from_row = bool(prompt.settings.choice_templates)
        self._joined: list[int] = []
        self._outside: list[int] = []
        self._joined_text = self._outside_text = ""

    def add(self, index: int, example: Example, call: PromptCall) -> None:
        """Add a row of the dataset."""
        if joined := _joined_word(call):
            self._joined.append(index)
            self._joined_text = self._joined_text or joined
        if self._from_row and _is_outside(example.expectations, call.choices):
            self._outside.append(index)
            shown = ", ".join(map(repr, call.choices[:_SHOWN]))
            text = f"{example.expectations[EXPECTED]!r} and {shown}"
            self._outside_text = self._outside_text or text

    def findings(self, dataset: Dataset, rows: int, *, by_likelihood: bool) -> Iterator[Finding]:
        """Findings over all rows; a missing space matters to log-likelihoods only."""
        where = self._prompt.choices_where or self._prompt.where()
        if self._outside:
            counted = count_rows(dataset, self._outside, rows)
            message = f"the expected value is none of the choices in {counted}, as "
            fix = 'give the text of the right choice: `expected: "{{ choices[answer] }}"`'
            yield Finding(message + self._outside_text, where, fix)
        if self._joined and by_likelihood:
            counted = count_rows(dataset, self._joined, rows)
            message = f"a choice follows the prompt without a space in {counted}: "
            fix = 'begin the choices with a space, or end the prompt with {{ " " }}'
            yield Finding(message + repr(self._joined_text), where, fix)


def _joined_word(call: PromptCall) -> str:
    """The word that prompt and choice make: `Answer:yes`; empty if they are apart."""
    conversation = call.conversation
    text = conversation.prefill if conversation.text is None else conversation.text
    if not call.choices or not text or not _is_word_end(text[-1]):
        return ""
    choice = next((choice for choice in call.choices if _is_letter(choice[0])), "")
    return choice and text.split()[-1] + choice.split()[0]


def _is_word_end(character: str) -> bool:
    return character in _BEFORE_A_SPACE or _is_letter(character)


def _is_letter(character: str) -> bool:
    """True for letters and digits of scripts that put spaces between words."""
    return character.isalnum() and unicodedata.east_asian_width(character) not in "WF"


def _is_outside(expectations: Mapping[str, JSON], choices: Sequence[str]) -> bool:
    answer = expectations.get(EXPECTED)
    entries = answer if isinstance(answer, list) else [answer]
    accepted = {text.casefold() for entry in entries for text in _texts(entry)}
    return bool(accepted) and accepted.isdisjoint(choice.strip().casefold() for choice in choices)


def _texts(entry: JSON) -> list[str]:
    if isinstance(entry, str):
        return [entry.strip()] if entry.strip() else []
    if isinstance(entry, bool):
        return ["true", "yes"] if entry else ["false", "no"]
    if isinstance(entry, int | float):
        integer = [str(int(entry))] if float(entry).is_integer() else []
        return [*integer, canonical_json(entry)]
    return []
