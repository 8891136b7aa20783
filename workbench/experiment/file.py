"""The shape of `experiment.yaml`.

models: [echo:last, openai:m: {concurrency: 4}]  ->  [{"echo:last": {}}, {"openai:m": {…}}]
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.dataset import DatasetSpec
from workbench.project import NAME_PATTERN


def _pairs(said: Any) -> Any:
    """`name`, or `name: {settings}`, each as a mapping with one key."""
    if not isinstance(said, list):
        return said
    return [{item: {}} if isinstance(item, str) else item for item in said]


Margin = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pairs = Annotated[list[dict[str, Any]], BeforeValidator(_pairs)]


class Exclusion(BaseModel):
    """Pairs left out of the cross, by glob; both must match."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str = "*"
    model: str = "*"


class GateRule(BaseModel):
    """What a gate asks of a metric.

    Attributes:
        min, max: bounds of the mean.
        no_worse_than: `baseline`, a prompt, a model, a variant, or `@alias`, `@3`, `@git:main`:
            that version of each prompt.
        by: how much worse it may be.
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
        DatasetSpec, BeforeValidator(lambda said: {"path": said} if isinstance(said, str) else said)
    ]
    prompts: Annotated[list[str], Field(min_length=1)]
    models: Annotated[Pairs, Field(min_length=1)]
    exclude: list[Exclusion] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    evaluators: Annotated[Pairs, Field(min_length=1)]
    baseline: str = ""
    margin: Margin | dict[str, Margin] = Field(default_factory=dict)
    gate: dict[str, GateRule] = Field(default_factory=dict)
    max_failed: Annotated[int, Field(ge=0)] = 0
