"""Rows answered by the version that serves now, within the limits of the server.

with service.deployment(call, [{"ticket": "…"}]) as deployment:
    completion = await service.answer(deployment, call, 0)
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import SCORED_STATES, Completion, Request
from workbench.serving.errors import BusyError, InputsError, MissingInputsError
from workbench.serving.http_call import HTTPCall
from workbench.serving.http_errors import HTTPError, busy
from workbench.serving.interfaces import CurrentDeployment, ServedDeployment, TextPiece
from workbench.serving.server_metrics import ServerMetrics
from workbench.serving.traces.types import ServedAnswer

LOADING_S = 5.0  # seconds after which a client may ask again
TIMED_OUT = "timeout"  # finish reason of a completion that its answerer gave up
ANSWERED = SCORED_STATES | {"empty_output", "filtered"}


class AnswerService:
    """Answers rows of all requests.

    Args:
        at_once: rows that are with the model at once; further ones wait.
    """

    def __init__(
        self, deployments: CurrentDeployment, metrics: ServerMetrics, *, at_once: int
    ) -> None:
        self.deployments = deployments
        self._metrics = metrics
        self._slots = asyncio.Semaphore(at_once)

    @contextmanager
    def deployment(
        self, call: HTTPCall, rows: Sequence[Mapping[str, JSON]]
    ) -> Iterator[ServedDeployment]:
        """Return the version that answers the rows; it stays open in this context.

        Raises:
            HTTPError: none is loaded yet.
        """
        deployment = self.deployments.current
        if deployment is None:
            raise busy("not_ready", "no version is loaded yet", LOADING_S, status=503)
        call.names = deployment.names
        call.answers = [ServedAnswer(row) for row in rows]
        with deployment.lease():
            yield deployment

    async def answer(self, deployment: ServedDeployment, call: HTTPCall, number: int) -> Completion:
        """Return the completion of a row of the call; its state is one of ANSWERED.

        Raises:
            HTTPError: there is no answer.
        """
        with _as_responses(call):
            async with self._slots:
                request = await self._prepare(deployment, call, number)
                completion = await deployment.answerer.answer(request)
        self._accept(call, number, completion)
        return completion

    async def stream(
        self, deployment: ServedDeployment, call: HTTPCall
    ) -> AsyncGenerator[TextPiece | Completion, None]:
        """Yield pieces of the answer to the only row, and the completion last, as `answer`."""
        with _as_responses(call):
            async with self._slots:
                request = await self._prepare(deployment, call, 0)
                async with aclosing(deployment.answerer.stream(request)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Completion):
                            self._accept(call, 0, piece)
                        yield piece

    async def _prepare(self, deployment: ServedDeployment, call: HTTPCall, number: int) -> Request:
        answer = call.answers[number]
        request = await deployment.prepare(answer.inputs)
        call.answers[number] = replace(answer, request=request, sent_ns=time.time_ns())
        return request

    def _accept(self, call: HTTPCall, number: int, completion: Completion) -> None:
        answer, now = call.answers[number], time.time_ns()
        call.answers[number] = replace(answer, completion=completion, answered_ns=now)
        self._metrics.count_completion(completion)
        if completion.state not in ANSWERED:
            call.reason = completion.error
            raise _no_answer(completion)


@contextmanager
def _as_responses(call: HTTPCall) -> Iterator[None]:
    """Turn errors of a version into responses."""
    try:
        yield
    except MissingInputsError as error:
        message = f"{error.message}; {error.fix}"
        raise HTTPError(422, "missing_variables", message, param="inputs") from None
    except InputsError as error:
        raise HTTPError(422, "invalid_inputs", error.message, param="inputs") from None
    except BusyError as error:
        message = "the model is busy"
        raise busy("busy", message, error.retry_after_s, status=503) from None
    except WorkbenchError as error:
        call.reason = str(error)
        raise HTTPError(502, "model_unavailable", "the model can't be reached") from None


def _no_answer(completion: Completion) -> HTTPError:
    """The response in place of an answer; the reason may repeat the input, so it has no part."""
    if completion.finish_reason == TIMED_OUT:
        return HTTPError(504, "model_timeout", "the model did not answer in time")
    if completion.state == "rejected":
        return HTTPError(422, "rejected_by_model", "the model's server rejects this request")
    if completion.state == "invalid_response":
        return HTTPError(502, "invalid_answer", "the model's answer can't be read")
    return HTTPError(502, "model_failed", "the model did not answer")
