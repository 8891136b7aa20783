"""The parts of a server as they see one another.

deployments.current -- lease --> deployment.prepare(inputs) -> Request
                                 deployment.answerer.answer(request) -> Completion
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from workbench.canonical import JSON
from workbench.model import Completion, Request
from workbench.serving.served_names import ServedNames
from workbench.serving.source_state import SourceState


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The next piece of an answer that is still being written."""

    text: str


class Answerer(Protocol):
    """Sends requests to one model, for as long as the model is served."""

    async def answer(self, request: Request) -> Completion:
        """Return the completion, read as an evaluation reads it; errors are its state.

        Cancelling it cancels the call.
        """

    def stream(self, request: Request) -> AsyncGenerator[TextPiece | Completion, None]:
        """Yield pieces of the text as they come, and the completion last."""

    async def close(self) -> None:
        """End connections and processes."""


class ServedDeployment(Protocol):
    """One version that is loaded."""

    names: ServedNames
    answerer: Answerer

    async def prepare(self, inputs: Mapping[str, JSON]) -> Request:
        """Return the request for the inputs, rendered in a child process.

        Raises:
            MissingInputsError: variables of the template are missing.
            InputsError: the template can't be rendered with these values.
        """

    def lease(self) -> AbstractContextManager[object]:
        """Return a context in which the deployment stays open, even once it is replaced."""


class CurrentDeployment(Protocol):
    """The version that answers now; it may change between two requests.

    Attributes:
        current: None until the first version is loaded.
        last_error: the reason why the newest version doesn't answer; empty: it does.
        source_state: of a source that is followed; None: it is a folder.
    """

    @property
    def current(self) -> ServedDeployment | None: ...  # noqa: D102

    @property
    def last_error(self) -> str: ...  # noqa: D102

    @property
    def source_state(self) -> SourceState | None: ...  # noqa: D102
