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

import json
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from workbench.conversation import ROLES, Conversation, Message, Role
from workbench.errors import WorkbenchError, located
from workbench.prompt.turns import Piece, TurnBuilder

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
# Tags that a turn's text has besides Jinja's own, with the white space around them.
_TAG_START = r"\{%[-+]?\s*(?:messages|tool_call|image)\s"
TAG = re.compile(
    rf"(?<!\s)(?P<before>\s*+)(?={_TAG_START})\{{%[-+]?\s*(?P<kind>\w+)\s++"
    r"(?P<expression>(?:\"[^\"]*\"|'[^']*'|[^\"'%]|%(?!\})){1,4000}?)\s*[-+]?%\}"
    rf"(?P<after>(?:\s*+(?!{_TAG_START}))?)|{SKIPPED}"
)
TOOL_CALL = re.compile(
    r"(?P<quote>[\"']?)(?P<name>[\w.-]+)(?P=quote)\s*\((?P<arguments>.*)\)", re.DOTALL
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

Template = tuple[Message, ...] | str
ROLE_CODES = {str(number): cast("Role", role) for number, role in enumerate(ROLES)}


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


def tag_kinds(text: str) -> list[str]:
    """The kinds of the tags in a source, in their order."""
    return [tag["kind"] for tag in TAG.finditer(text) if tag["kind"]]


def image_line(text: str) -> int:
    """The line of the first tag that may bring an image into a source; 0: there is none."""
    for tag in TAG.finditer(text) if "{%" in text else ():
        if tag["kind"] in ("image", "messages"):
            return text.count("\n", 0, tag.end("before")) + 1
    return 0


def expand_tags(text: str, code: Callable[[str], str] = lambda _name: "") -> str:
    """`text` with an expression that gives JSON in place of each tag, and as many lines.

    `code` gives the marker before it, by its kind, and the one behind it, `end`.
    """

    def expanded(tag: re.Match[str]) -> str:
        if not tag["kind"]:
            return tag[0]
        value = f"({tag['expression']})"
        if tag["kind"] == "image":
            value = f"{{}}|image({tag['expression']})"
        if tag["kind"] == "tool_call":
            call = TOOL_CALL.fullmatch(tag["expression"])
            if not call:
                return tag[0]  # Jinja refuses it
            arguments = f"{{}}|arguments({call['arguments']})"
            value = f'{{"name": "{call["name"]}", "arguments": {arguments}}}'
        before, after = (_padding(tag[part].count("\n")) for part in ("before", "after"))
        return f"{code(tag['kind'])}{before}{{{{ {value}|tojson }}}}{after}{code('end')}"

    return TAG.sub(expanded, text) if "{%" in text else text


def _padding(lines: int) -> str:
    return "{#" + "\n" * lines + "#}" if lines else ""


def role_lines(text: str) -> list[re.Match[str]]:
    """The role lines of a source outside comments, raw blocks and tags."""
    return [line for line in ROLE_LINE.finditer(text) if line["role"] and not line["escape"]]


def segments(text: str) -> tuple[str, list[Segment]]:
    """The text before the first role line, and one segment per role line, in order.

    A text without role lines is one segment of the user, unless a tag gives its messages.
    """
    lines = role_lines(text)
    if not lines and "messages" in tag_kinds(text):
        return without_last_blanks(text), []
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


def template_source(template: Template) -> str:
    """The source of a template; the inverse of `split_template`."""
    return template if isinstance(template, str) else as_source(template)


def new_nonce() -> str:
    """A nonce for markers, which no data can contain."""
    return f"{secrets.randbelow(10**24):024}"


class Markers:
    """Role markers of one rendering, with a nonce that no data can contain."""

    def __init__(self, nonce: str) -> None:
        self._nonce = nonce
        self._newlines = self._code(8), self._code(9)
        self._role = re.compile(f"\x02{self._nonce}([0-{len(ROLES) - 1}])\x03")

    @cached_property
    def _tag(self) -> re.Pattern[str]:
        code = f"\x02{self._nonce}(messages|tool_call|image)\x03(.*?){self._code('end')}"
        return re.compile(code, re.DOTALL)

    def mark(self, text: str) -> str:
        """The source with markers in place of its role lines, and the same number of lines."""
        text = without_last_blanks(text)
        before, parts = segments(text)
        self._plain = not tag_kinds(text) and "tool" not in {part.role for part in parts}
        pieces = [self._mark_newlines(before)]
        for part in parts:
            padding = _padding(text.count("\n", part.start, part.end))
            role = self._code(ROLES.index(part.role))
            pieces += [role, padding, self._mark_newlines(part.content)]
        return "".join(pieces)

    def split(self, rendered: str, *, where: str, row: str) -> Conversation:
        """The messages of a rendered text.

        Raises:
            WorkbenchError: text before the first role line, or no message.
        """
        if self._newlines[0] in rendered or self._newlines[1] in rendered:
            begin, end = self._newlines
            unused = rf"(?:{begin}[ \t\n]*{end})+(?={self._role.pattern}|\Z)"
            rendered = re.sub(f"{begin}|{end}", "", re.sub(unused, "", rendered))
        before, *parts = self._role.split(rendered)
        if before.strip() and not self._tag.search(before):
            raise WorkbenchError(
                f"text before the first role line: {before.strip()[:60]!r} (row {row})",
                where=where,
                fix="put `user:` on a line of its own above it",
            )
        roles = [ROLE_CODES[code] for code in parts[::2]]
        if self._plain:
            messages = tuple(map(Message, roles, parts[1::2]))
        else:
            with located(where):
                messages = self._build(before, zip(roles, parts[1::2], strict=True), row)
        if not messages:
            raise WorkbenchError(
                f"the template renders to no message (row {row})",
                where=where,
                fix="put one role line outside `if` and `for`",
            )
        return Conversation(messages)

    def _build(
        self, before: str, turns: Iterable[tuple[Role, str]], row: str
    ) -> tuple[Message, ...]:
        """The messages of a template with tags or turns of tools."""
        try:
            builder = TurnBuilder().add(None, self._pieces(before))
            for role, content in turns:
                builder.add(role, self._pieces(content))
            return builder.finish()
        except WorkbenchError as error:
            error.message += f" (row {row})"
            raise

    def _pieces(self, content: str) -> list[Piece]:
        """The text of a turn, and the values of its tags."""
        text, *parts = self._tag.split(content)
        pieces: list[Piece] = [text]
        for kind, value, following in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            pieces += [(kind, json.loads(value)), following]
        return pieces

    def _mark_newlines(self, content: str) -> str:
        def mark(newlines: re.Match[str]) -> str:
            text = newlines[0]
            return text.join(self._newlines) if newlines[2] else text

        return SOFT_NEWLINE.sub(mark, expand_tags(unescaped(content), self._code))

    def _code(self, name: str | int) -> str:
        return f"\x02{self._nonce}{name}\x03"


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
