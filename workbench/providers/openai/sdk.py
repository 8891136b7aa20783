"""What the openai package decides: where a request goes, with what headers, what a refusal is.

package.request()         ->  httpx2.Request, POST …/chat/completions with Authorization and all
package.error(reply)      ->  openai.RateLimitError

Its client sends nothing here: building and sending each request through it costs four times what
sending the same bytes does. So it is asked once what it would send, and handed what came back
where that is an error.
"""

import asyncio
import os
from collections.abc import Callable
from types import TracebackType

import httpx2
import openai

from workbench.providers.openai.settings import OpenAISettings
from workbench.providers.openai.transport import Reply

LONGEST_CONNECT = 20.0  # seconds until a server that takes no connection is not there
PATHS = {"chat": "/chat/completions", "completions": "/completions"}
Answer = Callable[[httpx2.Request], httpx2.Response]


class Package:
    """The package's client of one endpoint; a context manager.

    Args:
        settings: of the endpoint.
        key: empty: it gets none.
    """

    def __init__(self, settings: OpenAISettings, key: str) -> None:
        self._settings = settings
        self._key = key
        self._turn = asyncio.Lock()
        self._answer: Answer = _nothing
        self.connect_s = min(LONGEST_CONNECT, settings.timeout_s / 2)
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=settings.url,
            http_client=httpx2.AsyncClient(
                transport=httpx2.MockTransport(lambda request: self._answer(request)),
                headers={"Accept-Encoding": "identity"},
                follow_redirects=False,
            ),
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=self.connect_s),
        )

    async def __aenter__(self) -> "Package":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._client.close()

    async def request(self) -> httpx2.Request:
        """What it would send, without a body of use; only the body differs from call to call."""
        built: list[httpx2.Request] = []

        def note(request: httpx2.Request) -> httpx2.Response:
            built.append(request)
            return _nothing(request)

        await self._post(note)
        return built[0]

    async def error(self, reply: Reply) -> Exception:
        """What it raises for a reply that is no answer."""

        def repeat(request: httpx2.Request) -> httpx2.Response:
            said = list(reply.headers)
            return httpx2.Response(reply.status, headers=said, content=reply.body, request=request)

        try:
            await self._post(repeat)
        except openai.OpenAIError as error:
            return error
        raise AssertionError(f"HTTP {reply.status} is no error")

    async def _post(self, answer: Answer) -> None:
        async with self._turn:
            self._answer = answer
            await self._client.post(
                PATHS[self._settings.api],
                content=b"{}",
                cast_to=httpx2.Response,
                options={"headers": self._headers()},  # an Omit counts only if it stands here
            )

    def _headers(self) -> dict[str, str | openai.Omit]:
        """The file's own; the client is kept from adding what is not meant for this endpoint.

        Without a key no Authorization header is sent, not even an empty one. An address in the
        file gets nothing of what the environment says of an account at OpenAI.
        """
        left_out = [] if self._key else ["Authorization"]
        if self._settings.base_url:
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            left_out += [line.partition(":")[0].strip() for line in lines if ":" in line]
            left_out += ["OpenAI-Organization", "OpenAI-Project"]
        own = {name.lower() for name in self._settings.headers}
        omitted = {name: openai.Omit() for name in left_out if name.lower() not in own}
        return {**omitted, **self._settings.headers}


def _nothing(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, request=request)
