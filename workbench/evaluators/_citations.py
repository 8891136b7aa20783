"""Sources and confidence that an answer names beside its number.

>>> without_citations("It is 42 [3], said Smith [4]. Confidence: 90%", "…")
'It is 42, said Smith …. '
"""

import re

ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s)>\]]+")
_SOURCE = re.compile(
    r"\b(?:[Ss]ources?|[Rr]ef(?:erence)?s?):? \[\d{1,3}\]|"
    r"\((?:see )?(?:[A-Z][^\W\d_]+(?:,? (?:et al\.|and|&)(?: [A-Z]\w+)?)?,? (?:19|20)\d\d[a-z]?|"
    r"pp?\.? ?\d+|pages? \d+)\)"
)
_APPENDED = re.compile(
    r"^\[\d{1,3}\]:?\s.*(?:\b(?:19|20)\d\d\b|https?:|www\.).*$|"
    r"\bconfidence(?: (?:level|score))?[*_]*\s*(?:[:=]|is)?[*_]*\s*\d[\d.]*\s?%?(?:\s?/\s?\d+)?",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKETED = re.compile(r"[ ]?(?:\[\^?\d{1,3}\])+(?!\w|\s?[*/+^=])")
_NUMBER = re.compile(r"\d[\w,.%°$€]*(?:[ ][^\W\d_]+){0,2}[*_]*$")
_WORD = re.compile(r"[^\W\d_]{3,}[.,]?$")
_NOT_CITED = re.compile(  # `the answer is [42]`, `step 1 [42]`
    r"\b(?:is|are|was|were|be|equals?|makes?|gives?|answer|result|total|solution|value|ist|est|es|è|"
    r"(?:step|question|part|case|item)\s+\d+)$",
    re.IGNORECASE,
)
NEAR = 80  # characters before a mark


def without_citations(text: str, unread: str) -> str:
    """`text` without the sources of its numbers; `unread` for those of other words."""
    text = _SOURCE.sub(unread, text)
    if number := re.search(r"\d", text):
        text = text[: number.end()] + _APPENDED.sub("", text[number.end() :])
    return _BRACKETED.sub(lambda mark: _without_mark(mark, unread), text)


def _without_mark(mark: re.Match[str], unread: str) -> str:
    before = mark.string[max(0, mark.start() - NEAR) : mark.start()]
    if _NOT_CITED.search(before) or (before.endswith(".") and mark[0].startswith(" ")):
        return mark[0]
    if _NUMBER.search(before):
        return ""
    return f" {unread}" if _WORD.search(before) else mark[0]
