"""The openai package's decisions: URL, headers and authentication, and the errors it raises.

    POST https://api.openai.com/v1/chat/completions, Authorization: Bearer sk-…
    HTTP 429 becomes openai.RateLimitError

Its client sends nothing here, because that costs four times as much as sending the same bytes.
"""

import asyncio
import os
from urllib.parse import parse_qsl

import httpx2
import openai

from workbench.providers.openai.settings import OpenAISettings
from workbench.providers.openai.transport import Reply

LONGEST_CONNECT = 20.0  # seconds until a server counts as unreachable
PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
}


class SDK:
    """The package's client of one endpoint; a context manager. `key` is empty if it gets none."""

    def __init__(self, settings: OpenAISettings, key: str) -> None:
        self._settings = settings
        self._key = key
        self._lock = asyncio.Lock()
        self._request: httpx2.Request
        self._reply: Reply
        self.connect_s = min(LONGEST_CONNECT, settings.timeout_s / 2)
        url = settings.url
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=url.partition("?")[0],
            default_query=dict(parse_qsl(url.partition("?")[2])),
            http_client=httpx2.AsyncClient(
                transport=httpx2.MockTransport(self._respond),
                headers={"Accept-Encoding": "identity"},
                follow_redirects=False,
            ),
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=self.connect_s),
        )

    async def __aenter__(self) -> "SDK":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.close()

    async def request(self) -> httpx2.Request:
        """Return a request as the package would send it, with a body of no use."""
        await self._post(Reply(200, (), b""))
        return self._request

    async def error(self, reply: Reply) -> Exception:
        """Return the error that the package raises for a reply."""
        try:
            await self._post(reply)
        except openai.OpenAIError as error:
            return error
        raise AssertionError(f"HTTP {reply.status} is no error")

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self._request, reply = request, self._reply
        headers = [*reply.headers, (b"content-type", b"text/plain; charset=utf-8")]
        content = reply.text.encode()
        return httpx2.Response(reply.status, headers=headers, content=content, request=request)

    async def _post(self, reply: Reply) -> None:
        async with self._lock:
            self._reply = reply
            await self._client.post(
                PATHS[self._settings.api],
                content=b"{}",
                cast_to=httpx2.Response,
                options={"headers": self._headers()},  # an Omit has an effect only here
            )

    def _headers(self) -> dict[str, str | openai.Omit]:
        """Headers of the settings, and those that the client must not add.

        Without a key no Authorization header is sent, not even an empty one. A `base_url` in a file
        gets none of the environment's headers for an OpenAI account.
        """
        omitted = [] if self._key else ["Authorization"]
        if self._settings.base_url:
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            omitted += [line.partition(":")[0].strip() for line in lines if ":" in line]
            omitted += ["OpenAI-Organization", "OpenAI-Project"]
        configured = {name.lower() for name in self._settings.headers}
        omits = {name: openai.Omit() for name in omitted if name.lower() not in configured}
        return {**omits, **self._settings.sent_headers()}
