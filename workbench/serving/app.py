"""The server's application: who may ask, what they ask, and the response.

    POST /v1/chat/completions   Authorization: Bearer …   200 {"id": "req_9f86…", "choices": […], …}
    POST /invocations                                     200 {"predictions": […]}
    POST /feedback                                        202 {"taken": true}
    GET  /v1/models  /version  /metrics                   with a token, where tokens are in force
    GET  /health  /ping  /ready                           for everybody

Checks come in the order of what they cost: host, path, token, rate, size; only then the body.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workbench import __version__
from workbench.canonical import JSON
from workbench.serving.answer_service import AnswerService
from workbench.serving.chat_completions import ChatCompletions
from workbench.serving.feedback_route import FeedbackRoute
from workbench.serving.gatekeeper import Gatekeeper
from workbench.serving.http_call import HTTPCall
from workbench.serving.http_errors import HTTPError, busy, json_response, timed_out
from workbench.serving.interfaces import CurrentDeployment
from workbench.serving.invocations import Invocations
from workbench.serving.request_json import read_body
from workbench.serving.request_log import RequestLog
from workbench.serving.served_models import describe_models, model_id
from workbench.serving.server_metrics import CONTENT_TYPE, ServerMetrics
from workbench.serving.server_settings import ServerSettings
from workbench.serving.traces.types import Outbox, TraceCounts

METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"}
AT_ONCE_RETRY_S = 1.0
TASK = "task"  # key of a request's state: the task that a lost connection cancels
CLIENT_GONE = 499  # in logs and counts
HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
CLOSE = (b"connection", b"close")
Answer = Callable[[bytes, str, HTTPCall], Awaitable[ASGIApp]]
View = Callable[[Request], Response]


@dataclass(frozen=True)
class Endpoint:
    """A path of the server.

    Attributes:
        answer: takes the body of a POST, its content type and the call.
        view: takes a GET.
        content_types: of the body.
        is_open: no token is needed.
    """

    answer: Answer | None = None
    view: View | None = None
    content_types: tuple[str, ...] = ("application/json",)
    is_open: bool = False


class ServerApp:
    """The application.

    Attributes:
        outbox: takes answered requests, to become traces; None: there are none.
    """

    outbox: Outbox | None = None

    def __init__(
        self,
        deployments: CurrentDeployment,
        settings: ServerSettings,
        log: RequestLog,
    ) -> None:
        self._deployments = deployments
        self._settings = settings
        self._log = log
        self._created = int(time.time())
        self._in_flight = 0
        self.metrics = ServerMetrics()
        self._gatekeeper = Gatekeeper(settings)
        service = AnswerService(deployments, self.metrics, at_once=settings.at_once)
        limiter = self._gatekeeper.limiter
        invocations = Invocations(service, limiter, most_rows=settings.most_rows)
        self._endpoints = {
            "/v1/chat/completions": Endpoint(ChatCompletions(service)),
            "/invocations": Endpoint(invocations, content_types=("application/json", "text/csv")),
            "/feedback": Endpoint(FeedbackRoute(lambda: self.outbox)),
            "/v1/models": Endpoint(view=self._models),
            "/version": Endpoint(view=lambda _: PlainTextResponse(__version__)),
            "/metrics": Endpoint(view=self._metrics),
            "/health": Endpoint(view=lambda _: PlainTextResponse("\n"), is_open=True),
            "/ping": Endpoint(view=lambda _: PlainTextResponse("\n"), is_open=True),
            "/ready": Endpoint(view=self._ready, is_open=True),
        }
        self.metrics.watch(
            "workbench_requests_in_flight", "Requests being answered", lambda: self._in_flight
        )
        self.metrics.watch(
            "workbench_source_current",
            "1 while the version that answers is the one that the source names",
            self._is_current,
        )
        for field in ("backlog", "written", "dropped", "refused"):
            self.metrics.watch(
                f"workbench_outbox_{field}",
                f"Traces and feedback: {field}",
                partial(self._trace_count, field),
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        scope.setdefault("state", {})[TASK] = asyncio.current_task()
        request = Request(scope, receive)
        call = self._begin(request)
        try:
            response = await self._response(request, call)
            await response(scope, receive, self._finishing(send, request, call))
        except asyncio.CancelledError:
            call.status, call.error = CLIENT_GONE, "client_gone"
            raise
        except Exception as error:  # inside a stream
            call.status, call.error = 500, "internal_error"
            self._log.fault(call, error)
            raise
        finally:
            self._end(call)

    def _begin(self, request: Request) -> HTTPCall:
        path, method = request.scope["path"], request.method
        return HTTPCall(
            path if path in self._endpoints else "other",
            method if method in METHODS else "other",
            asyncio.get_running_loop().time() + self._settings.answer_s,
        )

    async def _response(self, request: Request, call: HTTPCall) -> ASGIApp:
        """Return the response, whether it is an answer or an error."""
        try:
            self._gatekeeper.check_sender(request)
            endpoint = self._endpoint(call)
            if not endpoint.is_open:
                call.caller = self._gatekeeper.caller(request)
            if endpoint.view is not None:
                return endpoint.view(request)
            return await self._answer(endpoint, request, call)
        except HTTPError as error:
            refusal = error
        except Exception as error:
            self._log.fault(call, error)
            message = f"a fault of the server; its log has it as {call.request_id}"
            refusal = HTTPError(500, "internal_error", message)
        call.error = refusal.code
        return refusal.response()

    def _endpoint(self, call: HTTPCall) -> Endpoint:
        endpoint = self._endpoints.get(call.route)
        if endpoint is None:
            paths = ", ".join(self._endpoints)
            raise HTTPError(404, "unknown_path", f"no such path; this server has {paths}")
        methods = ("POST",) if endpoint.view is None else ("GET", "HEAD")
        if call.method not in methods:
            message, allow = f"this path takes {methods[0]}", {"Allow": ", ".join(methods)}
            raise HTTPError(405, "wrong_method", message, headers=allow)
        return endpoint

    async def _answer(self, endpoint: Endpoint, request: Request, call: HTTPCall) -> ASGIApp:
        """Return the response to a POST."""
        assert endpoint.answer is not None
        self._gatekeeper.check_rate(call.caller)
        content_type = _content_type(request)
        if content_type not in endpoint.content_types:
            types = " or ".join(endpoint.content_types)
            raise HTTPError(415, "content_type", f"the content type must be {types}, in UTF-8")
        body = await read_body(request, self._settings.most_bytes, self._settings.body_s)
        call.body_read = True
        if self._in_flight >= self._settings.at_once:
            raise busy("too_many_at_once", "too many requests are being answered", AT_ONCE_RETRY_S)
        self._in_flight += 1
        call.in_flight = True
        try:
            async with asyncio.timeout_at(call.deadline):
                return await endpoint.answer(body, content_type, call)
        except TimeoutError:
            raise timed_out() from None

    def _finishing(self, send: Send, request: Request, call: HTTPCall) -> Send:
        """`send` with the headers of every response, and the trace before the last byte."""

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                ids = (b"x-request-id", call.request_id.encode("ascii"))
                message["headers"] = [*message["headers"], ids, *HEADERS]
                if _has_body(request) and not call.body_read:
                    message["headers"].append(CLOSE)  # or the rest of it would be read
            elif not message.get("more_body"):
                self._record(call)
            await send(message)

        return finish

    def _record(self, call: HTTPCall) -> None:
        if self.outbox and not call.recorded and (served := call.served_call()):
            call.recorded = True
            self.outbox.add(served)

    def _end(self, call: HTTPCall) -> None:
        self._record(call)
        if call.in_flight:
            self._in_flight -= 1
        self.metrics.count_request(call.route, call.status, call.seconds)
        self._log.request(call)

    def _is_current(self) -> bool:
        state = self._deployments.source_state
        return not self._deployments.last_error and (state is None or state.condition == "current")

    def _trace_count(self, field: str) -> int:
        counts = TraceCounts() if self.outbox is None else self.outbox.counts()
        return int(getattr(counts, field))

    def _models(self, _: Request) -> Response:
        deployment = self._deployments.current
        if deployment is None:
            return json_response({"object": "list", "data": []})
        return json_response(describe_models(deployment.names, self._created))

    def _ready(self, request: Request) -> Response:
        """Return 200 once a version answers; only callers with a token are told reasons."""
        deployment = self._deployments.current
        state: dict[str, JSON] = {"ready": deployment is not None}
        try:
            self._gatekeeper.caller(request)
        except HTTPError:
            pass
        else:
            state["reason"] = self._deployments.last_error
            if source := self._deployments.source_state:
                state["source_state"] = source.as_json()
            if deployment is not None:
                names = deployment.names
                state |= {
                    "model": model_id(names),
                    "variant": names.variant,
                    "model_version": names.model_version,
                }
        return json_response(state, 503 if deployment is None else 200)

    def _metrics(self, _: Request) -> Response:
        deployment = self._deployments.current
        names = None if deployment is None else deployment.names
        return Response(self.metrics.text(names), media_type=CONTENT_TYPE)


def _content_type(request: Request) -> str:
    """The content type of a body in lower case; empty if its text is not in UTF-8."""
    kind, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [text.partition("=")[2].strip(' "') for text in parameters if "charset" in text]
    return "" if set(charsets) - {"utf-8", "utf8"} else kind.strip()


def _has_body(request: Request) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
