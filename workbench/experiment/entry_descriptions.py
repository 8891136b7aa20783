"""Descriptions of the entries of `evaluators:` that are no functions.

describe_entries()["pass_at"].summary      "The chance that one of `k` repeats passes, …"
"""

import re

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workbench.evaluator.combination import PASS_ALL, PASS_AT, RATIO, THRESHOLD, WEIGHTED
from workbench.evaluator.description import Description, Setting
from workbench.experiment.combined_entries import (
    RatioEntry,
    RepeatsEntry,
    ThresholdEntry,
    WeightedEntry,
)
from workbench.experiment.field_entries import ENTRY
from workbench.experiment.model_score_entries import LikelihoodEntry
from workbench.judges.entries import JudgeEntry
from workbench.model_scores.expected_likelihood import KIND

ORIGIN = "workbench"
CONSTRAINED = re.compile(r"(?:typing\.)?Annotated\[(.+?), FieldInfo\(.*?\)\](?=[,\]]|$)")
_FIELDS = (Setting("fields", "list", ""), Setting("name", "str", "''"))
_COMBINED: dict[str, tuple[type[BaseModel], str]] = {
    WEIGHTED: (WeightedEntry, "The mean of other evaluators' scores by weights, from 0 to 1."),
    THRESHOLD: (ThresholdEntry, "True if another evaluator's number is within bounds."),
    RATIO: (RatioEntry, "The ratio of two sums over all rows, as the cost of a right answer."),
    PASS_AT: (RepeatsEntry, "The chance that one of `k` repeats passes, over all rows (pass@k)."),
    PASS_ALL: (RepeatsEntry, "The chance that all of `k` repeats pass, over all rows (pass^k)."),
}
_JUDGES = {
    "rubric": "A model's verdict on each answer by a rubric.",
    "checklist": "A model's answers to questions about each answer, a metric for each.",
    "judge": "A model's verdict on each answer by a prompt of the project.",
    "pairwise": "A model's choice between each answer and the baseline's, in both orders.",
}
_MODEL_SCORES: dict[str, tuple[type[BaseModel], str]] = {
    KIND: (
        LikelihoodEntry,
        "The likelihood, or perplexity, of the expected answer behind the prompt, by the same "
        "model.",
    ),
}
REQUIRED_OF_JUDGES = {
    "rubric": {"rubric"},
    "checklist": {"questions"},
    "judge": {"prompt"},
    "pairwise": set(),
}


def describe_entries() -> dict[str, Description]:
    """Every kind of entry that is no function, by name."""
    combined = {
        name: Description(name, ORIGIN, summary, summary, (), _settings(model))
        for name, (model, summary) in (_COMBINED | _MODEL_SCORES).items()
    }
    others = set().union(*REQUIRED_OF_JUDGES.values())
    judges = {
        name: Description(name, ORIGIN, summary, summary, (), tuple(_judge_settings(name, others)))
        for name, summary in _JUDGES.items()
    }
    summary = "One `json_field` for each field of the answer's JSON."
    fields = {ENTRY: Description(ENTRY, ORIGIN, summary, summary, (), _FIELDS)}
    return {**combined, **fields, **judges}


def entry_shapes() -> dict[str, type[BaseModel]]:
    """The pydantic models of the entries that combine scores or ask the answering model."""
    return {name: model for name, (model, _) in (_COMBINED | _MODEL_SCORES).items()}


def _judge_settings(name: str, others: set[str]) -> list[Setting]:
    required = REQUIRED_OF_JUDGES[name]
    settings = {setting.name: setting for setting in _settings(JudgeEntry)}
    first = [Setting(each, settings[each].type) for each in sorted(required)]
    left_out = others - {"prompt"} | required
    return [*first, *(each for each in settings.values() if each.name not in left_out)]


def _settings(model: type[BaseModel]) -> tuple[Setting, ...]:
    fields = model.model_fields.items()
    settings = [Setting(name, _type(field), _default(field)) for name, field in fields]
    return tuple(sorted(settings, key=lambda setting: bool(setting.default)))


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    plain = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return CONSTRAINED.sub(r"\1", plain).replace("typing.", "")


def _default(field: FieldInfo) -> str:
    return "" if field.is_required() else repr(field.get_default(call_default_factory=True))
