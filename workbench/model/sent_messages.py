"""The messages of a request's body, whatever the API calls them.

>>> sent_messages({"instructions": "Be brief.", "input": [{"role": "user", "content": "Hi"}]})
[SentMessage(role='system', text='Be brief.'), SentMessage(role='user', text='Hi')]
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from workbench.canonical import JSON

BODY_KEYS = ("messages", "input", "prompt", "text")  # the first that a body has holds its turns


class SentMessage(NamedTuple):
    """A message as it was sent, before the model's own template.

    Attributes:
        role: empty for a text without roles.
        text: images as the name of their kind in brackets.
    """

    role: str
    text: str


def sent_messages(body: Mapping[str, JSON]) -> list[SentMessage]:
    """The messages of a body, the system message first."""
    turns = next((body[name] for name in BODY_KEYS if name in body), "")
    if not isinstance(turns, list):
        text = turns if isinstance(turns, str) else json.dumps(turns, ensure_ascii=False)
        return [SentMessage("", text)]
    instructions = body.get("instructions")
    system = [SentMessage("system", str(instructions))] if instructions else []
    return [*system, *(SentMessage(str(turn.get("role", "")), _text(turn)) for turn in turns)]


def _text(turn: Mapping[str, JSON]) -> str:
    content = turn.get("content")
    if isinstance(content, list):
        return "\n".join(part.get("text") or f"[{part.get('type')}]" for part in content)
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
