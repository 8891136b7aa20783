"""The names of a served variant in MLflow, to which its traces are linked.

ServedNames(task="triage", variant="v2 · gpt-6-luna", model_name="triage.model", model_version="3",
            model_id="m-1f0c…", alias="production", prompt_uri="prompts:/triage.v2/4", run_id="9a…")
"""

from dataclasses import dataclass

SUFFIX = "~variant"


@dataclass(frozen=True, slots=True)
class ServedNames:
    """Names of a served variant; a name that it doesn't have, or nobody knows, is empty.

    Attributes:
        model_name, model_version: of the registered model.
        model_id: of the logged model, `m-…`.
        prompt_uri: `prompts:/triage.v2/4`.
        run_id: of the variant's run in its evaluation.
    """

    task: str = ""
    variant: str = ""
    model_name: str = ""
    model_version: str = ""
    model_id: str = ""
    alias: str = ""
    prompt_uri: str = ""
    run_id: str = ""


def registered_model_name(task: str, prefix: str = "") -> str:
    """The registered model whose versions are the promoted variants of a task.

    `prefix` is the project's `registry_prefix`, as in the names of its prompts.
    """
    return ".".join(filter(None, (prefix, task))) + SUFFIX
