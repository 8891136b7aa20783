r"""Partials: files whose text a template takes in, `{% include "_style.jinja" %}`.

Flattening(read).of("user:\n{% include '_style.jinja' %}", "qa/v1.jinja", 1)
    -> ("user:\nBe brief.", [("prompts/qa/v1.jinja", 1), ("prompts/qa/_style.jinja", 1)])
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from workbench.errors import WorkbenchError
from workbench.prompt.prompt import Origin
from workbench.prompt.source import LARGEST, SHORTER, UNSEEN, plain_text, role_lines

INCLUDE = re.compile(
    r"(?P<tag>\{%(?P<left>[-+]?)\s*include\s+([\"'])(?P<name>.*?)\3\s*(?P<right>[-+]?)%\})"
    rf"|{UNSEEN}"
)
LONGEST_NAME = 200  # characters of a partial's path
MOST = 1000  # partials of one template, each as often as it is taken in

# A file's bytes by its path below `prompts/`, or None where there is none.
Reader = Callable[[str], bytes | None]


class Flattening:
    """Puts partials in place of the tags that name them, within bounds."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._taken = 0

    def of(
        self, text: str, path: str, first_line: int, above: tuple[str, ...] = ()
    ) -> tuple[str, list[Origin]]:
        """`text` with its partials in place, and where each line of it comes from.

        Args:
            text: of the file at `path`, below `prompts/`.
            path: what the partials are looked for beside.
            first_line: of `text` in its file.
            above: the partials that this text stands in.

        Raises:
            WorkbenchError: a partial is missing, outside `prompts/`, within itself, or too many.
        """
        shown = f"prompts/{path}"
        pieces: list[str] = []
        origins: list[Origin] = [(shown, first_line)]
        position = 0
        line = first_line
        for match in INCLUDE.finditer(text):
            if not match["tag"]:
                continue
            before = text[position : match.start()]
            origins += [(shown, line + number + 1) for number in range(before.count("\n"))]
            line += before.count("\n")
            partial, lines = self._partial(match["name"], path, f"{shown}:{line}", above)
            left = "{#- #}" if match["left"] == "-" else ""
            right = "{# -#}" if match["right"] == "-" else ""
            pieces += [before, left, partial, right]
            origins += lines[1:]
            position = match.end()
            line += match["tag"].count("\n")
        rest = text[position:]
        origins += [(shown, line + number + 1) for number in range(rest.count("\n"))]
        return "".join([*pieces, rest]), origins

    def _partial(
        self, name: str, path: str, where: str, above: tuple[str, ...]
    ) -> tuple[str, list[Origin]]:
        found, raw = self._found(name, path, where)
        if found in above:
            circle = " -> ".join([*above, found])
            fix = "take one of these includes out"
            raise WorkbenchError(f"recursion: {circle}", where=where, fix=fix)
        text = plain_text(raw, where=f"prompts/{found}").removesuffix("\n")
        if lines := role_lines(text):
            line = text.count("\n", 0, lines[0].start()) + 1
            raise WorkbenchError(
                f"the role line {lines[0].group()!r} stands in a partial",
                where=f"prompts/{found}:{line}",
                fix="put role lines into the template, or escape it with a backslash",
            )
        self._taken += 1
        flat, origins = self.of(text, found, 1, (*above, found))
        if self._taken > MOST or len(flat) > LARGEST:
            said = "takes in more text than a template may have"
            raise WorkbenchError(said, where=where, fix=SHORTER)
        return flat, origins

    def _found(self, name: str, path: str, where: str) -> tuple[str, bytes]:
        """The partial `name` as seen from the template at `path`: beside it, or in `prompts/`."""
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
            fix = 'name a file beside the template or in prompts/: {% include "_style.jinja" %}'
            said = f"{_short(name)} is outside the folder of prompts"
            raise WorkbenchError(said, where=where, fix=fix)
        for candidate in (str(PurePosixPath(path).parent / name), name):
            raw = self._read(candidate) if len(name) <= LONGEST_NAME else None
            if raw is not None:
                return candidate, raw
        raise WorkbenchError(
            f"no partial {_short(name)}",
            where=where,
            fix=f"it is looked for beside {path} and in prompts/",
        )


def _short(name: str) -> str:
    return (
        f"{name!r}" if len(name) <= LONGEST_NAME else f"{name[:60]!r}… ({len(name):,} characters)"
    )
