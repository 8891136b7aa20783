"""A variant of a plan written as a folder: `variant.json` and `prompt.jinja`.

    write_variant(plan.variants[1], folder, renderer, prefill_repeated=False)

`workbench.serving.served_variant.open_variant(folder)` makes its requests from there.
"""

from pathlib import Path

import workbench
from workbench.errors import WorkbenchError
from workbench.plan import Plan, Variant
from workbench.prompt import Prompt, Renderer, load_prompt
from workbench.prompt.write import template_text
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
    variant: Variant, folder: Path, renderer: Renderer, *, prefill_repeated: bool = False
) -> VariantSpec:
    """Write `variant` into `folder`, which is created, and return its description.

    `prefill_repeated`: see `repeats_prefill`.

    Raises:
        WorkbenchError: its template doesn't survive being written.
    """
    prompt, model = variant.prompt, variant.model.model
    folder.mkdir(parents=True, exist_ok=True)
    content = template_text(prompt).encode("utf-8")
    written = _written_prompt(prompt, content, renderer)
    (folder / PROMPT_FILE).write_bytes(content)
    spec = VariantSpec(
        task=prompt.task,
        name=variant.name,
        prompt=PromptSpec(
            name=prompt.name,
            digest=prompt.digest,
            version=prompt.version,
            uri=f"prompts:/{prompt.registered_name}/{prompt.version}" if prompt.version else "",
            variables=dict(written.variables),
            choice_variables=written.choice_variables,
            splits=not isinstance(written.template, str) or not written.settings.chat,
        ),
        model=ModelSpec.of(model),
        parameters=dict(variant.parameters),
        choice_method=variant.choice_method,
        prefill_repeated=prefill_repeated,
        identity=dict(variant.model.provider.identity),
        workbench_version=workbench.__version__,
    )
    write_spec(spec, folder)
    return spec


def _written_prompt(prompt: Prompt, content: bytes, renderer: Renderer) -> Prompt:
    """The prompt as it is read from the file that `content` makes."""
    path = f"{prompt.task}/{prompt.name}.jinja"
    written = load_prompt(prompt.task, prompt.name, {path: content}.get, renderer)
    if written.digest != prompt.digest:
        message = f"the template of {prompt.ref} changes when it is written to a file"
        fix = "write its text without --- on the first line, and without blank ends"
        raise WorkbenchError(message, where=prompt.where(), fix=fix)
    return written


def repeats_prefill(plan: Plan, number: int, store: Store) -> bool:
    """Return True if the server of variant `number` repeats the prefill, as its replies show."""
    requests = (plan.bodies[cell.key] for cell in plan.cells[number])
    request = next((request for request in requests if request.prefill), None)
    endpoint = prefill_endpoint(request.key_fields, request.text) if request else None
    if endpoint is None:
        return False
    setting = plan.variants[number].model.model.settings.get("prefill_echo", "auto")
    return PrefillEchoes(store).repeats(endpoint) if setting == "auto" else bool(setting)
