"""Text that is safe to show: what a model, a row or a server said drives nothing that reads it.

Neither a terminal, nor the runner of GitHub Actions, which looks for commands in what is printed:
`::error::` at the beginning of a line, or `##[error]` anywhere in it.
"""

import json
import re

from workbench.canonical import JSON

# Control characters, and those that turn the direction of text, hide it or break lines.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)  # actions/runner, ActionCommand.cs


def plain(text: str) -> str:
    """`text` without characters that act on a terminal; tabs and line ends stay."""
    return UNSAFE.sub("", text)


def escape_commands(text: str) -> str:
    """Plain text with a space inside each workflow command: `: :error::`, `## [error]`."""
    return COMMAND.sub(lambda match: f"{match[0][:-1]} {match[0][-1]}", plain(text))


def json_line(said: JSON) -> str:
    """`said` as JSON on one line, what drives something as escapes: no data is lost."""
    text = json.dumps(said, ensure_ascii=False).replace("##[", "##\\u005b")
    return UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def shorten(text: str, width: int = 80) -> str:
    """The beginning of `text` on one line of at most `width` characters."""
    flat = escape_commands(" ".join(plain(text).split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def seconds(duration: float) -> str:
    """`850 ms`, `12.4 s`, `3 min 05 s`."""
    if duration < 1:
        return f"{duration * 1000:.0f} ms"
    if duration < 100:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"
