"""The provider of local models; weights are in memory only while it completes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from workbench.canonical import JSON, digest
from workbench.catalog.models import check_installed, find_note
from workbench.errors import WorkbenchError
from workbench.model import Completion, PreparedCall, PromptCall, Request
from workbench.providers.transformers.body import prepare_call
from workbench.providers.transformers.chat_template import CLOCK, RENDERED, ChatTemplate
from workbench.providers.transformers.checked_call import TemplateCheck
from workbench.providers.transformers.corrected import CORRECTED, WRONG_ANSWERS, WRONG_CHOICES
from workbench.providers.transformers.model_process import ModelProcess
from workbench.providers.transformers.settings import (
    ModelSettings,
    check_device,
    check_values,
    device_of,
    dtype_of,
)
from workbench.providers.transformers.weights import (
    Weights,
    find_weights,
    must_be_fetched,
    weights_folder,
)

if TYPE_CHECKING:
    from workbench.providers.transformers.tokens import Tokens


SLOW_METHODS = {"alone": "one row at a time", "uncached": "one row at a time, without a cache"}


class TransformersProvider:
    """Answers with a model on this machine, in batches.

    Args:
        name: of the catalog (`smollm2-135m-instruct`), a folder (`./models/mine`), or a model on
            the Hugging Face hub (`org/name`).
        settings: `dtype`, `device`, `batch_tokens`, `batch_size`, `revision`, `chat_template`,
                `date`, `system`.

    Raises:
        WorkbenchError: no such model, or an unknown or invalid setting.
    """

    concurrent = False
    billed = False
    takes_pauses = True

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        self._model = f"transformers:{name}"
        self._settings = check_values(ModelSettings, settings, kind="setting", model=self._model)
        self._name = name
        self._peak_mb: int | None = None
        self._method = ""
        if not must_be_fetched(name):  # a model of the catalog may be fetched later
            self._check_template_settings()

    def _check_template_settings(self) -> None:
        """Refuse variables that the chat template doesn't read, and a date without effect."""
        names = self._template.names - RENDERED
        for variable in self._settings.chat_template:
            if variable not in names:
                raise WorkbenchError(
                    f"{self._model}: its chat template has no variable {variable!r}",
                    fix="remove it from `chat_template:`",
                )
        if "date" in self._settings.model_fields_set and CLOCK not in self._template.names:
            message = f"{self._model}: its chat template doesn't ask for the date"
            raise WorkbenchError(message, fix="remove `date:`")

    @cached_property
    def weights(self) -> Weights:
        """The files of the model; those of a hub model may not be on this machine yet."""
        return find_weights(self._name, self._settings.revision)

    @cached_property
    def _template(self) -> ChatTemplate:
        # A tokenizer's class may know tokens that no file names; their texts don't matter here.
        tokens = {"bos_token": "<s>", "eos_token": "</s>", **self.weights.special_tokens}
        values = {**tokens, **self._settings.chat_template}
        return ChatTemplate(self.weights.chat_template, values, self._settings.date)

    @cached_property
    def _template_check(self) -> TemplateCheck:
        return TemplateCheck(self._template, self._model)

    @cached_property
    def identity(self) -> Mapping[str, JSON]:
        """Digests of weights and tokenizer, dtype, device, and the engine's major version."""
        corrected = self.weights.model_type in WRONG_ANSWERS
        variables = self._settings.chat_template
        return {
            **({"forward_passes": CORRECTED} if corrected else {}),
            **({"appended_eos": "cut"} if self.weights.appends_eos else {}),
            **({"chat_template": dict(variables)} if variables else {}),
            "weights": self.weights.digest,
            "tokenizer": self.weights.tokenizer_digest,
            "dtype": dtype_of(self._settings),
            "device": device_of(self._settings),
            "engine": f"transformers-{version('transformers').partition('.')[0]}",
        }

    @property
    def facts(self) -> Mapping[str, JSON]:
        """Limits of a batch, on which a text may depend in bfloat16, and the memory used.

        `peak_memory_mb` is of the model's process, and is missing before it has answered.
        `forward_passes` is there for a model that is slower than others, to be right; `note` for
        one of the catalog whose scores need a word.
        """
        facts: dict[str, JSON] = self._settings.model_dump(include={"batch_size", "batch_tokens"})
        if self._peak_mb:
            facts["peak_memory_mb"] = self._peak_mb
        if self._method in SLOW_METHODS:
            facts["forward_passes"] = SLOW_METHODS[self._method]
        if note := find_note(self._name):
            facts["note"] = note
        return facts

    def prepare(self, call: PromptCall) -> PreparedCall:
        """The body for `call`: `messages` or `text`, and the parameters that matter.

        `choices` are answered by log-likelihood: the sum over the tokens
        of a choice that directly follows the prompt. So after `Sentiment:` the choice is usually
        `" positive"`, with its space.
        """
        prepared = prepare_call(
            call,
            chat_template=self._template.source,
            model=self._model,
            merges_system=self._settings.system == "merge",
        )
        if "messages" in prepared.body:
            prepared = self._template_check.check(prepared)
        if "choices" in prepared.body and self.weights.model_type in WRONG_CHOICES:
            body = {**prepared.body, "forward_passes": CORRECTED}
            return replace(prepared, body=body)
        return prepared

    def count_tokens(self, body: Mapping[str, JSON]) -> int:
        """Number of input tokens of `body`, markers of the chat template included."""
        return len(self._tokens.encode(body))

    def check_ready(self) -> None:
        """Return if the model could be loaded now; weights of a hub model are downloaded."""
        check_installed(("torch", "transformers", "safetensors"))
        check_device(self._settings)
        weights_folder(self.weights)

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """One completion per request, by a process that has loaded the model before it pulls one.

        Raises:
            WorkbenchError: the model can't be loaded or can't continue a text, or its process
                dies repeatedly.
        """
        with self.load() as process:
            self._method = process.method
            for completion in process.complete(requests):
                self._peak_mb = process.peak_mb
                yield completion

    def load(self) -> ModelProcess:
        """As `LoadingProvider.load`."""
        fingerprint = digest(dict(self.identity))
        return ModelProcess(weights_folder(self.weights), self._settings, fingerprint)

    @cached_property
    def _tokens(self) -> "Tokens":
        from workbench.providers.transformers.loading import load_tokenizer  # heavy, only now
        from workbench.providers.transformers.tokens import Tokens

        return Tokens(
            load_tokenizer(self.weights.folder), self._settings.chat_template, self._settings.date
        )
