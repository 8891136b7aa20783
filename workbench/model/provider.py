"""A provider: access to a family of models; an entry point of the group `workbench.providers`.

    openai = "workbench.providers.openai:OpenAIProvider"

open_provider(Model("openai", "gpt-6-luna")).complete(requests)
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.model.types import Completion, Model, PreparedCall, PromptCall, Request

ENTRY_POINT_GROUP = "workbench.providers"
_cached_providers = cache(lambda: entry_points(group=ENTRY_POINT_GROUP))


class Provider(Protocol):
    """Access to a family of models, batch first.

    An attribute `embeds` that is True means: it gives embeddings of raw texts, in base64, and no
    answers. An attribute `address` is the URL that its requests go to. An attribute `choice_method`
    is how it answers any call with choices, where no single call has to tell.

    Planning creates a provider for every model of an experiment, so creating one checks the
    settings and that the model exists, and imports or loads nothing heavy.
    """

    concurrent: bool
    """True if it waits for other machines (an API); False if it computes here and runs alone."""
    billed: bool
    """True if its answers may cost money."""

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None: ...

    @property
    def identity(self) -> Mapping[str, JSON]:
        """Everything but the body that decides an answer: address, or weights, dtype, engine."""

    @property
    def facts(self) -> Mapping[str, JSON]:
        """Facts for the record that are not part of any key, as the batch size."""

    def prepare(self, call: PromptCall) -> PreparedCall:
        """Return the body for `call`, or raise WorkbenchError if the model doesn't support it."""

    def count_tokens(self, body: Mapping[str, JSON]) -> int | None:
        """Return the exact input tokens of a body; None if only the server could tell."""

    def check_ready(self) -> None:
        """Raise WorkbenchError without key or weights; called before any model's first request."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Yield one completion per request, in any order, as they arrive.

        With an attribute `takes_pauses` that is True, None means: pull again after a moment.
        Pull a request only to send it at once. When `requests` ends, finish the calls in flight;
        when the result is closed, cancel them. Yield what was received before raising. Report
        failed calls to `permit.record_failure`; retry only if `permit.allow_retry()` is True.

        Raises:
            WorkbenchError: no request can succeed: a rejected key, an unknown model.
        """


def check_provider(name: str, *, where: str = "") -> None:
    """Check that there is a provider of this name, without importing it.

    Raises:
        WorkbenchError: it is unknown.
    """
    _entry_point(name, where)


def open_provider(model: Model, *, where: str = "") -> Provider:
    """Return the provider of `model`, with checked settings.

    Raises WorkbenchError for an unknown provider, or settings it doesn't take.
    """
    entry = _entry_point(model.provider, where)
    try:
        with located(where):
            provider: Provider = entry.load()(model.name, model.settings)
    except ImportError as error:
        message = f"provider {model.provider!r} can't be imported: {error}"
        fix = "install its extra, for local models: pip install 'prompt-workbench[local]'"
        raise WorkbenchError(message, where=where, fix=fix) from error
    return provider


def _entry_point(name: str, where: str) -> EntryPoint:
    providers = _cached_providers()
    if name not in providers.names:  # it may have been installed since
        providers = entry_points(group=ENTRY_POINT_GROUP)
    if not (matches := tuple(providers.select(name=name))):
        raise unknown_name("provider", name, providers.names, where=where)
    return matches[0]
