"""The shape of a judge's entry under `evaluators:`.

- rubric: "Polite, and names the right team."
- checklist: ["Does it name a team?", "Is it polite?"]
- judge: {prompt: judges/helpful, model: openai:gpt-6-luna, samples: 3}
- pairwise: {prompt: judges/better, models: [openai:gpt-6-luna, openai:gpt-6-nova]}
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON

JUDGE_KINDS = ("judge", "rubric", "checklist", "pairwise")
# The setting that a text or a list alone stands for, by the kind of the entry.
SHORTHAND = {"rubric": "rubric", "checklist": "questions", "json_fields": "fields"}
MAX_NAME = 40  # characters of a column that is named by its question
ModelEntry = str | dict[str, dict[str, Any]]


class JudgeEntry(BaseModel):
    """Settings of a judge.

    Attributes:
        prompt: `judges/NAME` of the project, or `workbench/NAME` of the package; with a version,
            as `judges/helpful@3`, if wanted.
        model: the model that judges; default: `judge:` of workbench.yaml.
        models: a panel of two models or more, in place of `model`.
        samples: verdicts of each model on each answer.
        combine: `majority` of the verdicts, or the `mean` of their scores.
        only_if: `EVALUATOR is OUTCOME`: judge only those answers.
        name: of the metric.
        parameters: of the judge's requests.
        min_kappa: agreement with people below which the metric decides nothing.
        rubric: a text that says what a good answer is.
        questions: yes-or-no questions, each a metric of its own.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "synonyms": {
                "panel": "models",
                "repeats": "samples",
                "n": "samples",
                "temperature": "write `parameters: {temperature: …}`",
                "max_tokens": "write `parameters: {max_tokens: …}`",
                "criteria": "rubric",
                "choices": "write `scores: {yes: 1, no: 0}` into the judge's file",
                "scores": "write it into the front matter of the judge's file",
            }
        },
    )
    prompt: str = ""
    model: ModelEntry | None = None
    models: list[ModelEntry] | None = None
    samples: Annotated[int, Field(ge=1, le=100)] = 1
    combine: Literal["majority", "mean"] = "majority"
    only_if: str = ""
    name: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    min_kappa: Annotated[float | None, Field(ge=-1, le=1)] = None
    rubric: str = ""
    questions: Annotated[list[str], Field(min_length=1)] | None = None


def expand_shorthand(entry: object) -> object:
    """`{rubric: "…"}`, `{checklist: ["…"]}` and `{json_fields: […]}` with their settings named."""
    if isinstance(entry, dict) and len(entry) == 1:
        ((kind, value),) = entry.items()
        if kind in SHORTHAND and isinstance(value, str | list):
            return {kind: {SHORTHAND[kind]: value}}
    return entry


def questions(name: str, listed: list[str]) -> Iterator[tuple[str, str]]:
    """Each question of a checklist with the name of its column."""
    for question in listed:
        words = re.sub(r"[^A-Za-z0-9]+", " ", question).strip() or "question"
        column = words if len(words) <= MAX_NAME else words[:MAX_NAME].rpartition(" ")[0]
        yield (f"{name}: {column}" if name else column), question


def read_condition(text: str) -> tuple[str, str] | None:
    """Evaluator and outcome of `label_match is unparsed`; None: it has another form."""
    match = re.fullmatch(r"\s*(\S.*?)\s+is\s+(\S.*?)\s*", text)
    return (match[1], match[2]) if match else None


def settings_of(kind: str, entry: JudgeEntry, question: str = "") -> Mapping[str, JSON]:
    """The variables of a bundled prompt."""
    return {"rubric": {"rubric": entry.rubric}, "checklist": {"question": question}}.get(kind, {})
