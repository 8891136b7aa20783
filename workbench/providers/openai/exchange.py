"""One call of an endpoint: the request sent, and its reply or its failure read.

    Completion("a1…", "ok", text="4", attempts=1)
    Failure("HTTP 429: slow down", "refused", retryable=True, wait_s=2.0)

Evaluation (client.py) and serving (live.py) call an endpoint through it, so both send the same
bytes and read the same text.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

from workbench.model import Completion, Request
from workbench.providers.openai.embeddings_api import read_embedding
from workbench.providers.openai.errors import Failure, read_failure
from workbench.providers.openai.event_stream import join_events
from workbench.providers.openai.model_names import list_names, model_name_fix
from workbench.providers.openai.reply import read_reply
from workbench.providers.openai.reply_errors import ErrorInReplyError, find_error
from workbench.providers.openai.responses_api import chat_reply
from workbench.providers.openai.sdk import SDK
from workbench.providers.openai.setting_variables import secret_values
from workbench.providers.openai.settings import EndpointAccess
from workbench.providers.openai.transport import Transport


class Exchange:
    """Calls of one model, over connections that stay open; an async context manager.

    Args:
        access: to the model.
        paused: True while the endpoint has asked for a pause; checked once a connection is made.
    """

    def __init__(self, access: EndpointAccess, paused: Callable[[], bool]) -> None:
        self._access = access
        self._settings = access.settings
        self._paused = paused
        self._stack = AsyncExitStack()
        secrets = secret_values((access.settings.base_url, *access.settings.headers.values()))
        self._secrets = [secret for secret in (access.key, *secrets) if secret]
        self._sdk = SDK(access.settings, access.key)

    async def __aenter__(self) -> Self:
        sdk = await self._stack.enter_async_context(self._sdk)
        request = await sdk.request()
        transport = Transport(request, self._settings.concurrency, self._paused, sdk.connect_s)
        transport.ca_file = self._settings.ca_file
        self._transport = await self._stack.enter_async_context(transport)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def send(
        self,
        request: Request,
        content: bytes,
        *,
        new_connection: bool = False,
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Completion:
        """Send the request and read the reply; `timeout_s` is for all of it.

        `on_chunk` gets the bytes of a reply that is no error, as they arrive.

        Raises:
            Exception: one of CALL_ERRORS.
        """
        begin = time.monotonic()
        async with asyncio.timeout(self._settings.timeout_s):
            reply = await self._transport.send(content, new_connection, on_chunk)
        latency_s = time.monotonic() - begin
        if not 200 <= reply.status < 300:
            raise await self._sdk.error(reply)
        raw = reply.text
        raw = raw if reply.fault else join_events(raw)  # some servers stream without being asked
        if self._settings.api == "responses":
            raw = chat_reply(raw, request.body, is_openai=self._settings.is_openai)
        read = read_embedding if self._settings.api == "embeddings" else read_reply
        completion = read(request, raw, fault=reply.fault)
        is_answer = completion.scored and completion.text
        if not (is_answer or reply.fault) and (error := find_error(raw)):
            body = json.dumps({"error": error.fields}).encode()
            status_error = await self._sdk.error(replace(reply, status=error.status, body=body))
            raise ErrorInReplyError(status_error, error.status, raw)
        self._access.state.answered = True
        self._access.state.bodies.append(request.text)
        return replace(completion, latency_s=latency_s)

    def read_failure(self, error: Exception, request: Request) -> Failure:
        """Return the failure that `error`, one of CALL_ERRORS, means, without secrets."""
        failure = read_failure(error, self._settings, request, self._access.state)
        return replace(failure, message=self.redact(failure.message))

    async def with_model_names(self, failure: Failure) -> Failure:
        """Return the failure; an unknown model's fix has the names that the server lists."""
        if not failure.unknown_model:
            return failure
        names = await list_names(self._transport, self._settings.url)
        fix = model_name_fix(self._access.model, names) if names else failure.fatal_fix
        return replace(failure, fatal_fix=fix)

    def refused_row(self, failure: Failure, request: Request, calls: int) -> Completion | None:
        """Return the completion of a row that the server refused; None for another failure."""
        if not failure.row_state:
            return None
        return Completion(
            request.key,
            failure.row_state,
            prefill=request.prefill,
            error=failure.message,
            raw=self.redact(failure.reply),
            attempts=calls,
        )

    def redact(self, text: str) -> str:
        """`text` without the key and the values of variables, which a server may repeat."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
