"""Rows of an OpenAI eval: of its data source, or of what a run has put out.

{"item": {"text": "…", "label": "spam"}, "sample": {"output_text": "spam", "model": "gpt-6-luna"}}
{"object": "eval.run.output_item", "datasource_item": {…}, "sample": {"input": […], "output": […]}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.canonical import JSON


@dataclass(frozen=True)
class EvalRow:
    """A row and the answer that is recorded with it.

    Attributes:
        values: of the namespace `item`.
        messages: that were sent; empty: not recorded.
        output: empty: there is none.
        model: that has answered; empty: not recorded.
    """

    values: Mapping[str, Any]
    messages: tuple[Mapping[str, str], ...] = ()
    output: str = ""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


def is_eval_row(value: JSON) -> bool:
    """True for a line of a data source or of a run's output."""
    return isinstance(value, dict) and any(
        isinstance(value.get(key), dict) for key in ("item", "datasource_item")
    )


def read_eval_row(value: Mapping[str, Any]) -> EvalRow:
    """The row that a line holds."""
    values = value.get("item") if isinstance(value.get("item"), dict) else value["datasource_item"]
    sample = value.get("sample") if isinstance(value.get("sample"), dict) else {}
    assert isinstance(values, dict)
    assert isinstance(sample, dict)
    usage = sample.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return EvalRow(
        values=values,
        messages=_messages(sample.get("input")),
        output=_output(sample),
        model=sample["model"] if isinstance(sample.get("model"), str) else "",
        input_tokens=_count(usage.get("prompt_tokens", usage.get("input_tokens"))),
        output_tokens=_count(usage.get("completion_tokens", usage.get("output_tokens"))),
    )


def _messages(listed: JSON) -> tuple[Mapping[str, str], ...]:
    if not isinstance(listed, list):
        return ()
    return tuple(
        {"role": message["role"], "content": message["content"]}
        for message in listed
        if isinstance(message, dict)
        and message.get("role") in ("system", "developer", "user", "assistant")
        and isinstance(message.get("content"), str)
    )


def _output(sample: Mapping[str, Any]) -> str:
    """The text of the answer, in the forms that it is recorded in."""
    if isinstance(sample.get("output_text"), str):
        return str(sample["output_text"])
    for key in ("output", "outputs", "choices"):
        listed = sample.get(key)
        for entry in reversed(listed) if isinstance(listed, list) else ():
            message = entry.get("message", entry) if isinstance(entry, dict) else {}
            text = _content_text(message.get("content") if isinstance(message, dict) else None)
            if text:
                return text
    return ""


def _content_text(content: JSON) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _count(value: JSON) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
