"""Completions as JSON Lines or CSV.

{"key": "0a3e…", "model": "openai:gpt-6-luna", "state": "ok", "text": "positive", …}
"""

import json
from collections.abc import Iterable, Iterator

from workbench.canonical import JSON, finite_numbers, ordered_json
from workbench.dataset.csv_cells import csv_line
from workbench.store.selection import StoredCompletion

LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}  # line ends to some readers
COLUMNS = (
    *("key", "model", "state", "text", "finish_reason", "input_tokens", "output_tokens"),
    *("latency_s", "kept_at", "request", "prefill", "error", "attempts", "choice_scores"),
    *("reply_model", "reasoning", "choice_tokens", "tool_calls"),
    *("cached_tokens", "reasoning_tokens", "ratings"),
)
JSON_COLUMNS = ("request", "choice_scores", "choice_tokens", "tool_calls", "ratings")
RATING_FIELDS = ("person", "good", "comment", "rated_at")


def completion_json(stored: StoredCompletion) -> dict[str, JSON]:
    """The completion with the body of its request."""
    completion, usage = stored.completion, stored.completion.usage
    values = (
        stored.key,
        stored.model,
        completion.state,
        completion.text,
        completion.finish_reason,
        usage.input_tokens,
        usage.output_tokens,
        completion.latency_s,
        stored.stored_at,
        stored.request["body"],
        completion.prefill,
        completion.error,
        completion.attempts,
        finite_numbers(completion.choice_scores),
        completion.model,
        completion.reasoning,
        None if completion.choice_tokens is None else dict(completion.choice_tokens),
        list(completion.tool_calls) or None,
        usage.cached_tokens,
        usage.reasoning_tokens,
        [{name: vars(rating)[name] for name in RATING_FIELDS} for rating in stored.ratings] or None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def json_lines(completions: Iterable[StoredCompletion]) -> Iterator[bytes]:
    """One line per completion, lossless: a lone surrogate becomes its escape."""
    for stored in completions:
        text = json.dumps(completion_json(stored), ensure_ascii=False).translate(LINE_ENDS)
        yield f"{text}\n".encode("utf-8", "backslashreplace")


def csv_lines(completions: Iterable[StoredCompletion]) -> Iterator[bytes]:
    """A header and one line per completion; no cell is a formula, numbers stay numbers.

    csv, pandas, polars and spreadsheets read it back equal, but for the apostrophe of
    `escape_cell`. U+FFFD replaces NUL, at which some readers end.
    """
    yield csv_line(COLUMNS)
    for stored in completions:
        row = completion_json(stored)
        for name in JSON_COLUMNS:
            row[name] = None if row[name] is None else ordered_json(row[name])
        yield csv_line(row.values())
