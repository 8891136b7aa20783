"""The body of `POST /feedback`, checked.

{"request_id": "req_9f86…", "value": false, "rationale": "the wrong team", "source": "ada"}
"""

import re
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.serving.traces.types import ServedFeedback

FIELDS = ("request_id", "name", "value", "rationale", "source")
REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")
NAME = re.compile(r"[A-Za-z0-9_][\w. /-]{0,99}")
MAX_VALUE, MAX_RATIONALE, MAX_SOURCE = 250, 5_000, 100  # characters
LARGEST = 2**53  # beyond, a number of JSON may be another one in MLflow
EXAMPLE = '{"request_id": "req_…", "value": true, "rationale": "…", "source": "ada"}'


class FeedbackError(WorkbenchError):
    """Feedback that can't be kept; the message repeats none of its texts."""


def check_feedback(body: JSON, caller: str = "") -> ServedFeedback:
    """The feedback of a body; its source is the caller's name unless it names another one.

    Args:
        body: parsed JSON.
        caller: the name of the token; empty without tokens.

    Raises:
        FeedbackError: the body is not feedback.
    """
    if not isinstance(body, Mapping):
        raise _fault("feedback is a JSON object")
    if not body.keys() <= set(FIELDS):
        raise _fault(f"feedback has the fields {', '.join(FIELDS)} alone")
    request_id = body.get("request_id")
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise _fault("`request_id` is the id of an answer: `req_` and 32 hexadecimal digits")
    name = body.get("name", "user_feedback")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _fault("`name` has 1 to 100 letters, digits and _ . - / and blanks")
    source = _text(body, "source", MAX_SOURCE) or caller or "user"
    rationale = _text(body, "rationale", MAX_RATIONALE)
    return ServedFeedback(request_id, _value(body), name, rationale, source, caller)


def _value(body: Mapping[str, JSON]) -> bool | float | str:
    value = body.get("value")
    if isinstance(value, str) and 1 <= len(value) <= MAX_VALUE:
        return value
    if isinstance(value, bool | int | float) and abs(value) <= LARGEST:  # and no NaN
        return value
    raise _fault(f"`value` is true, false, a number, or a text of 1 to {MAX_VALUE} characters")


def _text(body: Mapping[str, JSON], name: str, length: int) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > length:
        raise _fault(f"`{name}` is a text of at most {length:,} characters")
    return value


def _fault(message: str) -> FeedbackError:
    return FeedbackError(message, fix=f"send {EXAMPLE}")
