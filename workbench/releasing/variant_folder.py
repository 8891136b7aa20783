"""A variant of a plan written as a folder: `variant.json` and `prompt.jinja`.

    write_variant(plan.variants[1], folder, renderer, prefill_repeated=False)

`workbench.serving.served_variant.open_variant(folder)` makes its requests from there.
"""

from pathlib import Path

import workbench
from workbench.errors import WorkbenchError
from workbench.model import open_provider
from workbench.plan import Plan, Variant
from workbench.prompt import Prompt, Renderer, load_prompt
from workbench.prompt.write import template_text
from workbench.releasing.portable_model import portable_model, refuse_other_answers
from workbench.serving.packaged_model import packaged_model
from workbench.serving.variant_spec import (
    PROMPT_FILE,
    ModelSpec,
    PromptSpec,
    VariantSpec,
    write_spec,
)
from workbench.store import Store
from workbench.store.prefill_echo import PrefillEchoes, prefill_endpoint


def write_variant(
    variant: Variant,
    folder: Path,
    renderer: Renderer,
    *,
    prefill_repeated: bool = False,
    with_weights: bool = False,
) -> VariantSpec:
    """Write `variant` into `folder`, which is created, and return its description.

    Args:
        variant: of a plan.
        folder: without a variant.
        renderer: parses the written template.
        prefill_repeated: see `repeats_prefill`.
        with_weights: copy a local model's weights into `folder`.

    Raises:
        WorkbenchError: its template doesn't survive being written, or its model can't be packaged.
    """
    refuse_other_answers(variant)
    prompt = variant.prompt
    folder.mkdir(parents=True, exist_ok=True)
    model, weights = portable_model(variant.model, folder, with_weights=with_weights)
    prompt_spec = _write_prompt(prompt, folder, renderer)
    spec = VariantSpec(
        task=prompt.task,
        name=variant.name,
        prompt=prompt_spec,
        model=ModelSpec.of(model),
        parameters=dict(variant.parameters),
        choice_method=variant.choice_method,
        prefill_repeated=prefill_repeated,
        identity=dict(variant.model.provider.identity),
        weights=weights,
        workbench_version=workbench.__version__,
    )
    if with_weights and weights:  # they have another name and digest than those of the catalog
        provider = open_provider(packaged_model(spec, folder))
        spec = spec.model_copy(update={"identity": dict(provider.identity)})
    write_spec(spec, folder)
    return spec


def _write_prompt(prompt: Prompt, folder: Path, renderer: Renderer) -> PromptSpec:
    """The description of the prompt, as it is read from the file that is written."""
    content = template_text(prompt).encode("utf-8")
    path = f"{prompt.task}/{prompt.name}.jinja"
    written = load_prompt(prompt.task, prompt.name, {path: content}.get, renderer)
    if written.digest != prompt.digest:
        message = f"the template of {prompt.ref} changes when it is written to a file"
        fix = "write its text without --- on the first line, and without blank ends"
        raise WorkbenchError(message, where=prompt.where(), fix=fix)
    (folder / PROMPT_FILE).write_bytes(content)
    return PromptSpec(
        name=prompt.name,
        digest=prompt.digest,
        version=prompt.version,
        uri=f"prompts:/{prompt.registered_name}/{prompt.version}" if prompt.version else "",
        variables=dict(written.variables),
        choice_variables=written.choice_variables,
        splits=not isinstance(written.template, str),
    )


def repeats_prefill(plan: Plan, number: int, store: Store) -> bool:
    """Return True if the server of variant `number` repeats the prefill, as its replies show."""
    requests = (plan.bodies[cell.key] for cell in plan.cells[number])
    request = next((request for request in requests if request.prefill), None)
    endpoint = prefill_endpoint(request.key_fields, request.text) if request else None
    if endpoint is None:
        return False
    setting = plan.variants[number].model.model.settings.get("prefill_echo", "auto")
    return PrefillEchoes(store).repeats(endpoint) if setting == "auto" else bool(setting)
