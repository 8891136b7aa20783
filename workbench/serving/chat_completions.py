"""`POST /v1/chat/completions`: OpenAI's body, whose text comes from the served template.

    {"model": "support.triage@production", "inputs": {"ticket": "My card was charged twice"}}
    {"id": "req_9f86…", "object": "chat.completion", "choices": [{"message": {"content": "billing",
     …}, "finish_reason": "stop", …}], "usage": {"prompt_tokens": 41, …}, …}

With `stream: true` it comes in events, which end with `data: [DONE]`.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import ASGIApp

from workbench.canonical import JSON
from workbench.model import Completion, Usage
from workbench.serving.answer_service import AnswerService
from workbench.serving.http_call import HTTPCall
from workbench.serving.http_errors import HTTPError, json_response
from workbench.serving.interfaces import ServedDeployment
from workbench.serving.request_json import parse_object
from workbench.serving.served_models import check_model, model_id
from workbench.serving.sse_response import SSEResponse

FIELDS = {"model", "messages", "inputs", "stream", "stream_options", "user", "metadata", "n"}
# Fields of OpenAI's body that would change the answer; others are not named in errors.
NAMED_PARAMETERS = {
    *("temperature", "top_p", "top_k", "max_tokens", "max_completion_tokens", "stop", "seed"),
    *("logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "logit_bias"),
    *("response_format", "reasoning_effort", "verbosity", "service_tier", "tools", "tool_choice"),
    *("parallel_tool_calls", "functions", "function_call", "modalities", "audio", "prediction"),
    *("store", "web_search_options", "prompt", "extra_body", "repetition_penalty"),
}
CHUNK = "chat.completion.chunk"


class ChatCompletions:
    """The endpoint."""

    def __init__(self, service: AnswerService) -> None:
        self._service = service

    async def __call__(self, body: bytes, _content_type: str, call: HTTPCall) -> ASGIApp:
        """Return the response.

        Raises:
            HTTPError: there is no answer.
        """
        fields = parse_object(body)
        inputs = check_fields(fields)
        if fields.get("stream"):
            options = fields.get("stream_options") or {}
            with_usage = bool(options.get("include_usage"))
            events = self._events(fields, inputs, call, with_usage=with_usage)
            return await SSEResponse.started(events, call)
        with self._service.deployment(call, [inputs]) as deployment:
            check_model(fields.get("model"), deployment.names)
            completion = await self._service.answer(deployment, call, 0)
        return _answer_body(completion, call)

    async def _events(
        self,
        fields: Mapping[str, JSON],
        inputs: Mapping[str, JSON],
        call: HTTPCall,
        *,
        with_usage: bool,
    ) -> AsyncGenerator[str, None]:
        """Yield the data of each event."""
        with self._service.deployment(call, [inputs]) as deployment:
            check_model(fields.get("model"), deployment.names)
            head = _head(CHUNK, call)
            async with aclosing(self._pieces(deployment, call)) as pieces:
                async for delta, completion in pieces:
                    reason = completion and finish_reason(completion)
                    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
                    yield json.dumps({**head, "choices": [choice]})
                    if completion and with_usage:
                        usage = _usage(completion.usage)
                        yield json.dumps({**head, "choices": [], "usage": usage})

    async def _pieces(
        self, deployment: ServedDeployment, call: HTTPCall
    ) -> AsyncGenerator[tuple[dict[str, JSON], Completion | None], None]:
        """Yield the changes of the message; the last one has the completion beside it."""
        sent = ""
        delta: dict[str, JSON] = {"role": "assistant"}
        async with aclosing(self._service.stream(deployment, call)) as pieces:
            async for piece in pieces:
                if not isinstance(piece, Completion):
                    sent += piece.text
                    yield {**delta, "content": piece.text}, None
                    delta = {}
                    continue
                if (rest := answer_text(piece).removeprefix(sent)) or delta:
                    yield {**delta, "content": rest}, None
                calls = _indexed(piece.tool_calls)
                yield {"tool_calls": calls} if calls else {}, piece


def check_fields(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the inputs of a body.

    Raises:
        HTTPError: it has fields that the served variant doesn't take, or of a wrong type.
    """
    if others := fields.keys() - FIELDS:
        parameters = ", ".join(sorted(others & NAMED_PARAMETERS))
        message = f"{parameters}: what is served has its own" if parameters else "unknown fields"
        message = f"{message}; this server takes {', '.join(sorted(FIELDS))}"
        raise HTTPError(422, "unknown_fields", message)
    if fields.get("messages"):
        message = "messages: the prompt is the server's; send its variables as `inputs`"
        raise HTTPError(422, "messages_given", message, param="messages")
    _check_type(fields, "messages", list, "an empty list, or absent")
    _check_type(fields, "model", str, "a text")
    _check_type(fields, "stream", bool, "true or false")
    _check_type(fields, "stream_options", dict, 'an object such as {"include_usage": true}')
    _check_type(fields, "inputs", dict, "an object with the template's variables")
    if fields.get("n") not in (None, 1) or isinstance(fields.get("n"), bool):
        raise HTTPError(422, "wrong_type", "n: only 1 answer is possible", param="n")
    return fields.get("inputs") or {}


def _check_type(fields: Mapping[str, JSON], name: str, kind: type, description: str) -> None:
    value = fields.get(name)
    if value is not None and not isinstance(value, kind):
        raise HTTPError(422, "wrong_type", f"{name}: must be {description}", param=name)


def answer_text(completion: Completion) -> str:
    """Return the text of an answer, as evaluators see it."""
    return completion.text


def finish_reason(completion: Completion) -> str:
    """Return the reason in OpenAI's words."""
    if completion.state == "truncated":
        return "length"
    if completion.state == "filtered":
        return "content_filter"
    return "tool_calls" if completion.tool_calls else "stop"


def _answer_body(completion: Completion, call: HTTPCall) -> Response:
    message: dict[str, JSON] = {"role": "assistant", "content": answer_text(completion)}
    message["refusal"] = None
    if completion.tool_calls:
        message["tool_calls"] = list(completion.tool_calls)
    choice = {"index": 0, "message": message, "logprobs": None}
    choice["finish_reason"] = finish_reason(completion)
    answer = {**_head("chat.completion", call), "choices": [choice]}
    if usage := _usage(completion.usage):
        answer["usage"] = usage
    return json_response(answer)


def _head(kind: str, call: HTTPCall) -> dict[str, JSON]:
    assert call.names is not None
    created = call.started_ns // 1_000_000_000
    names = call.names
    return {
        "id": call.request_id,
        "object": kind,
        "created": created,
        "model": model_id(names),
    }


def _usage(usage: Usage) -> dict[str, JSON] | None:
    """Return the tokens in OpenAI's words; None if nobody counted them."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    counts: dict[str, JSON] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens is not None:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens is not None:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return counts


def _indexed(calls: tuple[JSON, ...]) -> list[JSON]:
    return [{"index": number, **tool_call} for number, tool_call in enumerate(calls)]
