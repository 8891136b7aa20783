"""OpenAI's route: bodies, answers, events, errors."""

import json

import openai
import pytest
from echo_server import NAMES, SECRET, RunningServer, events

CHAT = "/v1/chat/completions"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_an_answer_has_openais_form_and_the_id_of_its_request(server: RunningServer) -> None:
    response = server.chat("Good film")
    body = response.json()
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "id": response.headers["x-request-id"],
        "object": "chat.completion",
        "model": "support.model@production",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Good film", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
    assert response.status_code == 200


def test_the_openai_client_asks_it(server: RunningServer) -> None:
    client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
    asked = client.chat.completions.create(
        model="support@production", messages=[], extra_body={"inputs": {"text": "Good film"}}
    )
    assert asked.choices[0].message.content == "Good film"
    streamed = client.chat.completions.create(
        model="support@production",
        messages=[],
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"inputs": {"text": "Good film"}},
    )
    chunks = list(streamed)
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == "Good film"
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens == 5
    assert next(model.id for model in client.models.list()) == "support.model@production"
    with pytest.raises(openai.UnprocessableEntityError, match="'text'"):
        client.chat.completions.create(model="support", messages=[], extra_body={"model": None})


def test_events_end_with_the_reason_the_usage_and_done(server: RunningServer) -> None:
    fields = {"stream": True, "stream_options": {"include_usage": True}}
    response = server.chat("Good film", **fields)
    *chunks, last, usage, done = events(response)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert {chunk["id"] for chunk in [*chunks, last]} == {response.headers["x-request-id"]}
    assert [chunk["choices"][0]["delta"] for chunk in [*chunks, last]] == [
        {"role": "assistant", "content": "Good"},
        {"content": " "},
        {"content": "film"},
        {},
    ]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"], done) == ([], USAGE, "[DONE]")


def test_an_error_inside_a_stream_is_its_last_event(server: RunningServer) -> None:
    response = server.chat("torn", stream=True)
    *_, error, done = events(response)
    assert response.status_code == 200
    assert (error["error"]["code"], done) == ("model_failed", "[DONE]")
    assert SECRET not in response.text


def test_an_error_before_the_first_piece_has_a_status(server: RunningServer) -> None:
    response = server.chat("failed", stream=True)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "model_failed")


def test_a_cut_answer_says_so(server: RunningServer) -> None:
    choice = server.chat("truncated").json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("truncated", "length")
    choice = server.chat("empty_output").json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "stop")


