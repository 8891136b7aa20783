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

INPUT = ("prompttokens", "inputtokens", "prompttokencount", "inputtokencount", "promptevalcount")
OUTPUT = (
    *("completiontokens", "outputtokens", "candidatestokencount", "outputtokencount"),
    *("completiontokencount", "evalcount"),
)
TOTAL = ("totaltokens", "totaltokencount")
DETAILS = re.compile(r"(?i)(prompt|input|completion|output)_?tokens?_?details|billed_?units")
CACHED = (
    *("cachedtokens", "promptcachehittokens", "cachereadinputtokens", "cachedcontenttokencount"),
    *("numcachedtokens", "cachereadtokens", "cachedinputtokens"),
)
WRITTEN = ("cachecreationinputtokens", "cachewriteinputtokens")
ANTHROPIC = ("cachereadinputtokens", *WRITTEN)
REASONING = ("reasoningtokens", "thinkingtokens", "thoughtstokencount", "reasoningoutputtokens")
MOST = 10**12  # no reply has as many tokens; sums of them fit into 64 bits


def reply_usage(body: Mapping[str, JSON]) -> Usage:
    """Return the tokens of a reply, also where gateways keep another server's counts."""
    groq, choices = body.get("x_groq"), body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    inner = [value.get("usage") for value in (groq, choice) if isinstance(value, dict)]
    counts = (body.get("usage"), body.get("usageMetadata"), body.get("usage_metadata"), *inner)
    usages = (read_usage(count) for count in (*counts, dict(body)))
    return next((usage for usage in usages if usage != Usage()), Usage())


def read_usage(usage: JSON) -> Usage:
    """Return the tokens of a reply's `usage`; None for a count that can't be known.

    `total_tokens` is what is billed: where it exceeds the sum, reasoning tokens stand beside those
    of the answer, or cached tokens beside those of the prompt.
    """
    if not isinstance(usage, dict):
        return Usage()
    fields = _plain(usage)
    for name in filter(DETAILS.fullmatch, usage):
        details = usage[name]
        fields |= {key: n for key, n in _plain(details).items() if n}
    input_tokens, output_tokens = _count(fields, INPUT), _count(fields, OUTPUT)
    cached, reasoning = _count(fields, CACHED), _count(fields, REASONING)
    written, total = _count(fields, WRITTEN), _count(fields, TOTAL)
    if not input_tokens and not output_tokens:
        return Usage()  # no prompt is empty: a gateway writes zeros where its server counts none
    if input_tokens is not None:
        answer = output_tokens or 0
        if (cached or 0) > input_tokens or _stands_beside(fields, total, input_tokens + answer):
            input_tokens += (cached or 0) + (written or 0)
        if total is not None and total > input_tokens + answer:
            output_tokens = total - input_tokens
    if output_tokens is not None and (reasoning or 0) > output_tokens:
        output_tokens += reasoning or 0
    return Usage(input_tokens, output_tokens, cached, reasoning)


def _stands_beside(fields: Mapping[str, JSON], total: int | None, counted: int) -> bool:
    """True if cached tokens are none of the `counted` input and output.

    The total is the sum with them; without a total, Anthropic's `input_tokens` are without them.
    """
    cache = sum(_count(fields, names) or 0 for names in (CACHED, WRITTEN))
    reasoning = _count(fields, REASONING) or 0
    if total is not None:
        return bool(cache) and total in (counted + cache, counted + cache + reasoning)
    return "inputtokens" in fields and any(name in fields for name in ANTHROPIC)


def _plain(fields: JSON) -> dict[str, JSON]:
    """The fields by their names in lower case, without underscores."""
    if not isinstance(fields, dict):
        return {}
    return {re.sub("_", "", name).lower(): value for name, value in fields.items()}


def _count(fields: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first of the fields that is a number of tokens."""
    for name in names:
        value: Any = fields.get(name)
        if isinstance(value, str) and re.fullmatch(r"\s*\d{1,16}(\.0*)?\s*", value):
            value = float(value)
        if type(value) in (int, float) and 0 <= value < MOST and value == int(value):
            return int(value)
    return None
