"""A written package as text and as JSON.

packaged: few_shot · gpt-6-luna in sentiment-package
variables: text
key: the variable OPENAI_API_KEY, where it is served
serve it: workbench serve sentiment-package
"""

from pathlib import Path

from workbench.canonical import JSON
from workbench.report.safe_text import plain
from workbench.secrets import key_variables
from workbench.serving.packaged_model import WEIGHTS_VARIABLE
from workbench.serving.variant_spec import VariantSpec

BATCH_NOTE = (
    "in {dtype} a text may depend on the rows that are answered together; with `dtype: float32` it "
    "does not"
)


def package_lines(spec: VariantSpec, folder: Path) -> list[str]:
    """Lines about a package: its variables, what a server of it needs, how to serve it."""
    lines = [f"packaged: {spec.name} in {folder}"]
    if names := [*spec.prompt.variables, *spec.prompt.choice_variables]:
        lines.append(f"variables: {', '.join(dict.fromkeys(names))}")
    if spec.prompt.uri:
        lines.append(f"prompt: {spec.prompt.uri}")
    if keys := served_variables(spec):
        lines.append(f"set where it is served: {', '.join(keys)}")
    if note := batch_note(spec):
        lines.append(f"note: {note}")
    return [plain(line) for line in [*lines, f"serve it: workbench serve {folder}"]]


def package_json(spec: VariantSpec, folder: Path) -> dict[str, JSON]:
    """The same as JSON."""
    return {
        "package": str(folder),
        "variant": spec.name,
        "task": spec.task,
        "variables": list(dict.fromkeys([*spec.prompt.variables, *spec.prompt.choice_variables])),
        "prompt": spec.prompt.model_dump(include={"name", "version", "digest", "uri"}),
        "environment": served_variables(spec),
        "note": batch_note(spec),
    }


def served_variables(spec: VariantSpec) -> list[str]:
    """Return the variables of the environment that a server of the variant needs."""
    names = list(key_variables({"": spec.model.settings}))
    if spec.model.provider == "openai" and not spec.model.settings.get("base_url"):
        names = names or ["OPENAI_API_KEY"]
    if spec.weights and spec.weights.place == "folder":
        names.append(WEIGHTS_VARIABLE)
    return list(dict.fromkeys(names))


def batch_note(spec: VariantSpec) -> str:
    """Return a note if texts depend on the batch; empty: they don't."""
    dtype = spec.identity.get("dtype")
    return BATCH_NOTE.format(dtype=dtype) if dtype not in (None, "float32") else ""
