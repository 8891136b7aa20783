"""The verdict in a judge's reply.

    The answer names the right team.
    Verdict: yes                           Judgment("yes", "The answer names the right team.")

The text that was judged may hold verdicts, too, and a judge may repeat it. So what stands between
the lines of the request's own marker is left out, and the last verdict of the rest counts. A
verdict that also stands in the judged text counts only where the reply has no other.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.canonical import JSON
from workbench.model import Completion

REASON, VERDICT = "reason", "verdict"  # of a reply in JSON
MAX_REASON = 1_000  # characters
UNPARSED = "unparsed: the judge's reply has no verdict"
# A line that gives a verdict: `Verdict: yes`, `**Final verdict:** yes.`.
VERDICT_LINE = re.compile(r"^[^\w\n]*(?:final\s+)?verdict\W*[:=](.*)$", re.I | re.M)


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
    for body in (completion.text, text := without_quotes(completion.text, marker)):
        if (fields := json_object(body)) is not None:
            choice = _match(str(fields.get(VERDICT, fields.get("choice", ""))), choices)
            reason = str(fields.get(REASON, ""))
            return Judgment(choice, _cut(reason)) if choice else unreadable(completion.text)
    if choice := _match(text, choices):  # nothing but the choice
        return Judgment(choice)
    matches = [
        (m, choice) for m in VERDICT_LINE.finditer(text) if (choice := _match(m[1], choices))
    ]
    if not matches:
        return unreadable(completion.text)
    match, choice = matches[-1]
    return Judgment(choice, _cut(text[: match.start()]))


def without_quotes(text: str, marker: str, *, end: str = r"|\Z") -> str:
    """The text without what stands between the marker's lines; an open quotation ends it."""
    opening, closing = re.escape(opening_line(marker)), re.escape(closing_line(marker))
    return re.sub(rf"{opening}.*?(?:{closing}{end})", "", text, flags=re.DOTALL)


def readings(reply: str, marker: str, judged: Sequence[str]) -> Iterator[str]:
    """The texts in which a verdict is looked for, the most cautious first.

    Without the judged texts and the verdicts that they hold; then with these verdicts, if the
    reply gives no two, since a repeated verdict can't be told from the judge's.
    """
    others = unquoted = without_quotes(reply, marker)
    for text in judged:
        others = _without_lines(others, text)
    copies = [_words(text) for text in judged]
    yield VERDICT_LINE.sub(
        lambda line: "" if any(_words(line[0]) in text for text in copies) else line[0], others
    )
    for text in (others, unquoted):
        if len({_words(line[1]) for line in VERDICT_LINE.finditer(text)}) == 1:
            yield text
    body = without_quotes(reply, marker, end="")
    yield body if json_object(body) else VERDICT_LINE.sub("", body)  # a choice alone


def opening_line(marker: str) -> str:
    """The line before a judged text."""
    return f"<text {marker}>"


def closing_line(marker: str) -> str:
    """The line after a judged text."""
    return f"</text {marker}>"


def _without_lines(text: str, repeated: str) -> str:
    """The text without the lines of another, whatever stands around their words."""
    lines, wanted = text.split("\n"), [_words(line) for line in repeated.strip().split("\n")]
    haystack, needle = ("\n".join(["", *each, ""]) for each in (map(_words, lines), wanted))
    at = haystack.find(needle) if needle.strip() else -1
    others, start = list[str](), 0
    while at >= 0:
        first = haystack.count("\n", 0, at)
        others, start = others + lines[start:first], first + len(wanted)
        at = haystack.find(needle, at + len(needle) - 1)
    return "\n".join(others + lines[start:])


def _words(text: str) -> str:
    """The words of a text, by which a repeated line is recognized."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _match(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a text is, but for case and the punctuation around it; None: no single."""
    wanted = _plain(text)
    matching = [choice for choice in choices if _plain(choice) == wanted]
    return matching[0] if len(matching) == 1 else None


@lru_cache(maxsize=1_000)
def _plain(text: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", text).casefold() or text.strip()


def json_object(text: str) -> dict[str, JSON] | None:
    """The object that a reply is, alone or in a fence of Markdown; None: it is none."""
    body = re.sub(r"\A\s*```(?:json)?\s*\n(.*?)\n\s*```\s*\Z", r"\1", text, flags=re.DOTALL)
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def unreadable(reply: str) -> Judgment:
    """The judgment in a reply that has no verdict."""
    return Judgment(None, _cut(reply) or "the reply is empty", UNPARSED)


def _cut(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"
