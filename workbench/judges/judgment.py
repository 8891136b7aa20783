"""The verdict in a judge's reply.

    The answer names the right team.
    Verdict: yes                           Judgment("yes", "The answer names the right team.")

The text that was judged may hold verdicts, too, and a judge may repeat it. So what stands between
the lines of the request's own marker is left out, and the last verdict of the rest counts.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.canonical import JSON
from workbench.model import Completion

REASON, VERDICT = "reason", "verdict"  # of a reply in JSON
MAX_REASON = 1_000  # characters
UNPARSED = "unparsed: the judge's reply has no verdict"


@dataclass(frozen=True)
class Judgment:
    """A judge's choice.

    Attributes:
        choice: None: there is no verdict.
        reason: the judge's, in its words.
        error: why there is no verdict; empty: there is one.
    """

    choice: str | None
    reason: str = ""
    error: str = ""


def read_judgment(completion: Completion, choices: Sequence[str], marker: str) -> Judgment:
    """Read the verdict in a judge's answer.

    `marker` is the request's: between its lines the judged text stands.
    """
    if not completion.scored:
        return Judgment(None, error=completion.error or f"the judge's reply is {completion.state}")
    if completion.choice_scores:
        return Judgment(completion.text)
    text = without_quotes(completion.text, marker)
    if (fields := _json_object(text)) is not None:
        choice = _match(str(fields.get(VERDICT, fields.get("choice", ""))), choices)
        reason = str(fields.get(REASON, ""))
        return Judgment(choice, _cut(reason)) if choice else _unreadable(completion.text)
    if choice := _match(text, choices):  # nothing but the choice
        return Judgment(choice)
    matches = [(m, choice) for m in _lines(text) if (choice := _match(m[1], choices))]
    if not matches:
        return _unreadable(completion.text)
    match, choice = matches[-1]
    return Judgment(choice, _cut(text[: match.start()]))


def without_quotes(text: str, marker: str) -> str:
    """The text without what stands between the marker's lines; an open quotation ends it."""
    opening, closing = re.escape(opening_line(marker)), re.escape(closing_line(marker))
    return re.sub(rf"{opening}.*?(?:{closing}|\Z)", "", text, flags=re.DOTALL)


def opening_line(marker: str) -> str:
    """The line before a judged text."""
    return f"<text {marker}>"


def closing_line(marker: str) -> str:
    """The line after a judged text."""
    return f"</text {marker}>"


def _lines(text: str) -> list[re.Match[str]]:
    """The lines that give a verdict: `Verdict: yes`, `**Final verdict:** yes.`."""
    return list(re.finditer(r"^\W*(?:final\s+)?verdict\W*[:=](.*)$", text, re.I | re.M))


def _match(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a text is, but for case and the punctuation around it; None: no single."""
    wanted = _plain(text)
    matching = [choice for choice in choices if _plain(choice) == wanted]
    return matching[0] if len(matching) == 1 else None


@lru_cache(maxsize=1_000)
def _plain(text: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", text).casefold() or text.strip()


def _json_object(text: str) -> dict[str, JSON] | None:
    """The object that a reply is, alone or in a fence of Markdown; None: it is none."""
    body = re.sub(r"\A\s*```(?:json)?\s*\n(.*?)\n\s*```\s*\Z", r"\1", text, flags=re.DOTALL)
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _unreadable(reply: str) -> Judgment:
    return Judgment(None, _cut(reply) or "the reply is empty", UNPARSED)


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"
