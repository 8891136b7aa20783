"""Messages of a template file, before and after rendering.

    user:                                one role line, one message
    Is this kind? {{ text }}
    assistant:                           a last message of the assistant is a prefill
    Sentiment:

Role lines stand alone at the left margin of the *source*. Before rendering, each is replaced by a
marker with a random nonce; the rendered text is split at the markers. So loops over turns work,
and no data can forge a role. White space around role lines is removed in the source, never in the
rendered text, so data keeps all its newlines.
"""

import re
import secrets
from dataclasses import dataclass
from typing import cast

from workbench.conversation import ROLES, Conversation, Message, Role
from workbench.errors import WorkbenchError

MAX_BYTES = 1_000_000  # bytes of a template
SHORTEN = "shorten it, or move the text into the rows of the dataset"
# Comments, raw blocks and tags: inside them there are no role lines and no includes.
SKIPPED = (
    r"(?s:\{#.*?(?:#\}|\Z)"
    r"|\{%[-+]?\s*raw\s*[-+]?%\}.*?(?:\{%[-+]?\s*endraw\s*[-+]?%\}|\Z)"
    r"|\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z))"
)
ROLE_LINE = re.compile(
    rf"{SKIPPED}|^(?P<escape>\\?)(?P<role>(?:{'|'.join(ROLES)}):[ \t]*$)", re.MULTILINE
)
BLANK_AFTER = re.compile(r"\n(?:[ \t]*+\n)*+")
BLANK_FIRST = re.compile(r"(?:[ \t]*+\n)*+")
# Newlines before a line that begins with a block tag or a comment (group 2): they are dropped if a
# role line follows. Not matched: newlines that Jinja strips, and blocks whose text is a value.
SOFT_NEWLINE = re.compile(
    r"(?s:\{%[-+]?\s*(macro|call|filter)\b.*?(?:\{%[-+]?\s*end\1\b|\Z))"
    r"|(?s:\{%[-+]?\s*set\s[^=]*?%\}.*?(?:\{%[-+]?\s*endset\b|\Z))"
    r"|-[%}#]\}\s*+"
    r"|\n(?:[ \t]*+\n)*+[ \t]*+(?:(?=(\{[%#])(?![-+]|..[-+]))|)"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A role line and the source that follows it."""

    role: Role
    content: str
    start: int  # offsets of the role line, with the blank lines around it
    end: int


def plain_text(raw: bytes, *, where: str) -> str:
    """A template file's text: UTF-8 without a byte order mark, LF line ends.

    Raises:
        WorkbenchError: not UTF-8, or larger than a template may be (1 MB).
    """
    if len(raw) > MAX_BYTES:
        message = f"{len(raw):,} bytes, more than the {MAX_BYTES:,} a template may have"
        raise WorkbenchError(message, where=where, fix=SHORTEN)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbenchError(
            f"not UTF-8 at byte {error.start}", where=where, fix="save the file as UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_last_blanks(text: str) -> str:
    """`text` without the line ends after its last line."""
    end = text.find("\n", len(text.rstrip(" \t\n")))
    return text if end < 0 else text[:end]


def role_lines(text: str) -> list[re.Match[str]]:
    """The role lines of a source outside comments, raw blocks and tags."""
    return [line for line in ROLE_LINE.finditer(text) if line["role"] and not line["escape"]]


def segments(text: str) -> tuple[str, list[Segment]]:
    """The text before the first role line, and one segment per role line, in order.

    A text without role lines is one segment of the user.
    """
    lines = role_lines(text)
    if not lines:
        first = BLANK_FIRST.match(text)
        begin = first.end() if first else 0
        return "", [Segment("user", without_last_blanks(text[begin:]), 0, begin)]
    starts = [_blank_start(text, line.start()) for line in lines]
    ends = [_blank_end(text, line.end()) for line in lines]
    parts: list[Segment] = []
    for line, start, end, next_start in zip(
        lines, starts, ends, [*starts[1:], len(text)], strict=True
    ):
        content = text[end : max(end, next_start)]
        if line is lines[-1]:
            content = without_last_blanks(content)
        role = cast("Role", line["role"].split(":")[0])
        parts.append(Segment(role, content, start, end))
    return text[: starts[0]], parts


def unescaped(content: str) -> str:
    r"""A message's source with `\user:` turned into `user:`."""
    return ROLE_LINE.sub(lambda line: line["role"] if line["escape"] else line[0], content)


def as_source(messages: tuple[Message, ...]) -> str:
    """A source whose segments are `messages`: the inverse of `segments`."""

    def escaped(line: re.Match[str]) -> str:
        return f"\\{line[0]}" if line["role"] and not line["escape"] else line[0]

    return "\n".join(
        f"{message.role}:\n{ROLE_LINE.sub(escaped, message.content)}" for message in messages
    )


class Markers:
    """Role markers of one rendering, with a nonce that no data can contain."""

    def __init__(self) -> None:
        self._nonce = f"{secrets.randbelow(10**24):024}"
        begin, end = self._newlines = self._code(8), self._code(9)
        soft = f"(?:{begin}[ \t\n]*{end})+"
        role = f"\x02{self._nonce}([0-{len(ROLES) - 1}])\x03"
        self._role = re.compile(role)
        self._unused = re.compile(rf"{soft}(?={role}|\Z)")
        self._soft = re.compile(f"{begin}|{end}")

    def mark(self, text: str) -> str:
        """The source with markers in place of its role lines, and the same number of lines."""
        text = without_last_blanks(text)
        before, parts = segments(text)
        pieces = [self._mark_newlines(before)]
        for part in parts:
            lines = text.count("\n", part.start, part.end)
            padding = "{#" + "\n" * lines + "#}" if lines else ""
            pieces += [
                self._code(ROLES.index(part.role)),
                padding,
                self._mark_newlines(part.content),
            ]
        return "".join(pieces)

    def split(self, rendered: str, *, where: str, row: str) -> Conversation:
        """The messages of a rendered text.

        Raises:
            WorkbenchError: text before the first role line, or no message.
        """
        if self._newlines[0] in rendered or self._newlines[1] in rendered:
            rendered = self._soft.sub("", self._unused.sub("", rendered))
        before, *parts = self._role.split(rendered)
        if before.strip():
            raise WorkbenchError(
                f"text before the first role line: {before.strip()[:60]!r} (row {row})",
                where=where,
                fix="put `user:` on a line of its own above it",
            )
        if not parts:
            raise WorkbenchError(
                f"the template renders to no message (row {row})",
                where=where,
                fix="put one role line outside `if` and `for`",
            )
        return Conversation(
            tuple(
                Message(cast("Role", ROLES[int(code)]), content)
                for code, content in zip(parts[::2], parts[1::2], strict=True)
            )
        )

    def _mark_newlines(self, content: str) -> str:
        def mark(newlines: re.Match[str]) -> str:
            text = newlines[0]
            return text.join(self._newlines) if newlines[2] else text

        return SOFT_NEWLINE.sub(mark, unescaped(content))

    def _code(self, number: int) -> str:
        return f"\x02{self._nonce}{number}\x03"


def _blank_start(text: str, position: int) -> int:
    """Start of the blank lines (and the line end) before `position`."""
    while position > 0 and text[position - 1] == "\n":
        position -= 1
        line = text.rfind("\n", 0, position) + 1
        if text[line:position].strip(" \t"):
            break
        position = line
    return position


def _blank_end(text: str, position: int) -> int:
    """End of the line end and the blank lines after `position`."""
    match = BLANK_AFTER.match(text, position)
    return match.end() if match else len(text)
