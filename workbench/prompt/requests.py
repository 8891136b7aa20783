"""A rendered prompt as the request that is sent, and a completion as the answer that counts.

    PromptCall  --RequestBuilder-->  Request  --provider-->  Completion
    Completion  --CompletionReader-->  the answer, a Completion that evaluators score

Plans and packaged variants make their requests and read their answers here, so that a served
variant sends and answers what was evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from workbench.answers.read import read_answer, renamed_stop
from workbench.canonical import JSON, canonical_json, digest, ordered_json
from workbench.errors import WorkbenchError
from workbench.images import ImageSources, refuse_images
from workbench.images.request_images import count_images
from workbench.model import Completion, Model, PreparedCall, PromptCall, Provider, Request
from workbench.prompt.choices import Normalization, choose
from workbench.prompt.prompt import Prompt


class RequestBuilder:
    """The requests of one prompt on one model.

    Args:
        parameters: the effective ones of every call.
    """

    def __init__(
        self, prompt: Prompt, model: Model, provider: Provider, parameters: Mapping[str, JSON]
    ) -> None:
        self._prompt, self._model, self._provider = prompt, model, provider
        self._parameters = parameters
        self._key_parts: dict[tuple[str, int | None], tuple[str, dict[str, JSON]]] = {}

    def prepare(self, call: PromptCall, repeat: int = 0) -> PreparedCall:
        """Return the body for `call` with the parameters; a later repeat has the next seed.

        Raises:
            WorkbenchError: the model doesn't take such a call.
        """
        parameters = dict(self._parameters)
        if "seed" in parameters:
            parameters["seed"] += repeat
        rest = call.choices, call.response_schema, call.tools
        call = PromptCall(call.conversation, parameters, *rest)  # `replace` takes much longer
        if self._prompt.image_line:
            refuse_images(call.conversation, self._provider, self._model.ref)
        prepared = self._provider.prepare(call)
        self._check_normalize(prepared.choice_method)
        return prepared

    def _check_normalize(self, choice_method: str) -> None:
        normalize = self._prompt.settings.normalize
        if normalize != "none" and choice_method != "loglikelihood":
            raise WorkbenchError(
                f"`normalize: {normalize}` needs log-likelihoods, and this model answers choices "
                f"by {choice_method!r}",
                where=self._prompt.choices_where,
                fix="remove `normalize`, or exclude the pair; local models have log-likelihoods",
            )

    def request(
        self, prepared: PreparedCall, images: ImageSources, *, prefill: str = "", repeat: int = 0
    ) -> Request:
        """Return the request; its key is the digest of everything that decides the answer.

        Repeats get different keys, unless the answer can't vary.
        """
        text = ordered_json(prepared.body)
        suffix, key_fields = self._key_suffix(prepared, repeat)
        # The same text that `digest` would hash: `body` is the first of its names.
        key = sha256(f'{{"body":{canonical_json(text)},{suffix}'.encode("ascii")).hexdigest()
        request = Request(key, text, prefill, self._max_output_tokens, key_fields)
        if self._prompt.image_line and count_images(text):
            request = replace(request, images=images)
        return request

    def _key_suffix(self, prepared: PreparedCall, repeat: int) -> tuple[str, dict[str, JSON]]:
        """Return what the key covers beside the body: the end of its JSON, and as data."""
        variation = (prepared.choice_method, None if prepared.sampling == "fixed" else repeat)
        if variation not in self._key_parts:
            parts: dict[str, JSON] = {
                "provider": self._model.provider,
                "identity": self._provider.identity,
                "choice_method": prepared.choice_method,
            }
            if prepared.sampling != "fixed":
                parts["repeat"] = repeat
            key_fields = {**parts, "model": self._model.ref}
            self._key_parts[variation] = canonical_json(parts)[1:], key_fields
        return self._key_parts[variation]

    @cached_property
    def _max_output_tokens(self) -> int | None:
        values = [self._parameters.get(name) for name in ("max_tokens", "max_completion_tokens")]
        limits = [limit for limit in values if isinstance(limit, int)]
        return max(limits, default=None)


def repeated_request(request: Request, occurrence: int) -> Request:
    """Return an equal request that gets an answer of its own; `occurrence` counts from 0."""
    if not occurrence:
        return request
    key_fields = {**request.key_fields, "occurrence": occurrence}
    return replace(request, key=digest([request.key, occurrence]), key_fields=key_fields)


@dataclass(frozen=True)
class CompletionReader:
    """Reads the completions of one variant as answers.

    Attributes:
        prefill_repeated: the server repeats the prefill in its answers.
    """

    model: Model
    normalize: Normalization = "none"
    prefill_repeated: bool = False

    def read(self, completion: Completion, request_text: str) -> Completion:
        """Return the answer in a completion: without reasoning, as the choice that it names."""
        answer = read_answer(
            completion,
            request_text,
            reasoning=self.model.reasoning,
            prefill_repeated=self.prefill_repeated,
            stop_field=renamed_stop(self.model),
        )
        return choose(answer, self.normalize)