REFUSED = {
    "no inputs": ({}, 422, "missing_variables"),
    "a variable is missing": ({"inputs": {"title": SECRET}}, 422, "missing_variables"),
    "inputs are a list": ({"inputs": [SECRET]}, 422, "wrong_type"),
    "messages are given": (
        {"messages": [{"role": "user", "content": SECRET}]},
        422,
        "messages_given",
    ),
    "messages are a text": ({"messages": ""}, 422, "wrong_type"),
    "a parameter": ({"inputs": {"text": "a"}, "temperature": 1.0}, 422, "unknown_fields"),
    "an unknown field": ({"inputs": {"text": "a"}, SECRET: 1}, 422, "unknown_fields"),
    "another model": ({"inputs": {"text": "a"}, "model": SECRET}, 404, "model_not_found"),
    "the model is a number": ({"inputs": {"text": "a"}, "model": 4}, 422, "wrong_type"),
    "stream is a text": ({"inputs": {"text": "a"}, "stream": "yes"}, 422, "wrong_type"),
    "several answers": ({"inputs": {"text": "a"}, "n": 2}, 422, "wrong_type"),
    "n is true": ({"inputs": {"text": "a"}, "n": True}, 422, "wrong_type"),
    "no rendering": ({"inputs": {"text": "unrenderable"}}, 422, "invalid_inputs"),
    "the model fails": ({"inputs": {"text": "failed"}}, 502, "model_failed"),
    "the model rejects it": ({"inputs": {"text": "rejected"}}, 422, "rejected_by_model"),
    "no readable answer": ({"inputs": {"text": "invalid_response"}}, 502, "invalid_answer"),
    "the model is late": ({"inputs": {"text": "timeout"}}, 504, "model_timeout"),
    "no connection": ({"inputs": {"text": "unreachable"}}, 502, "model_unavailable"),
    "a busy model": ({"inputs": {"text": "busy"}}, 503, "busy"),
    "a fault of ours": ({"inputs": {"text": "fault"}}, 500, "internal_error"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named_and_not_repeated(server: RunningServer, case: str) -> None:
    body, status, code = REFUSED[case]
    response = server.post(CHAT, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error.keys() == {"message", "type", "param", "code"}
    assert SECRET not in response.text
    assert SECRET not in server.log.getvalue()


def test_a_missing_variable_and_a_parameter_are_named(server: RunningServer) -> None:
    message = server.post(CHAT, {}).json()["error"]["message"]
    assert message.startswith("inputs lack the variable 'text'")
    body = {"inputs": {"text": "a"}, "max_tokens": 5, "temperature": 1, "odd": 1}
    message = server.post(CHAT, body).json()["error"]["message"]
    assert message.startswith("max_tokens, temperature: what is served has its own")


def test_fields_that_change_nothing_are_taken(server: RunningServer) -> None:
    fields = {"user": "u", "metadata": {"a": "b"}, "n": 1, "stream": False, "messages": []}
    for model in ("support.model@production", "support@production", NAMES.variant, None):
        assert server.chat("a", **fields, model=model).status_code == 200


BODIES = {
    "no JSON": (b"{", 400, "bad_json"),
    "empty": (b"", 400, "bad_json"),
    "no UTF-8": (b'{"inputs": {"text": "\xff"}}', 400, "bad_json"),
    "UTF-16": ('{"inputs": {"text": "a"}}'.encode("utf-16"), 400, "bad_json"),
    "no object": (b"[1]", 400, "bad_json"),
    "text behind it": (b'{"inputs": {"text": "a"}} x', 400, "bad_json"),
    "a key twice": (b'{"inputs": {"text": "a", "text": "b"}}', 400, "duplicate_key"),
    "NaN": (b'{"inputs": {"text": NaN}}', 400, "bad_number"),
    "Infinity": (b'{"inputs": {"text": -Infinity}}', 400, "bad_number"),
    "1e999": (b'{"inputs": {"text": 1e999}}', 400, "bad_number"),
    "a long integer": (b'{"inputs": {"text": ' + b"9" * 5_000 + b"}}", 400, "bad_json"),
    "an integer of 65 bits": (b'{"inputs": {"text": 36893488147419103232}}', 400, "bad_number"),
    "half a surrogate pair": (b'{"inputs": {"text": "\\ud800"}}', 400, "bad_text"),
    "half a pair in a key": (b'{"inputs": {"\\udc00": "a"}}', 400, "bad_text"),
    "nested lists": (b'{"inputs": {"text": ' + b"[" * 70 + b"]" * 70 + b"}}", 400, "too_deep"),
    "endless lists": (b'{"inputs": {"text": ' + b"[" * 400_000, 400, "too_deep"),
    "endless objects": (b'{"a":' * 150_000, 400, "too_deep"),
    "NUL": (b'{"inputs": {"text": "a\\u0000b"}}', 200, ""),
    "a whole pair": (b'{"inputs": {"text": "\\ud83d\\ude00"}}', 200, ""),
}


@pytest.mark.parametrize("case", BODIES)
def test_odd_json_has_a_sane_answer(server: RunningServer, case: str) -> None:
    body, status, code = BODIES[case]
    headers = {"content-type": "application/json"}
    response = server.client.post(CHAT, content=body, headers=headers)
    answer = json.loads(response.content)
    assert (response.status_code, answer.get("error", {"code": ""})["code"]) == (status, code)
