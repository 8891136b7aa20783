"""`openai:NAME`, the provider that the rest of the code sees.

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
from workbench.providers.openai.file_limit import most_connections
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
        """The endpoint, which API of it, and headers of one's own."""
        said: dict[str, JSON] = {
            "endpoint": self.settings.identity or self.settings.url,
            "api": self.settings.api,
        }
        return {**said, "headers": self.settings.headers} if self.settings.headers else said

    @property
    def facts(self) -> Mapping[str, JSON]:
        """How many requests are under way at once."""
        return {"concurrency": most_connections(self.settings.concurrency)}

    def prepare(self, call: PromptCall) -> PreparedCall:
        """The exact body; raises WorkbenchError for what this endpoint can't be asked."""
        return make_body(self.name, self.settings, call)

    def count_tokens(self, body: Mapping[str, JSON]) -> int | None:  # noqa: ARG002  the contract
        """None: only the server could tell."""
        return None

    def check_ready(self) -> None:
        """Raises WorkbenchError where the key is missing; importing the client begins meanwhile."""
        self._key()
        threading.Thread(target=importlib.import_module, args=(CLIENT,), daemon=True).start()

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion a request, as they arrive; see `Provider.complete`."""
        client = importlib.import_module(CLIENT)
        endpoint = client.Endpoint(self.name, self.settings, self._key())
        yield from endpoint.complete(iter(requests))

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
                f"openai:{self.name}: what the variable {variable} holds stands in quotes",
                fix="take the quotes away: a shell and .env do, `docker --env-file` doesn't",
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise WorkbenchError(
                f"openai:{self.name}: what the variable {variable} holds is no key",
                fix="it has spaces, line breaks or letters that a key can't have",
            )
        return key
