"""The provider of local models: cheap to make, loads weights only while it completes."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from workbench.canonical import JSON
from workbench.model import Completion, PreparedCall, PromptCall, Request
from workbench.providers.transformers import body as bodies
from workbench.providers.transformers.model_process import ModelProcess
from workbench.providers.transformers.settings import (
    ModelSettings,
    check_installed,
    device_of,
    dtype_of,
    read,
)
from workbench.providers.transformers.weights import (
    Weights,
    find_weights,
    to_be_fetched,
    weights_folder,
)

if TYPE_CHECKING:
    from workbench.providers.transformers.tokens import Tokens


class TransformersProvider:
    """Answers with a model on this machine, in batches.

    Args:
        name: of the catalogue (`smollm2-135m-instruct`), a folder (`./models/mine`), or a model
            on the Hugging Face hub (`org/name`).
        settings: `dtype`, `device`, `batch_tokens`, `batch_size`, `revision`.

    Raises:
        WorkbenchError: no such model, or settings it doesn't take.
    """

    concurrent = False
    billed = False

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        self._model = f"transformers:{name}"
        self._settings = read(ModelSettings, settings, kind="setting", model=self._model)
        self._name = name
        self._peak_mb: int | None = None
        if not to_be_fetched(name):
            _ = self._weights  # found now; one of the catalogue's is missed only when it is used

    @cached_property
    def _weights(self) -> Weights:
        return find_weights(self._name, self._settings.revision)

    @cached_property
    def identity(self) -> Mapping[str, JSON]:
        """Digests of weights and tokenizer, dtype, device, and the engine's major version."""
        return {
            "weights": self._weights.digest,
            "tokenizer": self._weights.tokenizer_digest,
            "dtype": dtype_of(self._settings),
            "device": device_of(self._settings),
            "engine": f"transformers-{version('transformers').partition('.')[0]}",
        }

    @property
    def facts(self) -> Mapping[str, JSON]:
        """How large a batch may be, on which in bfloat16 a text may depend; and what that took.

        `peak_memory_mb` is of the model's process, once it has answered.
        """
        peak = {"peak_memory_mb": self._peak_mb} if self._peak_mb else {}
        return {
            "batch_size": self._settings.batch_size,
            "batch_tokens": self._settings.batch_tokens,
            **peak,
        }

    def prepare(self, call: PromptCall) -> PreparedCall:
        """The body for `call`: `messages` or `text`, and the parameters that count.

        A prefill is continued. `choices` are answered by log-likelihood: the sum over a choice's
        tokens as it follows the prompt, written exactly as it stands, so that after `Sentiment:`
        the choice wanted is usually `" positive"`, with its space.

        Raises:
            WorkbenchError: a response schema, an unknown parameter, or several turns for a model
                without a chat template.
        """
        template = self._weights.chat_template
        return bodies.prepare(call, chat_template=template, model=self._model)

    def count_tokens(self, body: Mapping[str, JSON]) -> int:
        """Tokens the model reads for `body`, markers of the chat template included.

        Raises:
            WorkbenchError: the chat template refuses the turns.
        """
        return len(self._tokens.encode(body))

    def check_ready(self) -> None:
        """Returns if the model could be loaded now; a hub model's weights are downloaded.

        Raises:
            WorkbenchError: packages are missing, or the hub can't be reached.
        """
        check_installed()
        weights_folder(self._weights)

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion per request, in any order; the model is in memory only meanwhile.

        It is in a process of its own, and loaded before the first request is pulled.

        Raises:
            WorkbenchError: the model can't be loaded, or its process dies again and again.
        """
        with ModelProcess(weights_folder(self._weights), self._settings) as process:
            for completion in process.complete(requests):
                self._peak_mb = process.peak_mb
                yield completion

    @cached_property
    def _tokens(self) -> "Tokens":
        from workbench.providers.transformers.loading import load_tokenizer  # heavy, only now
        from workbench.providers.transformers.tokens import Tokens

        return Tokens(load_tokenizer(self._weights.folder))
