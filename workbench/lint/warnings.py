"""Warnings about templates of which only `prompts lint` speaks: style, and bytes that are dropped.

prompts/qa/v1.jinja:3: the invisible character U+200B
the template doesn't use the column 'source'
"""

import difflib
import unicodedata
from collections.abc import Collection, Iterator, Sequence

from workbench.dataset import Dataset
from workbench.experiment.file import NamedSettings
from workbench.model import PromptCall
from workbench.plan.clusters import find_copies
from workbench.prompt import Prompt

JOINERS = "\u200c\u200d"  # scripts and emoji need them
COPIES_SHARE = 0.05  # of the rows: fewer copies hardly change an interval


def file_warnings(raw: bytes, where: str) -> Iterator[str]:
    """Bytes of a template's file that are dropped or changed when it is read."""
    if raw.startswith(b"\xef\xbb\xbf"):
        yield f"{where}: the byte order mark at its beginning is ignored"
    if b"\r" in raw:
        yield f"{where}: line ends are CRLF (or CR) and are read as LF"


def text_warnings(prompt: Prompt) -> Iterator[str]:
    """Invisible characters."""
    for number, line in enumerate(prompt.source.split("\n"), 1):
        hidden = [character for character in line if _is_hidden(character)]
        if hidden:
            yield f"{prompt.where(number)}: the invisible character U+{ord(hidden[0]):04X}"


def _is_hidden(character: str) -> bool:
    if character in JOINERS or character in "\t\n":
        return False
    return unicodedata.category(character) in ("Cc", "Cf")


def column_warnings(prompt: Prompt, dataset: Dataset, named: Collection[str] = ()) -> Iterator[str]:
    """Variables that no row has, and columns that neither the template nor `named` has."""
    columns = dataset.variables
    lines = dict.fromkeys(prompt.choice_variables, prompt.choices_where)
    lines |= {name: prompt.where(line) for name, line in prompt.variables.items()}
    for name, where in lines.items():
        if name not in columns:  # fine only if the template tests that it is defined
            near = difflib.get_close_matches(name, columns, n=1)
            nearest = f"; nearest: {near[0]!r}" if near else ""
            yield f"{where}: no row has {name!r}{nearest}"
    for column in dataset.columns:
        if column not in lines and column != dataset.cluster and column not in named:
            yield f"the template doesn't use the column {column!r}"


def named_texts(entries: NamedSettings) -> set[str]:
    """The texts among the settings of evaluators, of which some name columns."""
    settings = [settings for entry in entries for settings in entry.values()]
    texts = {value for each in settings for value in each.values() if isinstance(value, str)}
    rows = (each["rows"] for each in settings if isinstance(each.get("rows"), dict))
    return texts.union(*rows)


def copy_warnings(dataset: Dataset, calls: Sequence[PromptCall]) -> Iterator[str]:
    """Many rows that render to the same text."""
    total = len(calls)
    copies = find_copies((call.conversation, call.choices) for call in calls)
    if len(copies) > COPIES_SHARE * total:
        yield (
            f"{len(copies)} of {total} rows render to the text of an earlier row, first row "
            f"{dataset.row_label(copies[0][0])}; intervals and verdicts count such rows once"
        )
