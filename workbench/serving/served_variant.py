"""A packaged variant, opened: it makes the requests and reads the answers of its evaluation.

    variant = open_variant(folder)
    variant.check_inputs({"ticket": "…"})
    request = variant.prepare(call)             # the body and the key that an evaluation makes
    variant.read(request, completion)           # the answer as an evaluation reads it

`folder` is that of `variant.json`, or a package. Nothing heavy is loaded.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from workbench.canonical import JSON
from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.images import ImageReader
from workbench.model import Completion, Model, PromptCall, Provider, Request, open_provider
from workbench.prompt import Prompt
from workbench.prompt.check import split_template
from workbench.prompt.load import read_template
from workbench.prompt.requests import CompletionReader, RequestBuilder
from workbench.secrets import Redactor, find_secrets, key_variables
from workbench.serving.errors import InputsError, MissingInputsError
from workbench.serving.packaged_model import check_weights, packaged_model
from workbench.serving.variant_spec import PROMPT_FILE, SPEC_FILE, VariantSpec, read_spec

VARIANT_FOLDER = Path("artifacts", "variant")  # in a package


@dataclass(frozen=True)
class ServedVariant:
    """One variant, ready to render, send and read."""

    spec: VariantSpec
    prompt: Prompt
    model: Model
    provider: Provider

    def check_inputs(self, inputs: JSON) -> None:
        """Return if `inputs` has every variable of the template; others are ignored.

        Raises:
            MissingInputsError: variables are missing.
            InputsError: `inputs` is not an object.
        """
        if not isinstance(inputs, Mapping):
            kind = type(inputs).__name__
            fix = 'send the variables of the template: {"inputs": {"name": value, …}}'
            raise InputsError(f"`inputs` is of the type {kind}, not an object", fix=fix)
        if missing := [name for name in self.prompt.all_variables if name not in inputs]:
            raise MissingInputsError(missing)

    def prepare(self, rendered: PromptCall) -> Request:
        """Return the request for a rendered prompt whose images have not been read.

        Raises:
            InputsError: an image can't be sent, or the model doesn't take such a call.
        """
        images = ImageReader()
        if self.prompt.image_line:
            conversation = _read_images(rendered, images)
            rendered = replace(rendered, conversation=conversation)
        try:
            prepared = self._builder.prepare(rendered)
        except WorkbenchError as error:
            message = f"{self.model.ref} doesn't take the prompt that these inputs make"
            raise InputsError(message) from error
        prefill = rendered.conversation.prefill
        return self._builder.request(prepared, images.files.sources, prefill=prefill)

    def check_ready(self) -> None:
        """Return if the model can answer now: its key is set, its weights are those evaluated.

        Raises:
            WorkbenchError: it can't.
        """
        self.provider.check_ready()
        check_weights(self.spec, self.provider)

    def read(self, request: Request, completion: Completion) -> Completion:
        """Return the answer in a completion as it was received, without secrets."""
        answer = self.reader.read(completion, request.text)
        text = self.redactor.redact(answer.text)
        return answer if text == answer.text else replace(answer, text=text)

    @cached_property
    def reader(self) -> CompletionReader:
        """Reads completions as the settings of the model and the prompt say."""
        normalize = self.prompt.settings.normalize
        return CompletionReader(self.model, normalize, self.spec.prefill_repeated)

    @cached_property
    def _builder(self) -> RequestBuilder:
        return RequestBuilder(self.prompt, self.model, self.provider, self.spec.parameters)

    @cached_property
    def redactor(self) -> Redactor:
        """Removes the keys that the model is called with: a server may repeat them."""
        names = frozenset(key_variables({"": self.spec.model.settings})) | {"OPENAI_API_KEY"}
        values = {name: os.environ.get(name, "") for name in names}
        return Redactor(find_secrets(values, secret_names=names))


def _read_images(rendered: PromptCall, images: ImageReader) -> Conversation:
    try:
        return images.read(rendered.conversation, where="")
    except WorkbenchError as error:
        fix = "send an https address or a data URL: data:image/png;base64,…"
        raise InputsError("an image of the inputs can't be sent", fix=fix) from error


def open_variant(folder: Path) -> ServedVariant:
    """Return the variant in `folder`, or in the package at `folder`.

    Raises:
        WorkbenchError: there is none, its template was changed, or its model isn't available.
    """
    folder = variant_folder(folder)
    spec = read_spec(folder)
    prompt = _read_prompt(spec, folder)
    model = packaged_model(spec, folder)
    return ServedVariant(spec, prompt, model, open_provider(model, where=str(folder / SPEC_FILE)))


def variant_folder(folder: Path) -> Path:
    """Return the folder of `variant.json`: `folder` itself, or the one in a package."""
    inside = folder / VARIANT_FOLDER
    return inside if (inside / SPEC_FILE).is_file() else folder


def _read_prompt(spec: VariantSpec, folder: Path) -> Prompt:
    """The prompt; its template was parsed when the package was written, and has that digest."""
    file = folder / PROMPT_FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        message = f"the template can't be read: {error.strerror}"
        fix = "package the variant again"
        raise WorkbenchError(message, where=str(file), fix=fix) from error
    path = f"{spec.task}/{spec.prompt.name}.jinja"
    prompt = read_template(spec.task, spec.prompt.name, {path: content}.get)
    prompt = replace(
        prompt,
        variables=spec.prompt.variables,
        choice_variables=spec.prompt.choice_variables,
        version=spec.prompt.version,
        template=split_template(prompt, splits=spec.prompt.splits),
    )
    if prompt.digest != spec.prompt.digest:
        message = "the template is not the one that was packaged"
        fix = "package the variant again; a packaged template can't be edited"
        raise WorkbenchError(message, where=str(file), fix=fix)
    return prompt
