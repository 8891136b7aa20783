"""The label that a text answers with, among the labels that it mentions.

>>> from workbench.evaluators._labels import find_mentions
>>> text = "Positive, since nothing in it is negative."
>>> named_labels(text, find_mentions(text, ("positive", "negative")))
{'positive'}
"""

import re
from collections.abc import Sequence
from itertools import zip_longest

from workbench.evaluators._labels import Mention, is_cued

# Between labels of a list, which is no answer: `positive or negative`; any one short word does.
_LISTED = re.compile(
    r"[^\S\n]*(?:[/|,;&、]|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,6}|"
    r"(?<!\S)(?!over|than|since|because|despite|though)[^\W\d_]{1,7}(?!\S))?[^\S\n]*",
    re.IGNORECASE,
)
# A and B are wrong
_JOINED = re.compile(r"\s+(?:and|or|nor|und|oder|et|ou|y|e|i|и)\s+|でも|도\s?|也")
_OPTIONS = ((")", ")"), (".", "."), (":", ":"))  # `A: Rome`, then `B: Oslo` in another line


def named_labels(text: str, mentions: Sequence[Mention]) -> set[str]:
    """The labels that `text` names; exactly one if it is an answer."""
    plain = [
        mention
        for mention, following in zip_longest(mentions, mentions[1:])
        if not mention.negated
        and not (
            following
            and following.negated
            and _JOINED.fullmatch(text[mention.end : following.start])
        )
    ]
    names = {mention.label for mention in plain}
    if len(names) < 2:
        return names if any(mention.certain for mention in plain) else set()
    first = plain[0]
    begins = not any(character.isalnum() for character in text[: first.start])
    other = next(index for index, mention in enumerate(plain) if mention.label != first.label)
    between = text[plain[other - 1].end : plain[other].start]
    options = (text[mention.end : mention.end + 1] for mention in (first, plain[other]))
    is_restated = between.endswith("\n") and tuple(options) in _OPTIONS
    if begins and not is_restated and not re.match(r"\s*\?", text[first.end :]):
        return names if _LISTED.fullmatch(between) else {first.label}
    cued = {
        mention.label
        for mention, following in zip(plain, [*plain[1:], None], strict=True)
        if is_cued(text, mention)
        and not (following and _LISTED.fullmatch(text[mention.end : following.start]))
    }
    return cued if len(cued) == 1 else names
