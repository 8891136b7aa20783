"""The name of a prompt: its working copy, or one version of it.

>>> parse_reference("few_shot@3")                 # version 3 of the registry
Reference(name='few_shot', kind='version', value='3')
>>> parse_reference("few_shot@production").kind   # the version an alias points to
'alias'
>>> parse_reference("few_shot@sha:1a2b3c4d").kind  # the version with this digest, in any store
'digest'
>>> parse_reference("few_shot@git:v1.2").kind     # the file at a git revision
'git'
>>> parse_reference("few_shot").kind              # the file in the working copy
'working'
"""

import re
from dataclasses import dataclass
from typing import Literal

from workbench.errors import WorkbenchError

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"  # of prompts and tasks
Kind = Literal["working", "version", "alias", "digest", "git"]
# Prefix and pattern of the text after the `@`.
FORMS: dict[Kind, tuple[str, str]] = {
    "digest": ("sha:", "[0-9a-f]{6,64}"),
    "git": ("git:", r"[A-Za-z0-9_][\w./~^@{}-]*"),
    "version": ("", "[1-9][0-9]*"),
    "alias": ("", rf"(?!\d+$){NAME_PATTERN}"),
}


@dataclass(frozen=True, slots=True)
class Reference:
    """A prompt's name, and one of its versions or the working copy."""

    name: str
    kind: Kind = "working"
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.suffix}" if self.suffix else self.name

    @property
    def suffix(self) -> str:
        """The text after the `@`; empty for the working copy."""
        return FORMS[self.kind][0] + self.value if self.value else ""


def parse_reference(text: str, *, where: str = "") -> Reference:
    """The reference that `text` names.

    Raises:
        WorkbenchError: it has none of the forms above.
    """
    name, at, suffix = text.partition("@")
    if not re.fullmatch(NAME_PATTERN, name):
        raise WorkbenchError(f"{text!a} is not a prompt name", where=where, fix=_name_fix(text))
    if not at:
        return Reference(name)
    for kind, (prefix, pattern) in FORMS.items():
        value = suffix.removeprefix(prefix)
        if suffix.startswith(prefix) and re.fullmatch(pattern, value):
            return Reference(name, kind, value)
    raise WorkbenchError(
        f"{suffix!r} names no version of {name!r}",
        where=where,
        fix=f"write {name}@3, {name}@production, {name}@sha:1a2b3c4d or {name}@git:main",
    )


def _name_fix(text: str) -> str:
    """The fix for a path, a file name or a prompt's text in place of its name."""
    if file := re.fullmatch(rf"(?:[\w.-]*[:/]+)*({NAME_PATTERN[1:-1]})((?:\.\w+)*)(@.*)?", text):
        name, endings, version = file[1], file[2], file[3] or ""
        if endings in ("", ".jinja"):
            return f"write {name}{version} for the file {name}.jinja in the task's folder"
        return (
            f"write {name}, and name the file {name}.jinja: see docs/prompts.md, From other tools"
        )
    if " " in text or "{" in text:
        return "write the text into a file NAME.jinja in the task's folder, and its NAME here"
    return "use letters, digits, _ and -, and optionally @3, @alias, @sha:… or @git:REV"
