"""The description of a packaged variant: `variant.json`, beside its template.

{"format": 1, "task": "triage", "name": "v2 · gpt-6-luna", "prompt": {"name": "v2", …},
 "model": {"provider": "openai", "name": "gpt-6-luna", …}, "parameters": {"max_tokens": 8}, …}

It holds no key, only the names of variables.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError
from workbench.model import Model, Reasoning

FORMAT = 1  # a newer one is refused
SPEC_FILE = "variant.json"
PROMPT_FILE = "prompt.jinja"
SHAPE = ConfigDict(extra="forbid", frozen=True)


class PromptSpec(BaseModel):
    """The prompt version of a packaged variant.

    Attributes:
        version: number in the registry; None: it is not registered.
        uri: `prompts:/triage.v2/4`; empty: it is not registered.
        variables: those that the inputs must have, with their first line in the template.
        choice_variables: those of the templates in `choices`.
        splits: each of its messages is a template.
    """

    model_config = SHAPE
    name: str
    digest: str
    version: int | None = None
    uri: str = ""
    variables: dict[str, int] = Field(default_factory=dict)
    choice_variables: tuple[str, ...] = ()
    splits: bool = True


class ModelSpec(BaseModel):
    """The model of a packaged variant; its settings as in an experiment file, without any key."""

    model_config = SHAPE
    provider: str
    name: str
    label: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    reasoning: Reasoning | list[str] = "strip"

    @classmethod
    def of(cls, model: Model) -> "ModelSpec":
        """Return the description of `model`; its parameters are the variant's."""
        return cls(
            provider=model.provider,
            name=model.name,
            label=model.label,
            settings=dict(model.settings),
            reasoning=model.reasoning,
        )

    def model(self) -> Model:
        """Return the model."""
        reasoning = self.reasoning if isinstance(self.reasoning, str) else list(self.reasoning)
        return Model(self.provider, self.name, self.label, self.settings, {}, reasoning)


class WeightsSpec(BaseModel):
    """The weights of a local model.

    Attributes:
        place: `inside` the package; in a `folder` that the server has below $WORKBENCH_WEIGHTS;
            or found by the model's `name` in the catalog or on the hub.
        digest: of config and weights; compared before the first answer.
        tokenizer: digest of the tokenizer's files.
    """

    model_config = SHAPE
    place: Literal["inside", "folder", "name"]
    digest: str
    tokenizer: str


class VariantSpec(BaseModel):
    """A packaged variant.

    Attributes:
        name: as the leaderboard shows it.
        parameters: of every request, merged as for the evaluation.
        choice_method: how `choices` were answered; empty without choices.
        prefill_repeated: the server repeats the prefill in its answers, by the stored replies.
        identity: of the provider when the variant was packaged: address, or weights and dtype.
        weights: of a local model; None: an API or a plug-in.
    """

    model_config = SHAPE
    format: Literal[1] = 1
    task: str
    name: str
    prompt: PromptSpec
    model: ModelSpec
    parameters: dict[str, Any] = Field(default_factory=dict)
    choice_method: str = ""
    prefill_repeated: bool = False
    identity: dict[str, Any] = Field(default_factory=dict)
    weights: WeightsSpec | None = None
    workbench_version: Annotated[str, Field(min_length=1)]

    @classmethod
    def from_json(cls, content: JSON, *, where: str = SPEC_FILE) -> "VariantSpec":
        """Return the variant that `to_json` wrote.

        Raises:
            WorkbenchError: a newer format, or not the description of a variant.
        """
        number = content.get("format") if isinstance(content, dict) else None
        if isinstance(number, int) and number > FORMAT:
            writer = content.get("workbench_version")
            message = f"the package has format {number}, and this Workbench reads {FORMAT}"
            raise WorkbenchError(message, where=where, fix=f"install prompt-workbench {writer}")
        if not isinstance(content, dict) or number != FORMAT:
            message = "is not the description of a packaged variant"
            raise WorkbenchError(message, where=where, fix="package the variant again")
        return Document(where, content).check(cls)

    def to_json(self) -> dict[str, JSON]:
        """Return the description as JSON."""
        return self.model_dump(mode="json")


def read_spec(folder: Path) -> VariantSpec:
    """Return the variant that is described in `folder`.

    Raises:
        WorkbenchError: there is none, or it can't be read.
    """
    file = folder / SPEC_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"no packaged variant: {SPEC_FILE} is missing"
        fix = "name the folder that `workbench package` wrote"
        raise WorkbenchError(message, where=str(folder), fix=fix) from None
    except (OSError, ValueError) as error:
        message = f"can't be read: {error}"
        raise WorkbenchError(message, where=str(file), fix="package the variant again") from error
    return VariantSpec.from_json(content, where=str(file))


def write_spec(spec: VariantSpec, folder: Path) -> None:
    """Write the description of a variant into `folder`."""
    text = json.dumps(spec.to_json(), ensure_ascii=False, indent=2)
    (folder / SPEC_FILE).write_text(text + "\n", encoding="utf-8")
