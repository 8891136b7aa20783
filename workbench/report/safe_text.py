r"""Text that is safe to print: model outputs, rows and server messages cannot control a reader.

Two readers are protected: a terminal, and the runner of GitHub Actions, which takes `::error::` at
the beginning of a line, and `##[error]` anywhere in it, for a workflow command.

>>> escape_commands("::error::disk full"), shorten("two\nlines of text", width=10)
(': :error::disk full', 'two lines…')
>>> [seconds(duration) for duration in (0.85, 12.4, 185)]
['850 ms', '12.4 s', '3 min 05 s']
"""

import json
import re

from workbench.canonical import JSON

# Control characters, and those that turn the direction of text, hide it or break lines.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Characters of a variant's name: within these also those differ that differ in their last setting.
NAME_WIDTH = 200
SIGNS = re.compile(r"[\\`*_{}\[\]<>#|!~&@$]")  # that Markdown may interpret
# GitHub makes links of these even after a backslash: names, issues, addresses.
LINKS = re.compile(r"[@#]|:(?=//)|www(?=\.)|gh(?=-\d)", re.IGNORECASE)
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)  # actions/runner, ActionCommand.cs


def plain(text: str) -> str:
    """Remove the characters that control a terminal; tabs and line ends stay."""
    return UNSAFE.sub("", text)


def escape_commands(text: str) -> str:
    """Plain text with a space inside each workflow command: `: :error::`, `## [error]`."""
    return COMMAND.sub(lambda match: f"{match[0][:-1]} {match[0][-1]}", plain(text))


def json_line(document: JSON) -> str:
    """JSON on one line; unsafe characters become escapes, so no data is lost."""
    text = json.dumps(document, ensure_ascii=False).replace("##[", "##\\u005b")
    return UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)


def shorten(text: str, width: int = 80) -> str:
    """The beginning of `text` on one line of at most `width` characters."""
    flat = escape_commands(" ".join(plain(text).split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def escape_markdown(text: str) -> str:
    """Escape what Markdown interprets, and what GitHub makes a link or a mention of."""
    return LINKS.sub(r"\g<0>&#8203;", SIGNS.sub(r"\\\g<0>", text))


def p_text(p: float) -> str:
    """`p = 0.012` or `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def seconds(duration: float) -> str:
    """A duration in seconds as text."""
    if duration < 1:
        return f"{duration * 1000:.0f} ms"
    if duration < 100:
        return f"{duration:.1f} s"
    minutes, remainder = divmod(round(duration), 60)
    return f"{minutes} min {remainder:02d} s"
