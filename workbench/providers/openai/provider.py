"""The provider `openai:NAME`: `openai:gpt-6-luna`.

The openai package is imported when requests are to be sent, not for planning.
"""

import asyncio
import importlib
import os
import resource
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import Completion, PreparedCall, PromptCall, Request
from workbench.providers.live_model import AnswerLimits, LiveModel
from workbench.providers.openai.body import make_body
from workbench.providers.openai.settings import EndpointAccess, EndpointState, read_settings
from workbench.proxies import find_proxy

CLIENT = "workbench.providers.openai.client"
LIVE = "workbench.providers.openai.live"
OTHER_FILES = 48  # open files besides the connections: the store, libraries, pipes, MLflow


class OpenAIProvider:
    """A model behind an OpenAI-compatible API."""

    concurrent = True
    billed = True
    takes_pauses = True

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        self.name = name
        self.settings = read_settings(name, settings)
        self._endpoint = EndpointState()

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The endpoint, its API (`chat`, `completions`, …), and the headers of the settings."""
        identity: dict[str, JSON] = {
            "endpoint": self.settings.endpoint,
            "api": self.settings.api,
        }
        return {**identity, "headers": self.settings.headers} if self.settings.headers else identity

    @property
    def address(self) -> str:
        """The endpoint's address."""
        return self.settings.url

    @property
    def host(self) -> str:
        """The host of the endpoint; empty where it isn't reached by https."""
        with suppress(WorkbenchError):
            parts = urlsplit(self.settings.url)
            return (parts.hostname or "") if parts.scheme == "https" and not parts.port else ""
        return ""

    @property
    def accepts_images(self) -> bool:
        """True if the endpoint takes chats."""
        return self.settings.api in ("chat", "responses")

    @property
    def embeds(self) -> bool:
        """True if the endpoint gives embeddings of texts instead of answers."""
        return self.settings.api == "embeddings"

    @property
    def facts(self) -> Mapping[str, JSON]:
        """The number of requests in flight at once."""
        return {"concurrency": max_connections(self.settings.concurrency)}

    def prepare(self, call: PromptCall) -> PreparedCall:
        """As `Provider.prepare`."""
        return make_body(self.name, self.settings, call)

    def count_tokens(self, body: Mapping[str, JSON]) -> int | None:  # noqa: ARG002  the protocol
        """None: only the server could tell."""
        return None

    def check_ready(self) -> None:
        """Raise WorkbenchError without a key or a usable proxy; start importing the client."""
        self.key()
        self.settings.sent_headers()
        find_proxy(self.settings.url)
        threading.Thread(target=importlib.import_module, args=(CLIENT,), daemon=True).start()

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """As `Provider.complete`."""
        client = importlib.import_module(CLIENT)
        yield from client.complete(self._access(), iter(requests))

    async def open_live(self, limits: AnswerLimits) -> LiveModel:
        """As `LiveProvider.open_live`."""
        access = self._access()
        self.settings.sent_headers()
        find_proxy(self.settings.url)
        live = await asyncio.to_thread(importlib.import_module, LIVE)  # it takes a second
        endpoint: LiveModel = await live.open_endpoint(access, limits)
        return endpoint

    def _access(self) -> EndpointAccess:
        connections = max_connections(self.settings.concurrency)
        _raise_file_limit(connections)
        settings = self.settings.model_copy(update={"concurrency": connections})
        return EndpointAccess(self.name, settings, self.key(), self._endpoint)

    def key(self) -> str:
        """Return the key; empty where the endpoint gets none.

        Raises:
            WorkbenchError: its variable is empty, or its value is not a key.
        """
        variable = self.settings.key_variable
        key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not key:
            raise WorkbenchError(
                f"openai:{self.name} needs a key, and the variable {variable} is empty",
                fix=f"export {variable}=… or write it into .env",
            )
        quoted = key[:1] in ("'", '"')
        if quoted or not key.isascii() or not key.isprintable() or " " in key:
            raise WorkbenchError(
                f"openai:{self.name}: the value of the variable {variable} is not a key",
                fix="remove quotes (a shell and .env strip them, `docker --env-file` doesn't), "
                "spaces, line breaks and letters that are not ASCII",
            )
        return key


def max_connections(concurrency: int) -> int:
    """`concurrency`, or less where the hard limit on open files is lower; at least 1."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    unlimited = hard == resource.RLIM_INFINITY
    return concurrency if unlimited else max(1, min(concurrency, hard - OTHER_FILES))


def _raise_file_limit(connections: int) -> None:
    """Raise the soft limit on open files for so many connections, as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < files:
        with suppress(ValueError, OSError):  # some systems allow less than their hard limit
            most = files if hard == resource.RLIM_INFINITY else hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
