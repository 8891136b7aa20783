"""From the text of a template file to messages, before and after rendering.

    user:                                one role line, one message
    Is this kind? {{ text }}
    assistant:                           a last one of the assistant is a prefill
    Sentiment:

Role lines stand alone at the left margin of the *source*. For rendering each is replaced by a
marker with a random nonce, the whole is rendered once, and the result is split at the markers; so
loops over turns work, and no data can forge a role. White space around role lines is taken away
in the source, never in the rendered text, so data keeps every newline it has.
"""

import re
import secrets
from dataclasses import dataclass

from workbench.conversation import ROLES, Conversation, Message, Role
from workbench.errors import WorkbenchError

LARGEST = 1_000_000  # bytes of a template
SHORTER = "shorten it, or let the rows of the dataset bring the text"
# Comments, raw blocks and tags: what looks like a role line or an include in there is none.
UNSEEN = (
    r"(?s:\{#.*?(?:#\}|\Z)"
    r"|\{%[-+]?\s*raw\s*[-+]?%\}.*?(?:\{%[-+]?\s*endraw\s*[-+]?%\}|\Z)"
    r"|\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z))"
)
ROLE_LINE = re.compile(
    rf"{UNSEEN}|^(?P<escape>\\?)(?P<role>(?:{'|'.join(ROLES)}):[ \t]*$)", re.MULTILINE
)
BLANK_AFTER = re.compile(r"\n(?:[ \t]*+\n)*+")
BLANK_FIRST = re.compile(r"(?:[ \t]*+\n)*+")
# Newlines before a line that begins with a block tag or a comment (group 2): they vanish where a
# role line follows. Left alone: what Jinja strips, and blocks whose text is a value for filters.
SOFT = re.compile(
    r"(?s:\{%[-+]?\s*(macro|call|filter)\b.*?(?:\{%[-+]?\s*end\1\b|\Z))"
    r"|(?s:\{%[-+]?\s*set\s[^=]*?%\}.*?(?:\{%[-+]?\s*endset\b|\Z))"
    r"|-[%}#]\}\s*+"
    r"|\n(?:[ \t]*+\n)*+[ \t]*+(?:(?=(\{[%#])(?![-+]|..[-+]))|)"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A role line and what follows it, as it stands in the source."""

    role: Role
    content: str
    start: int  # offsets of the role line, with the blank lines around it
    end: int


def plain_text(raw: bytes, *, where: str) -> str:
    """A template file's text: UTF-8 without a byte order mark, LF line ends.

    Raises:
        WorkbenchError: not UTF-8, or larger than a template may be (1 MB).
    """
    if len(raw) > LARGEST:
        said = f"{len(raw):,} bytes, more than the {LARGEST:,} a template may have"
        raise WorkbenchError(said, where=where, fix=SHORTER)
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
    """The role lines of a source, those inside comments, raw blocks and tags left out."""
    return [found for found in ROLE_LINE.finditer(text) if found["role"] and not found["escape"]]


def segments(text: str) -> tuple[str, list[Segment]]:
    """What stands before the first role line, and one segment a role line, in order.

    A text without role lines is one segment of the user.
    """
    found = role_lines(text)
    if not found:
        first = BLANK_FIRST.match(text)
        begin = first.end() if first else 0
        return "", [Segment("user", without_last_blanks(text[begin:]), 0, begin)]
    starts = [_blank_start(text, match.start()) for match in found]
    ends = [_blank_end(text, match.end()) for match in found]
    parts = [
        Segment(
            _role(match.group()),
            without_last_blanks(text[ends[index] : max(ends[index], following)])
            if index + 1 == len(found)
            else text[ends[index] : max(ends[index], following)],
            starts[index],
            ends[index],
        )
        for index, (match, following) in enumerate(
            zip(found, [*starts[1:], len(text)], strict=True)
        )
    ]
    return text[: starts[0]], parts


def unescaped(content: str) -> str:
    r"""A message's source with `\user:` turned into `user:`."""
    return ROLE_LINE.sub(lambda found: found["role"] if found["escape"] else found[0], content)


def as_source(messages: tuple[Message, ...]) -> str:
    """A source whose segments are `messages`: the inverse of `segments`."""

    def escaped(found: re.Match[str]) -> str:
        return f"\\{found[0]}" if found["role"] and not found["escape"] else found[0]

    return "\n".join(
        f"{message.role}:\n{ROLE_LINE.sub(escaped, message.content)}" for message in messages
    )


class Markers:
    """Role markers of one rendering, which no data can know."""

    def __init__(self) -> None:
        self._nonce = f"{secrets.randbelow(10**24):024}"
        soft = f"(?:{self._code(8)}[ \t\n]*{self._code(9)})+"
        role = f"\x02{self._nonce}([0-{len(ROLES) - 1}])\x03"
        self._role = re.compile(role)
        self._unused = re.compile(rf"{soft}(?={role}|\Z)")
        self._soft = re.compile(f"{self._code(8)}|{self._code(9)}")

    def mark(self, text: str) -> str:
        """The source with markers for its role lines; it keeps its number of lines."""
        text = without_last_blanks(text)
        before, parts = segments(text)
        pieces = [self._softened(before)]
        for part in parts:
            lines = text.count("\n", part.start, part.end)
            kept = "{#" + "\n" * lines + "#}" if lines else ""
            pieces += [self._code(ROLES.index(part.role)), kept, self._softened(part.content)]
        return "".join(pieces)

    def split(self, rendered: str, *, where: str, row: str) -> Conversation:
        """The messages of the text that a row was rendered to.

        Raises:
            WorkbenchError: there is text before the first role line, or no message at all.
        """
        if self._code(8) in rendered or self._code(9) in rendered:
            rendered = self._soft.sub("", self._unused.sub("", rendered))
        before, *rest = self._role.split(rendered)
        if before.strip():
            raise WorkbenchError(
                f"text before the first role line: {before.strip()[:60]!r} (row {row})",
                where=where,
                fix="put `user:` on a line of its own above it",
            )
        if not rest:
            raise WorkbenchError(
                f"rendered to no message at all (row {row})",
                where=where,
                fix="let one role line stand outside of `if` and `for`",
            )
        return Conversation(
            tuple(
                Message(_role(ROLES[int(code)] + ":"), content)
                for code, content in zip(rest[::2], rest[1::2], strict=True)
            )
        )

    def _softened(self, content: str) -> str:
        def mark(found: re.Match[str]) -> str:
            return f"{self._code(8)}{found[0]}{self._code(9)}" if found[2] else found[0]

        return SOFT.sub(mark, unescaped(content))

    def _code(self, number: int) -> str:
        return f"\x02{self._nonce}{number}\x03"


def _role(line: str) -> Role:
    name = line.split(":")[0]
    assert name in ROLES
    return name  # type: ignore[return-value]


def _blank_start(text: str, position: int) -> int:
    """Where the blank lines (and the line end) before `position` begin."""
    while position > 0 and text[position - 1] == "\n":
        position -= 1
        line = text.rfind("\n", 0, position) + 1
        if text[line:position].strip(" \t"):
            break
        position = line
    return position


def _blank_end(text: str, position: int) -> int:
    """Where the line end and the blank lines after `position` end."""
    match = BLANK_AFTER.match(text, position)
    return match.end() if match else len(text)
