"""Answers of API models while people wait: what is sent and read is what an evaluation sends."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from itertools import pairwise

import pytest
from answer_calls import Variant, answered, parts_of, streamed, texts, untimed
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai_server import HANG, RESET, OpenAIServer, Reply, answer, refuse, say, serve

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import Completion, Model, PromptCall, Request
from workbench.providers.live_model import AnswerLimits, BusyError
from workbench.providers.openai.event_stream import join_events
from workbench.providers.openai.reply import read_reply
from workbench.providers.openai.text_events import TextEvents
from workbench.serving.answering import ModelAnswerer, open_answerer
from workbench.serving.interfaces import TextPiece
from workbench.serving.request_gate import RequestGate

KEY = "sk-canary-1234567890abcdef"
FAST = {"concurrency": 4, "backoff_s": 0.01}
Opened = Callable[..., Variant]


@pytest.fixture
def upstream() -> Iterator[OpenAIServer]:
    with serve() as endpoint:
        yield endpoint


@pytest.fixture
def opened(upstream: OpenAIServer, monkeypatch) -> Opened:
    """Open a variant of the model `m` at the server on loopback."""
    monkeypatch.setenv("LIVE_KEY", KEY)

    def open_variant(*, reasoning="strip", repeated=False, limits=None, **more) -> Variant:
        model = {"base_url": upstream.url, "api_key_env": "LIVE_KEY", **FAST, **more}
        limits = limits or AnswerLimits(timeout_s=60.0)
        return Variant(Model("openai", "m", "", model, {}, reasoning), repeated, limits)

    return open_variant


def request_of(variant: Variant, text: str = "2+2", *, prefill: str = "", **call) -> Request:
    turns = [Message("user", text), *([Message("assistant", prefill)] if prefill else [])]
    api = variant.model.settings.get("api")
    conversation = Conversation(text=text) if api == "completions" else Conversation(tuple(turns))
    parameters = {"max_tokens": 8, "temperature": 0, **call.pop("parameters", {})}
    prepared = variant.provider.prepare(PromptCall(conversation, parameters, **call))
    return Request.from_body(text, prepared.body, prefill)


def message(**fields) -> Reply:
    return Reply(body={**answer(""), "choices": [{"message": fields, "finish_reason": "stop"}]})


def responses(*output, **more) -> Reply:
    return Reply(body={"model": "m-1", "status": "completed", "output": output, **more})


def part(**fields) -> dict:
    return {"type": "message", "content": [{"type": "output_text", **fields}]}


def events(*chunks, end: str = "data: [DONE]\n\n", **more) -> Reply:
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end
    return Reply(body=text.encode(), **more)


def delta(text: object = None, finish: str | None = None, **fields) -> dict:
    fields |= {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
TEXT = [{"index": 0, "text": "four", "finish_reason": "stop"}]
ADD = {"name": "add", "description": "", "parameters": {"type": "object", "properties": {}}}
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
REPLIES = {  # settings, call, reply
    "text": ({}, {}, say("four")),
    "a header with a key": ({"headers": {"X-Key": "${LIVE_KEY}"}}, {}, say("four")),
    "a renamed limit": ({"rename": {"max_tokens": "max_completion_tokens"}}, {}, say("4")),
    "reasoning in the text": ({}, {}, say("<think>Hm.</think>four")),
    "reasoning that is kept": ({"reasoning": "keep"}, {}, say("<think>Hm.</think>four")),
    "reasoning in a field": ({}, {}, message(content="four", reasoning_content="Hm.")),
    "a repeated prefill": (
        {"prefill": "prefix", "repeated": True},
        {"prefill": "It is "},
        say("It is four"),
    ),
    "a continued prefill": ({"prefill": "as_is"}, {"prefill": "It is "}, say("four")),
    "a choice": (
        {"choices": "schema"},
        {"choices": ("yes", "no")},
        say('{"choice": "yes"}'),
    ),
    "no choice": ({"choices": "schema"}, {"choices": ("yes", "no")}, say("Perhaps")),
    "a schema": ({}, {"response_schema": {"type": "object"}}, say('{"a": 1}')),
    "a refusal": ({}, {}, message(content=None, refusal="I can't.")),
    "truncated": ({}, {}, say("fo", choices=answer("fo", finish="length")["choices"])),
    "filtered": ({}, {}, say("", choices=answer("", finish="content_filter")["choices"])),
    "a stop text": ({}, {"parameters": {"stop": ["END"]}}, say("four END five")),
    "a tool call": ({}, {"tools": (ADD,)}, message(content=None, tool_calls=[CALL])),
    "empty": ({}, {}, say("", choices=answer("", finish=None)["choices"])),
    "a page": ({}, {}, Reply(body=b"<html>Log in</html>")),
    "a text completion": ({"api": "completions"}, {}, Reply(body={"choices": TEXT})),
    "responses": ({"api": "responses"}, {}, responses(part(text="four"))),
    "responses, failed": (
        {"api": "responses"},
        {},
        responses(status="incomplete", incomplete_details={"reason": "content_filter"}),
    ),
    "events that nobody has asked for": ({}, {}, events(delta("fo"), delta("ur", "stop"), USAGE)),
    "events": ({"stream": True}, {}, events(delta("fo"), delta("ur", "stop"), USAGE)),
}


def test_a_key_that_the_endpoint_repeats_is_in_no_piece(opened, upstream):
    parts = [delta("Key: "), delta(KEY[:9]), delta(KEY[9:]), delta(", and so on", "stop")]
    upstream.script = lambda path, body, nth: events(*parts)
    variant = opened(stream=True)
    ((pieces, completion),) = streamed(variant, request_of(variant))
    assert completion.text == "".join(pieces) == "Key: [secret LIVE_KEY], and so on"


@pytest.mark.parametrize("case", REPLIES)
def test_the_bytes_sent_and_the_answer_read_are_those_of_an_evaluation(opened, upstream, case):
    options, call, reply = REPLIES[case]
    upstream.script = lambda path, body, nth: reply
    variant = opened(**options)
    request = request_of(variant, **call)
    evaluated = variant.evaluated(request)
    (completion,) = answered(variant, request)
    ((pieces, streamed_completion),) = streamed(variant, request)
    assert completion == streamed_completion == evaluated
    assert "".join(pieces) == (evaluated.text if evaluated.scored else "")
    first, second, asked_for_events = upstream.requests
    assert (second.raw, second.headers) == (first.raw, first.headers)
    assert asked_for_events.body.pop("stream") is True
    added = {name: v for name, v in asked_for_events.body.items() if name not in first.body}
    assert added.keys() <= {"stream", "stream_options"}


STREAMS = {  # settings, call, streamed reply
    "text": ({}, {}, events(delta("fo"), delta("ur", "stop"), USAGE)),
    "a thought": ({}, {}, events(delta("<th"), delta("ink>Hm.</think>fo"), delta("ur", "stop"))),
    "a thought in a field": ({}, {}, events(delta(reasoning_content="Hm."), delta("4", "stop"))),
    "a repeated prefill": (
        {"prefill": "prefix", "repeated": True},
        {"prefill": "It is "},
        events(delta("It is"), delta(" fo"), delta("ur", "stop")),
    ),
    "a choice": (
        {"choices": "schema"},
        {"choices": ("yes", "no")},
        events(delta('{"choice": '), delta('"yes"}', "stop")),
    ),
    "a stop text": (
        {},
        {"parameters": {"stop": ["END"]}},
        events(delta("four E"), delta("ND five", "stop")),
    ),
    "a tool call": ({}, {"tools": (ADD,)}, events(delta(tool_calls=[CALL]), delta(None, "stop"))),
    "at the limit": ({}, {}, events(delta("fo"), delta("", "length"))),
    "parts": ({}, {}, events(delta(["fo"]), delta(["ur"], "stop"))),
    "a text completion": ({"api": "completions"}, {}, events({"choices": TEXT})),
    "responses": (
        {"api": "responses"},
        {},
        events(
            {"type": "response.created", "response": {"status": "in_progress", "output": []}},
            {"type": "response.output_text.delta", "delta": "fo"},
            {"type": "response.output_text.delta", "delta": "ur"},
            {
                "type": "response.completed",
                "response": {"status": "completed", "output": [part(text="four")]},
            },
            end="",
        ),
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_streamed_answer_is_that_of_an_evaluation_that_streams(opened, upstream, case):
    options, call, reply = STREAMS[case]
    upstream.script = lambda path, body, nth: reply
    variant = opened(**options)
    evaluated = opened(**options, stream=True).evaluated(request_of(variant, **call))
    first, second = streamed(variant, *[request_of(variant, **call)] * 2)
    for pieces, completion in (first, second):  # the first one shows how the model thinks
        assert completion == evaluated
        assert "".join(pieces) == evaluated.text
    assert upstream.bodies[-1]["stream"] is True


def test_pieces_come_while_the_answer_is_being_written(opened, upstream):
    reply = events(delta("fo"), delta("ur", "stop"))
    upstream.script = lambda path, body, nth: (
        say("4") if nth == 1 and not body.get("stream") else paused
    )
    variant, seen = opened(), list[str]()
    paused = Reply(
        body=reply.body, pause_after=len(events(delta("fo"), end="").body), ready=lambda: bool(seen)
    )
    request = request_of(variant)

    async def stream() -> Completion:
        answerer = await open_answerer(variant, variant.limits)
        await answerer.answer(request)  # shows that its texts don't begin within thoughts
        async with aclosing(answerer.stream(request)) as parts:
            async for each in parts:
                if isinstance(each, TextPiece):
                    seen.append(each.text)
        await answerer.close()
        return each

    assert (asyncio.run(stream()).text, seen) == ("four", ["fo", "ur"])


BROKEN = {
    "an error in the events": (
        events(delta("fo"), {"error": {"message": f"died {KEY}", "code": 502}}),
        ("failed", "fo", "died ***"),
    ),
    "cut off": (
        Reply(body=events(delta("fo")).body, cut_after=len(events(delta("fo"), end="").body)),
        ("failed", "fo", "the connection was lost"),
    ),
    "ended in the middle": (
        events(delta("fo"), end=""),
        ("invalid_response", "fo", "the server broke off the answer"),
    ),
    "a thought without its mark": (
        events(delta("fo"), delta("ur</think>five", "stop")),
        ("invalid_response", "four</think>five", "changes its beginning"),
    ),
    "filtered": (
        events(delta("fo"), delta("", "content_filter")),
        ("filtered", "fo", "withheld"),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_reply_that_breaks_ends_with_its_state_and_is_not_paid_for_again(opened, upstream, case):
    reply, expected = BROKEN[case]
    upstream.script = lambda path, body, nth: (
        reply if body["messages"][0]["content"] == "bad" else say("4")
    )
    variant = opened()
    _, (pieces, completion) = streamed(variant, request_of(variant), request_of(variant, "bad"))
    assert (completion.state, "".join(pieces)) == expected[:2]
    assert expected[2] in completion.error
    assert len(upstream.requests) == 2


REFUSING = {
    "without usage": (
        lambda body: (
            "stream_options" in body and refuse(400, "Unknown parameter", param="stream_options")
        ),
        {"stream": True},
    ),
    "not at all": (lambda body: "stream" in body and refuse(422, "'stream' is not supported"), {}),
    "without a reason": (lambda body: "stream" in body and refuse(400, "Bad request"), {}),
}


@pytest.mark.parametrize("case", REFUSING)
def test_an_endpoint_that_refuses_to_stream_is_asked_without_it(opened, upstream, case):
    refuses, added = REFUSING[case]
    upstream.script = lambda path, body, nth: refuses(body) or say("four")
    variant = opened()
    request = request_of(variant)
    for pieces, completion in streamed(variant, request, request):
        assert (completion.state, "".join(pieces)) == ("ok", "four")
    assert upstream.bodies[-1] == {**request.body, **added}
    assert upstream.bodies[-2] in ({**request.body, **added}, upstream.bodies[0])


def test_a_refused_row_is_asked_again_once_whether_it_is_for_the_stream(opened, upstream):
    upstream.script = lambda path, body, nth: refuse(400, "context length exceeded")
    variant = opened()
    ((pieces, completion),) = streamed(variant, request_of(variant))
    assert (completion.state, pieces, len(upstream.requests)) == ("rejected", [], 2)


CALLS = {  # replies in their order; state, error, calls
    "busy, then an answer": ([refuse(429, "slow"), say("4")], "ok", "", 2),
    "overloaded, then an answer": ([refuse(503, "overloaded"), say("4")], "ok", "", 2),
    "overloaded": ([refuse(503, "overloaded")], "failed", "HTTP 503", 3),
    "a server error, which may be billed": ([refuse(500, "oops")], "failed", "HTTP 500", 1),
    "a lost reply, which may be billed": ([RESET], "failed", "the connection was lost", 1),
    "a wrong key": ([refuse(401, f"bad key {KEY}")], "failed", "bad key ***; check the key", 1),
    "a refused row": ([refuse(400, f"too long, {KEY}")], "rejected", "too long, ***", 1),
}


@pytest.mark.parametrize("case", CALLS)
def test_only_a_call_that_is_not_billed_is_repeated(opened, upstream, case):
    replies, state, error, calls = CALLS[case]
    upstream.script = lambda path, body, nth: replies[min(nth, len(replies)) - 1]
    variant = opened()
    (completion,) = answered(variant, request_of(variant))
    assert (completion.state, completion.attempts, len(upstream.requests)) == (state, calls, calls)
    assert error in completion.error
    assert KEY not in repr(completion)


def test_an_endpoint_that_is_gone_is_tried_again_and_then_the_request_has_failed(opened, upstream):
    variant = opened(base_url="http://127.0.0.1:9/v1")
    (completion,) = answered(variant, request_of(variant))
    assert (completion.state, completion.attempts) == ("failed", 3)
    assert "can't be reached" in completion.error


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_for_a_long_wait_is_busy(opened, upstream, status):
    upstream.script = lambda path, body, nth: refuse(status, "slow", {"Retry-After": "300"})
    variant = opened()
    first, *others = answered(variant, *[request_of(variant, str(n)) for n in range(4)])
    assert {type(each) for each in (first, *others)} == {BusyError}
    assert first.retry_after_s == 300
    count = len(upstream.requests)

    async def ask_again() -> float:
        answerer = await open_answerer(variant, variant.limits)
        for _ in range(2):
            with pytest.raises(BusyError) as busy:
                await answerer.answer(request_of(variant))
        await answerer.close()
        return busy.value.retry_after_s

    assert 200 < asyncio.run(ask_again()) <= 300
    assert len(upstream.requests) == count + 1  # the second one knows


def test_a_request_ends_with_its_time(opened, upstream):
    upstream.script = lambda path, body, nth: HANG
    variant = opened(limits=AnswerLimits(timeout_s=0.2))
    (completion,) = answered(variant, request_of(variant))
    ((pieces, streamed_completion),) = streamed(variant, request_of(variant))
    assert completion == streamed_completion
    assert (completion.state, completion.finish_reason, pieces) == ("failed", "timeout", [])
    assert completion.error == "no answer in 0.2 s"


def test_requests_beyond_the_queue_are_refused_and_the_others_answered(opened, upstream):
    variant = opened(concurrency=1, limits=AnswerLimits(60.0, most_waiting=2))
    requests = [request_of(variant, str(number)) for number in range(5)]
    assert texts(answered(variant, *requests)) == ["0", "1", "2", "BusyError", "BusyError"]
    assert upstream.max_in_flight == 1


def test_a_request_that_waits_too_long_for_its_turn_is_refused():
    async def wait() -> BusyError:
        gate = RequestGate(concurrency=1, most_waiting=1)
        async with gate.turn(time.monotonic() + 60):
            with pytest.raises(BusyError) as busy:
                async with gate.turn(time.monotonic()):
                    pass
        async with gate.turn(time.monotonic()):  # which is free again
            return busy.value

    assert 1 <= asyncio.run(wait()).retry_after_s <= 60


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_client_that_goes_away_cancels_the_call(opened, upstream):
    paused = Reply(body=events(delta("fo"), delta("ur", "stop")).body, pause_after=20)
    upstream.script = lambda path, body, nth: paused if body.get("stream") else HANG
    variant = opened()

    async def cancel() -> None:
        answerer = await open_answerer(variant, variant.limits)
        for call in (answerer.answer, lambda request: parts_of(answerer, request)):
            task = asyncio.create_task(call(request_of(variant)))
            await until(lambda: upstream.in_flight == 1)
            task.cancel()
            await until(lambda: upstream.in_flight == 0)
        await answerer.close()

    asyncio.run(cancel())
    assert len(upstream.requests) == 2


def test_connections_are_used_again(opened, upstream):
    variant = opened(concurrency=2)

    async def ask() -> list[Completion]:
        answerer = await open_answerer(variant, variant.limits)
        answers = [
            await asyncio.gather(*(answerer.answer(request_of(variant, str(n))) for n in range(2)))
            for _ in range(5)
        ]
        await answerer.close()
        return [completion for batch in answers for completion in batch]

    assert texts(asyncio.run(ask())) == ["0", "1"] * 5
    assert upstream.connections == 2


def test_a_missing_key_is_an_error_before_the_first_request(opened):
    with pytest.raises(WorkbenchError, match="the variable NO_SUCH_KEY is empty"):
        answered(opened(api_key_env="NO_SUCH_KEY"))


def test_echo_answers_at_once():
    variant = Variant(Model("echo", "last"))
    request = request_of(variant, "Hi")
    assert answered(variant, request) == [variant.evaluated(request)]
    assert streamed(variant, request) == [(["Hi"], variant.evaluated(request))]


class CutModel:
    """A model whose streamed reply arrives in the given chunks."""

    concurrency = 1

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def answer(self, request: Request, deadline: float) -> Completion:
        raw = b"".join(self._chunks).decode("utf-8", "replace")
        return read_reply(request, join_events(raw))

    async def stream(self, request: Request, deadline: float):
        text_events = TextEvents()
        for chunk in self._chunks:
            if text := text_events.feed(chunk):
                yield text
        yield await self.answer(request, deadline)

    async def close(self) -> None: ...


FRAGMENTS = (
    *("<think>", "</think>", "Hm.", "four", "END", "EN", "\n\n", " ", "é", "\U0001f600", "\ud83d"),
    *("\ude00", "It is ", "It", "<", "[1]", "analysis", "<|end|><|start|>assistant<|channel|>"),
)


@settings(deadline=None, max_examples=60)
@given(
    deltas=st.lists(st.lists(st.sampled_from(FRAGMENTS), max_size=3).map("".join), max_size=8),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 900), max_size=12),
    options=st.sampled_from([("strip", "", False), ("keep", "", False), ("strip", "It is ", True)]),
    unmarked=st.sampled_from([True, False]),
)
@example(["four", "</think>"], "\n", [], ("strip", "", False), False)
def test_joined_pieces_are_the_answer_however_a_reply_is_cut(
    deltas, newline, cuts, options, unmarked
):
    reasoning, prefill, repeated = options
    chunks = [*map(delta, deltas), delta("", "stop"), USAGE]
    data = events(*chunks).body.replace(b"\n", newline.encode())
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    model = CutModel([data[a:b] for a, b in pairwise(places)])
    variant = Variant(Model("openai", "m", reasoning=reasoning), repeated)
    request = Request.from_body("k", {"messages": [], "stop": ["END"]}, prefill)
    answerer = ModelAnswerer(variant, model)
    answerer._begins_unmarked = unmarked
    whole = untimed(asyncio.run(answerer.answer(request)))
    answerer._begins_unmarked = unmarked
    pieces, completion = asyncio.run(parts_of(answerer, request))
    if completion.scored:
        assert ("".join(pieces), completion) == (whole.text, whole)
    else:  # what was sent turned out to be a thought
        assert whole.state == completion.state or not unmarked
