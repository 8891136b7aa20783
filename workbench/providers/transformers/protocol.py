"""A request as the model's process knows it; how questions and answers travel as JSON.

Question("4f0c…", {"text": "2+2=", "max_tokens": 8})  <->  ["4f0c…", {"text": …}, ""]
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.canonical import JSON
from workbench.model import Completion, Usage


@dataclass(frozen=True)
class Question:
    """What is asked of a model: a body, and how its answer was begun."""

    key: str
    body: Mapping[str, JSON]
    prefill: str = ""


def answer_as_json(answer: Completion) -> dict[str, JSON]:
    """What `answer_from_json` makes the same answer of."""
    return asdict(answer)


def answer_from_json(said: dict[str, Any]) -> Completion:
    """The answer that came as JSON."""
    return Completion(**{**said, "usage": Usage(**said["usage"])})
