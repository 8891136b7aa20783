"""Warnings about templates: valid, but likely mistakes.

prompts/qa/v1.jinja:3: 'Assistant:' is text; a role line is `assistant:` alone
2 of 150 rows render an empty user message, first row 17, reviews.jsonl:18
"""

import difflib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from workbench.canonical import JSON
from workbench.conversation import ROLES, Conversation
from workbench.dataset import Dataset
from workbench.model import PromptCall
from workbench.plan.clusters import find_copies
from workbench.prompt import Prompt

# Roles of other libraries and APIs, which are text here.
FOREIGN_ROLES = ("tool", "function", "human", "ai", "bot", "model")
JOINERS = "\u200c\u200d"  # scripts and emoji need them
COPIES_SHARE = 0.05  # of the rows: fewer copies hardly change an interval


def file_warnings(raw: bytes, where: str) -> Iterator[str]:
    """Bytes of a template's file that are dropped or changed when it is read."""
    if raw.startswith(b"\xef\xbb\xbf"):
        yield f"{where}: the byte order mark at its beginning is ignored"
    if b"\r" in raw:
        yield f"{where}: line ends are CRLF (or CR) and are read as LF"


def text_warnings(prompt: Prompt) -> Iterator[str]:
    """Lines that look like role lines but are text, and invisible characters."""
    for number, line in enumerate(prompt.source.split("\n"), 1):
        where = prompt.where(number)
        role = line.strip().lower()
        name = role.removesuffix(":")
        if name in ROLES and role.endswith(":") and line.rstrip() != role:
            yield f"{where}: {line!r} is text; a role line is `{role}` alone"
        elif name not in ROLES and role.endswith(":") and _resembles_role(name):
            yield f"{where}: {line!r} is text; the roles are {', '.join(ROLES)}"
        hidden = [character for character in line if _is_hidden(character)]
        if hidden:
            yield f"{where}: the invisible character U+{ord(hidden[0]):04X}"


def _resembles_role(name: str) -> bool:
    return name in FOREIGN_ROLES or bool(difflib.get_close_matches(name, ROLES, n=1, cutoff=0.85))


def _is_hidden(character: str) -> bool:
    if character in JOINERS or character in "\t\n":
        return False
    return unicodedata.category(character) in ("Cc", "Cf")


def column_warnings(prompt: Prompt, dataset: Dataset) -> Iterator[str]:
    """Variables that no row has, and columns that the template doesn't use."""
    columns = dataset.columns
    lines = dict.fromkeys(prompt.choice_variables, prompt.choices_where)
    lines |= {name: prompt.where(line) for name, line in prompt.variables.items()}
    for name, where in lines.items():
        if name not in columns:  # fine only if the template tests that it is defined
            near = difflib.get_close_matches(name, columns, n=1)
            nearest = f"; nearest: {near[0]!r}" if near else ""
            yield f"{where}: no row has {name!r}{nearest}"
    for column in columns:
        if column not in lines and column != dataset.cluster:
            yield f"the template doesn't use the column {column!r}"


def row_warnings(prompt: Prompt, dataset: Dataset, calls: Sequence[PromptCall]) -> Iterator[str]:
    """Empty messages, nulls rendered as None, and copies."""
    empty: dict[str, list[int]] = {}
    nulls: dict[str, list[int]] = {}
    for index, conversation in enumerate(call.conversation for call in calls):
        for role in _empty(conversation):
            empty.setdefault(role, []).append(index)
        for column in _none_columns(prompt, dataset.examples[index].inputs, conversation):
            nulls.setdefault(column, []).append(index)
    total = len(calls)
    for role, rows in empty.items():
        first = dataset.row_label(rows[0])
        yield f"{len(rows)} of {total} rows render an empty {role}, first row {first}"
    for column, rows in nulls.items():
        yield (
            f"{len(rows)} of {total} rows render null in {column!r} as None, first row "
            f"{dataset.row_label(rows[0])}; try {{{{ {column} or '' }}}}"
        )
    copies = find_copies((call.conversation, call.choices) for call in calls)
    if len(copies) > COPIES_SHARE * total:
        yield (
            f"{len(copies)} of {total} rows render to the text of an earlier row, first row "
            f"{dataset.row_label(copies[0][0])}; intervals and verdicts count such rows once"
        )


def _empty(conversation: Conversation) -> list[str]:
    """Empty parts, without duplicates: `user message`, or `text`."""
    if conversation.text is not None:
        return [] if conversation.text.strip() else ["text"]
    roles = [f"{m.role} message" for m in conversation.messages if not m.content.strip()]
    return list(dict.fromkeys(roles))


def _none_columns(
    prompt: Prompt, row: Mapping[str, JSON], conversation: Conversation
) -> Iterator[str]:
    """Null columns of a row that render as None, unless the None may come from elsewhere."""
    columns = [name for name, value in row.items() if value is None and name in prompt.variables]
    if not columns or "None" in prompt.source:
        return
    if any("None" in str(value) for value in row.values() if value is not None):
        return
    text = conversation.text or "".join(m.content for m in conversation.messages)
    if "None" in text:
        yield from columns
