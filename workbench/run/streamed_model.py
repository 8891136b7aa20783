"""A model whose answer is passed on piece by piece while it comes.

streamed(model, print)      the model with a provider that prints; itself, if it can't stream

The request, its key and the stored reply are what they are without.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from typing import Any, cast

from workbench.answers.read import renamed_stop
from workbench.answers.text_pieces import open_pieces
from workbench.experiment import OpenModel
from workbench.model import Completion, Model, Provider, Request
from workbench.providers.live_model import AnswerLimits, BusyError, LiveProvider

TIMEOUT_S = 600.0
PAUSE_S = 0.02  # between two looks for a request


def streamed(model: OpenModel, on_text: Callable[[str], None]) -> OpenModel:
    """The model with its answers passed to `on_text`; judges' verdicts aren't."""
    if not isinstance(model.provider, LiveProvider):
        return model
    provider = StreamingProvider(model.provider, model.model, on_text)
    return OpenModel(model.model, cast("Provider", provider))


class StreamingProvider:
    """As the provider that it wraps, one request after another."""

    concurrent = True
    takes_pauses = True

    def __init__(
        self, provider: LiveProvider, model: Model, on_text: Callable[[str], None]
    ) -> None:
        self._provider, self._model, self._on_text = provider, model, on_text

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the wrapped provider."""
        return getattr(self._provider, name)

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """As `Provider.complete`."""
        for request in requests:
            if request is None:
                time.sleep(PAUSE_S)
            else:
                yield asyncio.run(self._ask(request))

    async def _ask(self, request: Request) -> Completion:
        live = await self._provider.open_live(AnswerLimits(timeout_s=TIMEOUT_S))
        shows = request.purpose == "answer"
        pieces = open_pieces(
            request.text,
            self._model.reasoning,
            prefill=request.prefill,
            stop_field=renamed_stop(self._model),
            prefill_repeated=False,
            begins_unmarked=False,
        )
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                aclosing(live.stream(request, time.monotonic() + TIMEOUT_S)) as parts,
            ):
                async for part in parts:
                    if isinstance(part, Completion):
                        return part
                    if pieces and shows and (text := pieces.feed(part)):
                        self._on_text(text)
        except TimeoutError:
            return _failed(request, f"no answer in {TIMEOUT_S:g} s")
        except BusyError as error:
            return _failed(request, str(error))
        finally:
            await live.close()
        return _failed(request, "the endpoint ended the answer without a reply")


def _failed(request: Request, error: str) -> Completion:
    return Completion(request.key, "failed", prefill=request.prefill, error=error)
