"""The provider `openai:NAME`: `openai:gpt-4o-mini`.

The openai package is imported when requests are to be sent, not for planning.
"""

import importlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import Completion, PreparedCall, PromptCall, Request
from workbench.providers.openai.body import make_body
from workbench.providers.openai.file_limit import max_connections
from workbench.providers.openai.settings import read_settings

CLIENT = "workbench.providers.openai.client"


class OpenAIProvider:
    """A model behind an OpenAI-compatible API."""

    concurrent = True
    billed = True

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        self.name = name
        self.settings = read_settings(name, settings)

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The endpoint, its API (`chat` or `completions`), and the headers of the settings."""
        identity: dict[str, JSON] = {
            "endpoint": self.settings.identity or self.settings.url,
            "api": self.settings.api,
        }
        return {**identity, "headers": self.settings.headers} if self.settings.headers else identity

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
        """Raise WorkbenchError if the key is missing; start importing the client."""
        self._key()
        threading.Thread(target=importlib.import_module, args=(CLIENT,), daemon=True).start()

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """As `Provider.complete`."""
        client = importlib.import_module(CLIENT)
        yield from client.complete(self.name, self.settings, self._key(), iter(requests))

    def _key(self) -> str:
        variable = self.settings.key_variable
        key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not key:
            raise WorkbenchError(
                f"openai:{self.name} needs a key, and the variable {variable} is empty",
                fix=f"export {variable}=… or write it into .env",
            )
        if len(key) > 1 and key[0] == key[-1] and key[0] in "\"'":
            raise WorkbenchError(
                f"openai:{self.name}: the value of the variable {variable} is in quotes",
                fix="remove the quotes: a shell and .env strip them, `docker --env-file` doesn't",
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise WorkbenchError(
                f"openai:{self.name}: the value of the variable {variable} is not a key",
                fix="it has spaces, line breaks or letters that a key can't have",
            )
        return key
