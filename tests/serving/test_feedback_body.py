"""The body of `POST /feedback`: what it may hold, and messages that repeat none of its texts."""

from typing import Any

import pytest

from workbench.serving.traces.feedback_body import FeedbackError, check_feedback

ID = "req_" + "0f" * 16


@pytest.mark.parametrize(
    ("body", "caller", "kept"),
    [
        ({"value": True}, "", ("user_feedback", True, "", "user")),
        ({"value": False, "rationale": "no"}, "app", ("user_feedback", False, "no", "app")),
        ({"value": 4.5, "name": "stars"}, "app", ("stars", 4.5, "", "app")),
        (
            {"value": "wrong team", "source": "ada"},
            "app",
            ("user_feedback", "wrong team", "", "ada"),
        ),
        ({"value": 0, "rationale": None}, "", ("user_feedback", 0, "", "user")),
    ],
)
def test_feedback_is_read(body: dict[str, Any], caller: str, kept: tuple[Any, ...]) -> None:
    feedback = check_feedback({"request_id": ID, **body}, caller)
    assert feedback.request_id == ID
    assert feedback.caller == caller
    assert (feedback.name, feedback.value, feedback.rationale, feedback.source) == kept


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "feedback is a JSON object"),
        ({}, "`request_id` is the id of an answer: `req_` and 32 hexadecimal digits"),
        ({"request_id": "req_SECRET"}, "`request_id` is the id of an answer"),
        ({"request_id": ID}, "`value` is true, false, a number, or a text of 1 to 250 characters"),
        ({"request_id": ID, "value": None}, "`value` is true"),
        ({"request_id": ID, "value": ["SECRET"]}, "`value` is true"),
        ({"request_id": ID, "value": float("nan")}, "`value` is true"),
        ({"request_id": ID, "value": float("inf")}, "`value` is true"),
        ({"request_id": ID, "value": 10**400}, "`value` is true"),
        ({"request_id": ID, "value": ""}, "`value` is true"),
        ({"request_id": ID, "value": "SECRET" * 50}, "`value` is true"),
        ({"request_id": ID, "value": 1, "name": ""}, "`name` has 1 to 100 letters"),
        ({"request_id": ID, "value": 1, "name": "SECRET\n"}, "`name` has 1 to 100 letters"),
        ({"request_id": ID, "value": 1, "rationale": 3}, "`rationale` is a text of at most 5,000"),
        ({"request_id": ID, "value": 1, "source": "S" * 101}, "`source` is a text of at most 100"),
        (
            {"request_id": ID, "value": 1, "reason": "SECRET"},
            "feedback has the fields request_id, name, ",
        ),
    ],
)
def test_other_bodies_are_refused(body: Any, message: str) -> None:
    with pytest.raises(FeedbackError) as caught:
        check_feedback(body)
    assert message in str(caught.value)
    assert "SECRET" not in str(caught.value)
