"""Models that score answers, as an entry under `evaluators:` names them.

scoring_model("openai:gpt-6-luna", models)                    one of the experiment, or another
scoring_model({"openai:m": {"base_url": "…"}}, models)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.judges.entries import ModelEntry
from workbench.model import MODEL_KEYS, Model, OpenModel, open_provider

NO_SETTINGS: Mapping[str, Any] = {}


def scoring_model(
    entry: ModelEntry,
    models: Sequence[OpenModel],
    *,
    role: str = "judge",
    defaults: Mapping[str, Any] = NO_SETTINGS,
) -> OpenModel:
    """The model that an entry names.

    Args:
        entry: a name, or a name with settings.
        models: those of the experiment; none of them gets the same label.
        role: what the model is here, for its label.
        defaults: settings that the entry may replace; without any, a model of the experiment is
            used where the entry is its name.

    Raises:
        WorkbenchError: it is no model, or its settings are wrong.
    """
    if isinstance(entry, str):
        for model in models if not defaults else ():
            if entry in (model.model.ref, model.model.label):
                return model
        entry = {entry: {}}
    if len(entry) != 1:
        raise WorkbenchError("model: not one name", fix="model: {openai:m: {base_url: …}}")
    ((ref, entry_settings),) = entry.items()
    settings = {**defaults, **(entry_settings or {})}
    provider, _, name = ref.partition(":")
    if not name:
        fix = "write provider:name, as in openai:gpt-6-luna, or a model of the experiment"
        raise WorkbenchError(f"model: {ref!r} is not a model", fix=fix)
    label = str(settings.get("as") or name.rstrip("/").rpartition("/")[2])
    if label in [model.model.label for model in models]:
        label = f"{label} ({role})"
    parameters = settings.get("parameters") or {}
    others = {key: value for key, value in settings.items() if key not in MODEL_KEYS}
    reasoning = settings.get("reasoning", "strip")
    other = Model(provider, name, label, others, parameters, reasoning)
    return OpenModel(other, open_provider(other))
