r"""Text that is safe to print: model outputs, rows and server messages cannot control a reader.

Two readers are protected: a terminal, and the log of a CI system, whose runner takes `::error::` at
the beginning of a line, and `##[error]`, `##vso[…]`, `##teamcity[…]` or `section_start:1:a`
anywhere in it, for a command.

>>> escape_commands("::error::disk full"), shorten("two\nlines of text", width=10)
(': :error::disk full', 'two lines…')
>>> [seconds(duration) for duration in (0.85, 12.4, 185)]
['850 ms', '12.4 s', '3 min 05 s']
"""

import json
import os
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
# GitHub Actions (actions/runner, ActionCommand.cs), Azure Pipelines, TeamCity, GitLab, Travis.
COMMAND = re.compile(
    r"^\s*:(?=:)|##(?=\w*\[)|section_(?:start|end)(?=:\d)|travis_(?:fold|time)(?=:)", re.MULTILINE
)
COMMAND_IN_JSON = re.compile(r"(##\w*)(\[)|(section|travis)(_)(?=(?:start|end|fold|time):)")
CI_VARIABLES = (
    *("CI", "GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION", "GITLAB_CI", "TRAVIS", "BUILDKITE"),
    *("CIRCLECI", "JENKINS_URL", "APPVEYOR", "BITBUCKET_BUILD_NUMBER", "CODEBUILD_BUILD_ID"),
)
CONTROL = re.compile(rf"(?!\x1b\[[0-9;]*m){UNSAFE.pattern}")  # but for colours


def plain(text: str) -> str:
    """Remove the characters that control a terminal; tabs and line ends stay."""
    return UNSAFE.sub("", text)


def escape_commands(text: str) -> str:
    """Plain text with a space inside each command of a CI system: `: :error::`, `## [error]`."""
    return COMMAND.sub(r"\g<0> ", plain(text))


def escape_printed(text: str) -> str:
    """As `escape_commands`; colours, which our own tables have, stay."""
    return COMMAND.sub(r"\g<0> ", CONTROL.sub("", text))


def is_ci() -> bool:
    """True if the output goes into the log of a CI system, which takes commands from it."""
    return any(
        os.environ.get(name, "").strip().lower() not in ("", "0", "false") for name in CI_VARIABLES
    )


def json_line(document: JSON) -> str:
    """JSON on one line; unsafe characters become escapes, so no data is lost."""
    return escape_json(json.dumps(document, ensure_ascii=False))


def escape_json(text: str) -> str:
    """JSON in which unsafe characters and commands of CI systems are escapes."""
    text = UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)
    return COMMAND_IN_JSON.sub(
        lambda match: f"{match[1] or match[3]}\\u{ord(match[2] or match[4]):04x}", text
    )


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
