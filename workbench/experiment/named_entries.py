"""Entries that are a name with settings, and the names that tables can show.

- exact_match: {name: strict}      ("exact_match", {"name": "strict"}, "experiment.yaml:7:5")
"""

import re
from collections.abc import Iterator
from pathlib import Path

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.experiment.file import NamedSettings
from workbench.secrets import quote_value

# Names in tables, runs and metrics: no path, no control characters.
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: +-]{0,63}")
LABEL_RULE = "up to 64 letters, digits, spaces or _ . : + -; the first a letter or digit"


def named_entries(
    named_settings: NamedSettings, document: Document, key: str
) -> Iterator[tuple[str, dict[str, JSON], str]]:
    """Name, settings and position of each entry of `models:` or `evaluators:`."""
    for index, entry in enumerate(named_settings):
        ((name, settings),) = entry.items()
        yield name, dict(settings), document.where(key, index)


def check_reserved(kind: str, root: Path, where: str, *, owner: str = "") -> None:
    """Refuse a file of the project in `root` that has the name of a kind of entry."""
    if (root / "evaluators" / f"{kind}.py").is_file():
        message = f"evaluators/{kind}.py: the name {kind!r} is reserved{owner}"
        fix = f"rename the file and its function: my_{kind}"
        raise WorkbenchError(message, where=where, fix=fix)


def check_label(label: JSON, where: str) -> None:
    """Refuse a name that tables, runs and metrics can't show."""
    if not isinstance(label, str) or not LABEL.fullmatch(label):
        fix = f"use {LABEL_RULE}"
        raise WorkbenchError(
            f"{quote_value(label, width=90, show=ascii)} is not a valid label", where=where, fix=fix
        )
