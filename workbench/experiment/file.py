"""The shape of `experiment.yaml`.

An entry of `models:` or `evaluators:` is a name, or a name with settings:

    models: [echo:last, openai:m: {concurrency: 4}]
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.dataset import DatasetSpec
from workbench.project import NAME_PATTERN


def _with_settings(entries: Any) -> Any:
    """Each `name` as `{name: {}}`."""
    if not isinstance(entries, list):
        return entries
    return [{entry: {}} if isinstance(entry, str) else entry for entry in entries]


Margin = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NamedSettings = Annotated[list[dict[str, Any]], BeforeValidator(_with_settings)]


class Exclusion(BaseModel):
    """Pairs left out of the cross, by glob; both must match."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str = "*"
    model: str = "*"


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
    """The shape of `experiment.yaml`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(pattern=NAME_PATTERN)] = ""
    description: str = ""
    dataset: Annotated[
        DatasetSpec, BeforeValidator(lambda spec: {"path": spec} if isinstance(spec, str) else spec)
    ]
    prompts: Annotated[list[str], Field(min_length=1)]
    models: Annotated[NamedSettings, Field(min_length=1)]
    exclude: list[Exclusion] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    evaluators: Annotated[NamedSettings, Field(min_length=1)]
    baseline: str = ""
    margin: Margin | dict[str, Margin] = Field(default_factory=dict)
    gate: dict[str, GateRule] = Field(default_factory=dict)
    max_failed: Annotated[int, Field(ge=0)] = 0
