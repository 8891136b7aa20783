r"""Partials: files that a template includes with `{% include "_style.jinja" %}`.

>>> files = {"qa/_style.jinja": b"Be brief.\n"}
>>> source = "A\n{% include '_style.jinja' %}"
>>> text, origins = PartialInliner(files.get).inline(source, "qa/v1.jinja", 1)
>>> text
'A\nBe brief.'
>>> origins
[('prompts/qa/v1.jinja', 1), ('prompts/qa/v1.jinja', 2)]
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from workbench.errors import WorkbenchError
from workbench.prompt.prompt import Origin
from workbench.prompt.source import MAX_BYTES, SHORTEN, SKIPPED, plain_text, role_lines

INCLUDE = re.compile(
    r"(?P<tag>\{%(?P<left>[-+]?)\s*include\s+([\"'])(?P<name>.*?)\3\s*(?P<right>[-+]?)%\})"
    rf"|{SKIPPED}"
)
MAX_NAME = 200  # characters of a partial's path
MAX_PARTIALS = 1000  # of one template, each counted as often as it is included

# A file's content by its path below `prompts/`; None if there is no such file.
Reader = Callable[[str], bytes | None]


class PartialInliner:
    """Partials put in place of their include tags, up to a limit."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._included = 0

    def inline(
        self, text: str, path: str, first_line: int, above: tuple[str, ...] = ()
    ) -> tuple[str, list[Origin]]:
        """`text` with its partials in place, and the file and line that each line comes from.

        Args:
            text: of the file at `path`, below `prompts/`; partials are searched for beside it.
            path: of that file.
            first_line: of `text` in its file.
            above: the partials around this text.

        Raises:
            WorkbenchError: a partial is missing, outside `prompts/`, within itself, or too many.
        """
        file = f"prompts/{path}"
        pieces: list[str] = []
        origins: list[Origin] = [(file, first_line)]
        position = 0
        line = first_line
        for match in INCLUDE.finditer(text):
            if not match["tag"]:
                continue
            before = text[position : match.start()]
            origins += [(file, line + number + 1) for number in range(before.count("\n"))]
            line += before.count("\n")
            partial, lines = self._partial(match["name"], path, f"{file}:{line}", above)
            left = "{#- #}" if match["left"] == "-" else ""
            right = "{# -#}" if match["right"] == "-" else ""
            pieces += [before, left, partial, right]
            origins += lines[1:]
            position = match.end()
            line += match["tag"].count("\n")
        after = text[position:]
        origins += [(file, line + number + 1) for number in range(after.count("\n"))]
        return "".join([*pieces, after]), origins

    def _partial(
        self, name: str, path: str, where: str, above: tuple[str, ...]
    ) -> tuple[str, list[Origin]]:
        partial_path, raw = self._read_partial(name, path, where)
        if partial_path in above:
            circle = " -> ".join([*above, partial_path])
            fix = "remove one of these includes"
            raise WorkbenchError(f"circular include: {circle}", where=where, fix=fix)
        text = plain_text(raw, where=f"prompts/{partial_path}").removesuffix("\n")
        if lines := role_lines(text):
            line = text.count("\n", 0, lines[0].start()) + 1
            raise WorkbenchError(
                f"role line {lines[0].group()!r} in a partial",
                where=f"prompts/{partial_path}:{line}",
                fix="move it into the template, or escape it with a backslash",
            )
        self._included += 1
        flat, origins = self.inline(text, partial_path, 1, (*above, partial_path))
        if self._included > MAX_PARTIALS or len(flat) > MAX_BYTES:
            message = "includes more text than a template may have"
            raise WorkbenchError(message, where=where, fix=SHORTEN)
        return flat, origins

    def _read_partial(self, name: str, path: str, where: str) -> tuple[str, bytes]:
        """Path and content of the partial `name` of the file at `path`."""
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
            fix = 'name a file beside the template or in prompts/: {% include "_style.jinja" %}'
            raise WorkbenchError(f"{_short(name)} is outside prompts/", where=where, fix=fix)
        for candidate in (str(PurePosixPath(path).parent / name), name):
            raw = self._read(candidate) if len(name) <= MAX_NAME else None
            if raw is not None:
                return candidate, raw
        raise WorkbenchError(
            f"no partial {_short(name)}",
            where=where,
            fix=f"create it beside {path} or in prompts/",
        )


def _short(name: str) -> str:
    return f"{name!r}" if len(name) <= MAX_NAME else f"{name[:60]!r}… ({len(name):,} characters)"
