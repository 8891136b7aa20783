"""Checks of the rendered rows of one prompt: empty messages, equal rows, columns without content.

prompts/qa/plain.jinja: 2 of 150 rows (first: 17, reviews.jsonl:18) render an empty user message
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from workbench.canonical import JSON
from workbench.checking.choice_rows import ChoiceRows
from workbench.checking.finding import Finding, count_rows
from workbench.checking.template_text import used_columns
from workbench.conversation import Conversation, Message
from workbench.dataset import Dataset, Example
from workbench.errors import WorkbenchError
from workbench.model import PromptCall
from workbench.prompt import Prompt


@contextmanager
def explain_hidden(dataset: Dataset) -> Iterator[None]:
    """Say of a variable that is unknown because `expected:` reads it why no template sees it."""
    try:
        yield
    except WorkbenchError as error:
        unknown = re.match(r"unknown variable '(\w+)'", error.message)
        if unknown and unknown[1] in re.findall(r"\w+", dataset.expected):
            error.fix = (
                f"`expected: {dataset.expected}` reads {unknown[1]!r}, so templates can't show it"
            )
            if re.search(rf"\b{unknown[1]}[.\[]", dataset.expected):
                error.fix += "; give the answer a column of its own"
        elif unknown and any(unknown[1] in example.metadata for example in dataset.examples):
            error.fix = f"templates can't read metadata; move {unknown[1]!r} into `inputs`"
        elif unknown and unknown[1] in dataset.left_out:
            error.fix = f"`columns:` or `drop:` of the dataset leaves out {unknown[1]!r}"
        elif unknown and (column := _named_otherwise(unknown[1], dataset.columns)):
            rename = f"`columns: {{{unknown[1]}: {column!r}}}`"
            error.fix = f"read the column {column!r} under this name: {rename}"
        raise


def _named_otherwise(name: str, columns: Sequence[str]) -> str:
    """The column that `name` likely means, but can't name; empty if there is none."""
    words = re.findall(r"\w+", name.casefold().replace("_", " "))
    columns = [column for column in columns if not column.isidentifier()]
    return next((c for c in columns if re.findall(r"[^\W_]+", c.casefold()) == words), "")


class RenderedRows:
    """The rows of one prompt, added in the dataset's order as they are rendered."""

    def __init__(self, prompt: Prompt, dataset: Dataset) -> None:
        self._prompt = prompt
        self._dataset = dataset
        self._columns = used_columns(prompt, dataset.variables)
        self._reads_reserved = not set(self._columns).isdisjoint(dataset.reserved)
        self._blank_columns = list(self._columns)  # blank in all rows so far
        self._blank_rows: list[int] = []
        self._empty: dict[str, list[int]] = {}
        self._nulls: dict[str, list[int]] = {}
        self._choices = ChoiceRows(prompt)
        self._first: tuple[PromptCall, Mapping[str, JSON]] | None = None
        self._rows = self._empty_rows = 0
        self._texts_equal, self._inputs_equal = True, True

    def add(self, example: Example, call: PromptCall) -> None:
        """Add the next row."""
        index, self._rows = self._rows, self._rows + 1
        conversation = call.conversation
        inputs, text = example.inputs, conversation.text
        if self._reads_reserved:
            inputs = example.variables
        if call.choices:
            self._choices.add(index, example, call)
        if text is not None:
            if not text or text.isspace():
                self._add_empty(index, ["text"], 1)
        else:
            for message in conversation.messages:
                if _is_empty(message):
                    parts = [m.role for m in conversation.messages if _is_empty(m)]
                    names = [f"{role} message" for role in parts]
                    self._add_empty(index, names, len(conversation.messages))
                    break
        if None in inputs.values():
            for column in self._none_columns(inputs, conversation):
                self._nulls.setdefault(column, []).append(index)
        columns = self._columns
        if columns and _is_blank(inputs.get(columns[0])) and self._reads_nothing(inputs):
            self._blank_rows.append(index)
        if self._blank_columns:
            self._blank_columns = [c for c in self._blank_columns if _is_blank(inputs.get(c))]
        if self._texts_equal:
            self._first = self._first or (call, example.inputs)
            self._texts_equal = call == self._first[0]
            self._inputs_equal = self._inputs_equal and example.inputs == self._first[1]

    def _reads_nothing(self, inputs: Mapping[str, JSON]) -> bool:
        return all(_is_blank(inputs.get(column)) for column in self._columns)

    def _add_empty(self, index: int, parts: list[str], count: int) -> None:
        self._empty_rows += len(parts) == count
        for part in dict.fromkeys(parts):
            self._empty.setdefault(part, []).append(index)

    def findings(self, *, by_likelihood: bool = False) -> Iterator[Finding]:
        """Findings over all rows; `by_likelihood`: a model answers choices by log-likelihood."""
        where = self._prompt.where().rpartition(":")[0]
        for message, refused in self._messages():
            yield Finding(message, where, refused=refused)
        yield from self._choices.findings(self._dataset, self._rows, by_likelihood=by_likelihood)

    def _messages(self) -> Iterator[tuple[str, bool]]:
        total = self._rows
        for part, rows in self._empty.items():
            text = f"{count_rows(self._dataset, rows, total)} render an empty {part}"
            yield text, self._empty_rows == total
        for column, nulls in self._nulls.items():
            text = f"{count_rows(self._dataset, nulls, total)} render null in {column!r} as None"
            yield f"{text}; try {{{{ {column} or '' }}}}", False
        for column in self._blank_columns:
            yield f"the column {column!r} is empty in every row", False
        if self._blank_rows and not self._blank_columns:
            counted = count_rows(self._dataset, self._blank_rows, total)
            names = ", ".join(repr(column) for column in self._columns)
            yield f"{counted} have nothing in the columns that the template uses ({names})", False
        if total > 1 and self._columns and self._texts_equal and not self._inputs_equal:
            yield f"all {total:,} rows render to the same text", False

    def _none_columns(self, row: Mapping[str, JSON], conversation: Conversation) -> Iterator[str]:
        """Null columns that render as None, unless the None may come from elsewhere."""
        columns = [column for column in self._columns if column in row and row[column] is None]
        if not columns or "None" in self._prompt.source:
            return
        if any("None" in str(value) for value in row.values() if value is not None):
            return
        text = conversation.content
        if "None" in text:
            yield from columns


def _is_empty(message: Message) -> bool:
    """True if nothing is in it; a tool may have no result."""
    if message.role == "tool" or message.tool_calls or message.parts:
        return False
    return _is_blank(message.content)


def _is_blank(value: JSON) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value == [] or value == {}
