"""The served version under the names that a client may ask for.

support.triage@production     the registered model by its alias
support.triage/3              by its version
"""

from workbench.canonical import JSON
from workbench.serving.http_errors import HTTPError
from workbench.serving.served_names import ServedNames


def model_ids(names: ServedNames) -> tuple[str, ...]:
    """Return the ids of what is served; the first is the one that answers carry."""
    ids = []
    if names.model_name:
        if names.alias:
            ids += [f"{names.model_name}@{names.alias}", f"{names.task}@{names.alias}"]
        ids += [f"{names.model_name}/{names.model_version}", names.model_name]
    return tuple(dict.fromkeys([*ids, names.variant or names.task or "variant"]))


def model_id(names: ServedNames) -> str:
    """Return the id that answers carry."""
    return model_ids(names)[0]


def check_model(model: str | None, names: ServedNames) -> None:
    """Check the model that a client asks for; None: any.

    Raises:
        HTTPError: another one is served.
    """
    if model is not None and model not in (ids := model_ids(names)):
        message = f"another model is served here: {', '.join(ids)}"
        raise HTTPError(404, "model_not_found", message, param="model")


def describe_models(names: ServedNames, created: int) -> dict[str, JSON]:
    """Return the list of models, as OpenAI's API has it; each id has the names beside it."""
    fields: dict[str, JSON] = {"object": "model", "created": created, "owned_by": "workbench"}
    facts: dict[str, JSON] = {
        "task": names.task,
        "variant": names.variant,
        "model_name": names.model_name,
        "model_version": names.model_version,
        "alias": names.alias,
        "prompt_uri": names.prompt_uri,
        "run_id": names.run_id,
    }
    present = {name: value for name, value in facts.items() if value}
    models: list[JSON] = [{"id": name, **fields, "serves": present} for name in model_ids(names)]
    return {"object": "list", "data": models}
