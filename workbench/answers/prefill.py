"""A prefill that the server repeats at the beginning of its answer, as llama.cpp's does.

>>> repeated_length("Sentiment: ", "Sentiment: positive")
11
>>> repeated_length("Sentiment: ", "Sentiment:positive")
10
>>> repeated_length("yes", "yesyes")
3
>>> repeated_length("Sentiment: ", "positive")

One reply alone may begin with the prefill because the model wrote it again. A server that repeats
does so in every reply; `workbench.store.prefill_echo` looks at all of them.
"""

import unicodedata
from bisect import bisect_left
from dataclasses import replace

from workbench.model import Completion


def repeated_length(prefill: str, text: str) -> int | None:
    """Return the number of characters that repeat `prefill`; None if `text` begins otherwise.

    Servers may strip or change white space, and compose characters.
    """
    if text.startswith(prefill) and prefill.strip():
        return len(prefill)
    folded = _fold(prefill)
    beginning = text[: 2 * len(prefill) + 16]
    if not folded or not _fold(beginning).startswith(folded):
        return None
    length = bisect_left(
        range(len(beginning)), len(folded), key=lambda end: len(_fold(beginning[:end]))
    )
    while length < len(beginning) and _fold(beginning[:length]) != folded:
        length += 1  # a mark that is composed with the character before it
    spaces = len(text[length:]) - len(text[length:].lstrip())
    return length + (spaces if prefill[-1].isspace() else 0)


def continues_prefill(completion: Completion) -> bool:
    """Return True if a stored reply shows that its server doesn't repeat the prefill."""
    has_text = completion.state in ("ok", "truncated") and completion.text.strip()
    prefill = completion.prefill
    return bool(has_text and prefill.strip() and repeated_length(prefill, completion.text) is None)


def without_repeated_prefill(completion: Completion) -> Completion:
    """Return a stored reply without the prefill at its beginning."""
    length = repeated_length(completion.prefill, completion.text) or 0
    return replace(completion, text=completion.text[length:]) if length else completion


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
