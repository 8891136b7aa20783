"""The tokens that a reply is billed for, in whichever fields its server counts them.

>>> read_usage({"prompt_tokens": 14, "completion_tokens": 2, "total_tokens": 333})
Usage(input_tokens=14, output_tokens=319)
>>> read_usage({"prompt_tokens": "900", "cached_tokens": 640}).cached_tokens
640
"""

import re
from collections.abc import Mapping
from typing import Any

from workbench.canonical import JSON
from workbench.model import Usage

INPUT = ("prompt_tokens", "input_tokens")
OUTPUT = ("completion_tokens", "output_tokens")
DETAILS = (
    *("prompt_tokens_details", "input_tokens_details", "prompt_token_details"),
    *("completion_tokens_details", "output_tokens_details", "completion_token_details"),
)
CACHED = (
    "cached_tokens",
    "prompt_cache_hit_tokens",
    "cache_read_input_tokens",
    "num_cached_tokens",
)
REASONING = ("reasoning_tokens", "thinking_tokens")
MOST = 2**53


def read_usage(usage: JSON) -> Usage:
    """Return the tokens of a reply's `usage`; None for a count that can't be known.

    `total_tokens` is what is billed: where it exceeds the sum, reasoning tokens stand beside those
    of the answer, or cached tokens beside those of the prompt.
    """
    if not isinstance(usage, dict):
        return Usage()
    fields = dict(usage)
    for name in DETAILS:
        details = usage.get(name)
        fields |= {key: n for key, n in (details if isinstance(details, dict) else {}).items() if n}
    input_tokens, output_tokens = _count(fields, INPUT), _count(fields, OUTPUT)
    cached, reasoning = _count(fields, CACHED), _count(fields, REASONING)
    total = _count(fields, ("total_tokens",))
    if not input_tokens and not output_tokens:
        return Usage()  # no prompt is empty: a gateway writes zeros where its server counts none
    if input_tokens is not None:
        if (cached or 0) > input_tokens or _stands_beside(
            cached, input_tokens, output_tokens, total
        ):
            input_tokens += cached or 0
        if total is not None and total > input_tokens + (output_tokens or 0):
            output_tokens = total - input_tokens
    if output_tokens is not None and (reasoning or 0) > output_tokens:
        output_tokens += reasoning or 0
    return Usage(input_tokens, output_tokens, cached, reasoning)


def _stands_beside(
    cached: int | None, input_tokens: int, output_tokens: int | None, total: int | None
) -> bool:
    """True if the total is the sum with the cached tokens."""
    if not cached or total is None or output_tokens is None:
        return False
    return total == input_tokens + output_tokens + cached


def _count(fields: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first of the fields that is a number of tokens."""
    for name in names:
        value: Any = fields.get(name)
        if isinstance(value, str) and re.fullmatch(r"\s*\d{1,16}(\.0*)?\s*", value):
            value = float(value)
        if type(value) in (int, float) and 0 <= value < MOST and value == int(value):
            return int(value)
    return None
