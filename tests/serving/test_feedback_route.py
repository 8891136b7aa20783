"""The route of feedback; its fields are checked in test_feedback_body or beside it."""

import pytest
from echo_server import SECRET, RunningServer

ID = "req_" + "0" * 32


def test_feedback_goes_into_the_outbox(server: RunningServer) -> None:
    body = {"request_id": ID, "value": False, "rationale": "the wrong team"}
    response = server.post("/feedback", body)
    assert (response.status_code, response.json()) == (202, {"taken": True})
    feedback = server.outbox.feedback[-1]
    fields = (feedback.request_id, feedback.value, feedback.rationale, feedback.name)
    assert fields == (ID, False, "the wrong team", "user_feedback")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"request_id": ID, "value": True, SECRET: 1}, "unknown_fields"),
        ({"request_id": SECRET, "value": True}, "invalid_feedback"),
        ({"request_id": ID}, "invalid_feedback"),
        ({"request_id": ID, "value": {"text": SECRET}}, "invalid_feedback"),
    ],
)
def test_what_is_no_feedback_is_refused(server: RunningServer, body: object, code: str) -> None:
    response = server.post("/feedback", body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)
    assert SECRET not in response.text


def test_feedback_on_a_request_without_a_trace_is_refused(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"request_id": ID, "value": True}
    monkeypatch.setattr(server.outbox, "add_feedback", lambda _: False)
    assert server.post("/feedback", body).json()["error"]["code"] == "unknown_request"
    monkeypatch.setattr(server.process._app, "outbox", None)
    assert server.post("/feedback", body).json()["error"]["code"] == "no_traces"
