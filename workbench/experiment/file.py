"""The shape of `experiment.yaml`.

An entry of `models:` or `evaluators:` is a name, or a name with settings:

    models: [echo:last, openai:m: {concurrency: 4}]
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.dataset import DatasetSpec
from workbench.document import InvalidValueError
from workbench.judges.entries import expand_shorthand
from workbench.parameters import PARAMETERS
from workbench.prompt.reference import NAME_PATTERN


def _named_settings(entry: Any) -> Any:
    """`name` and `{name: null}` as `{name: {}}`."""
    entry = {entry: {}} if isinstance(entry, str) else expand_shorthand(entry)
    if not isinstance(entry, dict):
        return entry
    if len(entry) != 1 or not all(isinstance(settings, dict | None) for settings in entry.values()):
        fix = "write `name` or `name: {setting: value}`, with the settings indented or in braces"
        raise InvalidValueError("is not one name", fix=fix)
    return {name: settings or {} for name, settings in entry.items()}


def _listed(entries: Any) -> Any:
    """The entries of a key that may be empty."""
    return [] if entries is None else entries


SYNONYMS = {  # keys of other places, and words of other tools
    **{key: f"write `dataset: {{{key}: …}}`" for key in DatasetSpec.model_fields},
    **{key: f"write `parameters: {{{key}: …}}`" for key in PARAMETERS},
    **{
        key: f"write it at the model: `models: [NAME: {{{key}: …}}]`"
        for key in ("as", "api_key_env", "base_url", "concurrency", "reasoning", "timeout_s")
    },
    **dict.fromkeys(("metrics", "scorers", "scores", "graders", "judges"), "evaluators"),
    **dict.fromkeys(("epochs", "n", "num_repeats", "samples", "trials"), "repeats"),
    **dict.fromkeys(("data", "tests"), "dataset"),
    **dict.fromkeys(("matrix", "sweep"), "grid"),
    **dict.fromkeys(("llms", "providers"), "models"),
    "templates": "prompts",
    "limit": "write `dataset: {sample: …}`, or give the command `--limit N`",
}
Margin = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NamedSettings = list[Annotated[dict[str, dict[str, Any]], BeforeValidator(_named_settings)]]


class Exclusion(BaseModel):
    """Pairs left out of the cross, by glob; both must match.

    Attributes:
        prompt: a glob of prompts' references; default: every prompt.
        model: a glob of models' names; default: every model.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str = "*"
    model: str = "*"

    def matches(self, prompt: str, models: Iterable[str]) -> bool:
        """True for a prompt's reference with any of a model's names."""
        names = (name for name in models if fnmatchcase(name, self.model))
        return fnmatchcase(prompt, self.prompt) and any(names)


class GateRule(BaseModel):
    """Rule of a gate for one metric.

    Attributes:
        min, max: bounds of the mean.
        no_worse_than: `baseline`, a prompt, a model, a variant, or `@alias`, `@3`, `@git:main`:
            that version of each prompt.
        by: the largest loss that passes.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    min: Annotated[float | None, Field(allow_inf_nan=False)] = None
    max: Annotated[float | None, Field(allow_inf_nan=False)] = None
    no_worse_than: str = ""
    by: Margin = 0.0


class ExperimentFile(BaseModel):
    """The shape of `experiment.yaml`.

    Attributes:
        name: the experiment's name in MLflow; default: the task's folder.
        description: a note for readers of this file.
        dataset: a file beside this one, the rows themselves, or a mapping with their source.
        prompts: templates of this folder by name, or versions: few_shot, few_shot@3,
            few_shot@production.
        models: `provider:name`, or `provider:name: {settings}`.
        exclude: pairs of prompt and model that are left out, by glob.
        parameters: of every request; a model, a prompt and the grid may set others; null leaves
            one out.
        grid: parameters with several values; every combination makes a variant.
        repeats: requests for each row; repeat r uses seed + r.
        evaluators: names, or `name: {settings}`; `name:` in the settings labels a second use.
        baseline: the prompt, model or variant that the others are compared with.
        margin: the largest difference that doesn't matter, of all metrics or by metric.
        gate: rules that a change must pass, by metric.
        max_failed: most failed rows and evaluator errors with exit code 0.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"synonyms": dict(SYNONYMS)}
    )
    name: Annotated[str, Field(pattern=NAME_PATTERN)] = ""
    description: str = ""
    dataset: DatasetSpec
    prompts: Annotated[list[str], Field(min_length=1)]
    models: Annotated[NamedSettings, Field(min_length=1)]
    exclude: list[Exclusion] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    evaluators: Annotated[NamedSettings, BeforeValidator(_listed)] = Field(default_factory=list)
    baseline: str = ""
    margin: Margin | dict[str, Margin] = Field(default_factory=dict)
    gate: dict[str, GateRule] = Field(default_factory=dict)
    max_failed: Annotated[int, Field(ge=0)] = 0
