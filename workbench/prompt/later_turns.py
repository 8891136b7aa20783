"""Later turns of a conversation, before and after the answers to the turns before them are there.

    system     You help customers.             as the first turn renders
    user       Where is my parcel?
    assistant  [answer 5f2c…]                  the answer to the request with this key
    user       It is 123.                      the last message that this turn renders

The key of such a request is made of the keys of the requests before it, so it is known before
anything is sent. What is sent has the answers in their place.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from workbench.canonical import JSON, digest, ordered_json
from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import Model, PromptCall, Request
from workbench.prompt.prompt import Prompt

FOLLOWS, ANSWERS = "follows", "answers"  # key fields: the earlier keys; digests of answers by key
_REFERENCE = re.compile(r'"\[answer ([0-9a-f]{64})\]"')
_EXCLUDE = "exclude the pair, or remove `turns` from the rows"


class EarlierTurns(NamedTuple):
    """The conversation up to a turn, and the keys of the requests of its turns."""

    conversation: Conversation
    keys: Sequence[str]


def later_call(call: PromptCall, earlier: EarlierTurns, prompt: Prompt) -> PromptCall:
    """Return the call of a later turn: the turns before it, then its last message of the user.

    Raises:
        WorkbenchError: the prompt is no chat, begins its answers or has tools.
    """
    where, messages = prompt.where(), call.conversation.messages
    if call.conversation.text is not None:
        fix = f"use a chat template, {_EXCLUDE}"
        raise WorkbenchError(
            "a row has `turns`, and this prompt is raw text (`chat: false`)", where=where, fix=fix
        )
    if call.conversation.prefill or earlier.conversation.prefill:
        fix = f"remove its last turn `assistant:`, {_EXCLUDE}"
        raise WorkbenchError(
            "a row has `turns`, and this prompt begins the answer", where=where, fix=fix
        )
    if call.tools:
        fix = f"remove `tools`, or give past turns with `{{% messages history %}}`; {_EXCLUDE}"
        raise WorkbenchError(
            "a row has `turns`, and answers of this prompt may be calls of tools without a result",
            where=where,
            fix=fix,
        )
    user = next((turn for turn in reversed(messages) if turn.role == "user"), None)
    if user is None:
        fix = "write a line `user:` above the text of a turn"
        raise WorkbenchError(
            "a later turn of a row renders no message of the user", where=where, fix=fix
        )
    answer = Message("assistant", f"[answer {earlier.keys[-1]}]")
    turns = (*earlier.conversation.messages, answer, user)
    return replace(call, conversation=Conversation(turns))


def later_request(request: Request, earlier: EarlierTurns, prompt: Prompt, model: Model) -> Request:
    """Return the request of a later turn; its key says which requests it follows.

    It says also how the answers before it are read.
    """
    normalize = prompt.settings.normalize
    reading = {**model.reading, **({"normalize": normalize} if normalize != "none" else {})}
    fields: dict[str, JSON] = {**reading, FOLLOWS: list(earlier.keys)}
    key_fields = {**request.key_fields, **fields}
    return replace(request, key=digest([request.key, fields]), key_fields=key_fields)


def earlier_keys(request: Request) -> list[str]:
    """Return the keys of the requests whose answers the request needs, in their order."""
    return list(request.key_fields.get(FOLLOWS, ()))


def with_answers(
    request: Request, answers: Mapping[str, str], digests: Mapping[str, JSON]
) -> Request:
    """Return the request with the answers in their place, by key; `digests` as of `ANSWERS`."""

    def answer_json(match: re.Match[str]) -> str:
        return ordered_json(answers[match[1]]) if match[1] in answers else match[0]

    text = _REFERENCE.sub(answer_json, request.text)
    return replace(request, text=text, key_fields={**request.key_fields, ANSWERS: dict(digests)})
