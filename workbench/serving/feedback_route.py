"""`POST /feedback`: what a caller thinks of an answer, on its way to the answer's trace.

{"request_id": "req_9f86…", "value": false, "rationale": "the wrong team"}     202 {"taken": true}
"""

from collections.abc import Callable

from starlette.types import ASGIApp

from workbench.serving.http_call import HTTPCall
from workbench.serving.http_errors import HTTPError, json_response
from workbench.serving.request_json import parse_object
from workbench.serving.traces.feedback_body import FIELDS, FeedbackError, check_feedback
from workbench.serving.traces.types import Outbox

ACCEPTED = 202


class FeedbackRoute:
    """The endpoint.

    Args:
        outbox: returns where feedback goes; None: nowhere, because there are no traces.
    """

    def __init__(self, outbox: Callable[[], Outbox | None]) -> None:
        self._outbox = outbox

    async def __call__(self, body: bytes, _content_type: str, call: HTTPCall) -> ASGIApp:
        """Return the response.

        Raises:
            HTTPError: it is no feedback, or its request has no trace.
        """
        fields = parse_object(body)
        outbox = self._outbox()
        if outbox is None:
            message = "this server writes no traces; see its option --tracking-uri"
            raise HTTPError(404, "no_traces", message)
        if fields.keys() - set(FIELDS):  # their names are not repeated
            message = f"feedback has the fields {', '.join(FIELDS)}, and no others"
            raise HTTPError(422, "unknown_fields", message)
        try:
            feedback = check_feedback(fields, call.caller)
        except FeedbackError as error:
            raise HTTPError(422, "invalid_feedback", error.message) from None
        if not outbox.add_feedback(feedback):
            message = "the request has no trace, and can't get one"
            raise HTTPError(404, "unknown_request", message, param="request_id")
        return json_response({"taken": True}, ACCEPTED)
