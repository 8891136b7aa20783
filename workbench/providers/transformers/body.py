"""The body of a call to a local model.

{"messages": [{"role": "user", "content": "2+2?"}], "max_tokens": 256}
{"text": "2+2=", "choices": ["4", "5"]}
"""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import PreparedCall, PromptCall
from workbench.prompt.tools import chat_tools
from workbench.providers.transformers.settings import MOST, check_values

MAX_TOKENS = 256
SYSTEM_ROLES = ("system", "developer")


class Parameters(BaseModel):
    """The parameters a local model takes, by their names in the OpenAI API."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    max_tokens: int = Field(MAX_TOKENS, ge=1, le=MOST)
    temperature: float = Field(0.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    repetition_penalty: float = Field(1.0, gt=0, allow_inf_nan=False)
    seed: int | None = Field(None, ge=0, lt=2**63)
    stop: str | list[str] = Field(default_factory=list)


def prepare_call(
    call: PromptCall, *, chat_template: str, model: str, merges_system: bool = False
) -> PreparedCall:
    """The body for `call`, and whether it fixes the answer.

    Args:
        call: unchecked.
        chat_template: source of the model's template; empty for a base model.
        model: `provider:name`, for messages.
        merges_system: join system turns to the next user turn.

    Raises:
        WorkbenchError: a parameter, a schema or roles that this model doesn't take.
    """
    if call.response_schema is not None:
        raise WorkbenchError(
            f"{model}: a response schema can't be enforced on a local model",
            fix="use choices, exclude this pair, or serve the model behind an API",
        )
    values = {name: v for name, v in call.parameters.items() if name != "tool_choice"}
    parameters = check_values(Parameters, values, kind="parameter", model=model)
    messages = [message.as_json() for message in call.conversation.messages]
    if merges_system:
        messages = merge_system(messages)
    prompt = _prompt(call.conversation.text, messages, chat_template, model)
    if call.tools:
        _check_tools(call, chat_template, model)
        prompt["tools"] = chat_tools(call.tools)
    if call.choices:
        if "" in call.choices or len(set(call.choices)) < len(call.choices):
            raise WorkbenchError(f"choices must be different and not empty: {list(call.choices)!r}")
        return PreparedCall({**prompt, "choices": list(call.choices)}, "fixed", "loglikelihood")
    body = {**prompt, "max_tokens": parameters.max_tokens}
    stop = [parameters.stop] if isinstance(parameters.stop, str) else parameters.stop
    if "" in stop:
        raise WorkbenchError(f"{model}: parameter 'stop' contains an empty string", fix="remove it")
    if stop:
        body["stop"] = stop
    if parameters.repetition_penalty != 1:
        body["repetition_penalty"] = parameters.repetition_penalty
    if not parameters.temperature:
        return PreparedCall(body, "fixed")
    sampling = {"temperature", "top_p", "top_k", "seed"}
    body |= parameters.model_dump(include=sampling, exclude_defaults=True)
    return PreparedCall(body, "sampled")


def merge_system(messages: Sequence[Mapping[str, JSON]]) -> list[dict[str, JSON]]:
    r"""Put the text of system turns before that of the next user turn, after a blank line.

    >>> turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    >>> merge_system(turns)
    [{'role': 'user', 'content': 'Be brief.\n\nHi'}]

    Without a next user turn the text joins the last one; without any it becomes one.
    """
    merged: list[dict[str, JSON]] = []
    pending: list[str] = []
    for message in messages:
        if message["role"] in SYSTEM_ROLES:
            pending += [message["content"]] if message["content"].strip() else []
        elif message["role"] == "user":
            merged.append({**message, "content": "\n\n".join([*pending, message["content"]])})
            pending = []
        else:
            merged.append(dict(message))
    users = [message for message in merged if message["role"] == "user"]
    if pending and users:
        users[-1]["content"] = "\n\n".join([users[-1]["content"], *pending])
    elif pending:
        merged.insert(0, {"role": "user", "content": "\n\n".join(pending)})
    return merged


def _prompt(
    text: str | None, messages: list[dict[str, JSON]], chat_template: str, model: str
) -> dict[str, JSON]:
    if text is not None:
        return {"text": text}
    if not messages:
        raise WorkbenchError("the prompt has no message")
    if not chat_template:
        roles = [message["role"] for message in messages]
        if roles not in (["user"], ["user", "assistant"]):
            raise WorkbenchError(
                f"{model} has no chat template, and the prompt has the roles {', '.join(roles)}",
                fix="set `chat: false` in the prompt, or exclude this pair",
            )
        # A prefill stands on the line below the user's message.
        return {"text": "\n".join(message["content"] for message in messages)}
    variables = set(re.findall(r"\w+", chat_template))
    for message in messages:
        if message["role"] == "tool" and not variables & {"tool", "tool_response", "ipython"}:
            raise _lacks(model, "turns of tools")
        if message.get("tool_calls") and "tool_calls" not in variables:
            raise _lacks(model, "calls of tools in a history")
    if "developer" not in chat_template:
        for message in messages:
            message["role"] = message["role"].replace("developer", "system")
    return {"messages": messages}


def _check_tools(call: PromptCall, chat_template: str, model: str) -> None:
    if "tools" not in re.findall(r"\w+", chat_template):
        raise _lacks(model, "tools")
    if (choice := call.parameters.get("tool_choice", "auto")) != "auto":
        message = f"{model}: `tool_choice: {choice}` can't be enforced on a local model"
        raise WorkbenchError(message, fix="`tool_choice: null` for the model, or exclude the pair")


def _lacks(model: str, feature: str) -> WorkbenchError:
    message = f"{model}: its chat template has no {feature}"
    return WorkbenchError(message, fix="exclude the pair, or use a model that was trained on tools")
