"""How a prompt is named: the working copy, or one version of it.

few_shot                  the file as it is now
few_shot@3                version 3 of the registry
few_shot@production       the version an alias points to
few_shot@sha:1a2b3c4d     the version with this digest, in any store
few_shot@git:v1.2         the file as it was at a git revision
"""

import re
from dataclasses import dataclass
from typing import Literal

from workbench.errors import WorkbenchError
from workbench.project import NAME_PATTERN

Kind = Literal["working", "version", "alias", "digest", "git"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A prompt's name and which of its contents is meant."""

    name: str
    kind: Kind = "working"
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.suffix}" if self.suffix else self.name

    @property
    def suffix(self) -> str:
        """What stands behind the `@`; empty for the working copy."""
        marks = {"digest": "sha:", "git": "git:"}
        return marks.get(self.kind, "") + self.value


def parse_reference(text: str, *, where: str = "") -> Reference:
    """The reference `text` stands for.

    Raises:
        WorkbenchError: it is none; the forms there are.
    """
    name, at, suffix = text.partition("@")
    if not re.fullmatch(NAME_PATTERN, name):
        raise WorkbenchError(
            f"{text!a} is no prompt's name",
            where=where,
            fix="letters, digits, _ and -; then perhaps @3, @alias, @sha:… or @git:REV",
        )
    if not at:
        return Reference(name)
    if suffix.startswith("sha:") and re.fullmatch(r"[0-9a-f]{6,64}", suffix[4:]):
        return Reference(name, "digest", suffix[4:])
    if suffix.startswith("git:") and re.fullmatch(r"[A-Za-z0-9_][\w./~^@{}-]*", suffix[4:]):
        return Reference(name, "git", suffix[4:])
    if re.fullmatch(r"[1-9][0-9]*", suffix):
        return Reference(name, "version", suffix)
    if re.fullmatch(NAME_PATTERN, suffix) and not suffix.isdigit():
        return Reference(name, "alias", suffix)
    raise WorkbenchError(
        f"{suffix!r} names no version of {name!r}",
        where=where,
        fix=f"{name}@3, {name}@production, {name}@sha:1a2b3c4d or {name}@git:main",
    )
