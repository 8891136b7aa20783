"""The provider `echo:`, which answers from the request: to see prompts, or test without a model.

echo:prompt      the conversation as text, a role line above each message
echo:last        the last message (or the raw text)
echo:first-word  the first word of that
echo:answer      the raw text as an answer made elsewhere: no tokens, no time; empty: no answer
"""

import time
from collections.abc import Iterable, Iterator, Mapping

from workbench.canonical import JSON
from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError, unknown_name
from workbench.model import Completion, PreparedCall, PromptCall, Request, State, Usage

PAUSE_S = 0.01  # between two looks for a request
NAMES = ("prompt", "last", "first-word", "answer")


class EchoProvider:
    """Answers from the request, at no cost; tokens are words."""

    concurrent = False
    billed = False
    takes_pauses = True
    accepts_images = True  # as placeholders

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        if name not in NAMES:
            raise unknown_name("echo model", name, NAMES)
        if settings:
            raise WorkbenchError(f"echo:{name} takes no settings, not {sorted(settings)}")
        self.name = name

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The name of the echo model."""
        return {"echo": self.name}

    @property
    def facts(self) -> Mapping[str, JSON]:
        """Empty."""
        return {}

    def prepare(self, call: PromptCall) -> PreparedCall:
        """Return the conversation and its parameters, which change nothing."""
        body: dict[str, JSON] = {"parameters": dict(call.parameters)} if call.parameters else {}
        if call.conversation.text is None:
            body["messages"] = [message.as_json() for message in call.conversation.messages]
        else:
            body["text"] = call.conversation.text
        if call.tools:
            body["tools"] = list(call.tools)
        if call.choices:
            body["choices"] = list(call.choices)
        return PreparedCall(body, "fixed", "text" if call.choices else "")

    def count_tokens(self, body: Mapping[str, JSON]) -> int | None:
        """Return the words of the conversation."""
        return len(_conversation(body).as_text().split())

    def check_ready(self) -> None:
        """Return: there is nothing to check."""

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """Yield one completion per request, in order."""
        for request in requests:
            if request is None:
                time.sleep(PAUSE_S)
                continue
            conversation = _conversation(request.body)
            text = conversation.as_text()
            if self.name != "prompt" and conversation.text is None:
                text = next(
                    turn.shown for turn in reversed(conversation.messages) if turn.role == "user"
                )
            if self.name == "answer":
                state: State = "ok" if text else "empty_output"
                yield Completion(request.key, state, text=text, finish_reason="stop")
                continue
            words = text.split()
            if self.name == "first-word":
                text = words[0] if words else ""
            usage = Usage(len(words), len(text.split()))
            yield Completion(
                request.key,
                "ok",
                text=text,
                finish_reason="stop",
                usage=usage,
                latency_s=0.0,
            )


def _conversation(body: Mapping[str, JSON]) -> Conversation:
    if "text" in body:
        return Conversation(text=body["text"])
    return Conversation(tuple(map(Message.from_json, body["messages"])))
