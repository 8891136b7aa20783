"""Checks of judges against the rows and models of an experiment, before anything is sent.

faithfulness.jinja:9:11: judge grounded can't be asked about any row: no 'context' in this mapping
judge polite: openai:gpt-6-nova is of the family of openai:gpt-6-luna, whose answers it scores; …
"""

import re
from collections.abc import Iterator, Sequence

from workbench.checking.finding import Finding
from workbench.dataset import Example
from workbench.experiment import Experiment
from workbench.judges.judge import Judge
from workbench.judges.judge_requests import JudgedAnswer, JudgeRequests
from workbench.model import Model
from workbench.prompt import Renderer

BATCH = 50  # rows; further ones are rendered while no row can be judged
BUNDLED = "workbench/"
ANSWER = "an answer"
FAMILIES = (
    *("claude", "command", "deepseek", "gemini", "gemma", "glm", "gpt", "granite", "grok"),
    *("kimi", "llama", "mistral", "mixtral", "phi", "qwen", "smollm"),
)
FAMILY = re.compile(rf"(?<![a-z])({'|'.join(FAMILIES)})(?![a-z])")


def judge_findings(
    experiment: Experiment, models: Sequence[Model], examples: Sequence[Example], renderer: Renderer
) -> Iterator[Finding]:
    """Errors and warnings of all judges; `models` give the answers that they score."""
    for judge in experiment.judges.values():
        if reason := _unreadable(judge, examples, renderer):
            where, _, message = reason.partition(": ")
            yield Finding(
                f"judge {judge.name} can't be asked about any row: {message}",
                where,
                "give the rows what it reads, or leave that out of the judge",
                refused=True,
            )
        path = judge.prompt.where().rpartition(":")[0]
        if judge.prompt.ref.startswith(BUNDLED) and not path.startswith(BUNDLED):
            yield Finding(f"judge {judge.name}: {path} is used in place of {judge.prompt.ref}")
        yield from _family_findings(judge, models)


def _unreadable(judge: Judge, examples: Sequence[Example], renderer: Renderer) -> str:
    """The reason why no row can be judged, by the first one; empty: at least one can."""
    maker, reason = JudgeRequests(judge, renderer), ""
    for start in range(0, len(examples), BATCH):
        answers = [
            JudgedAnswer(row.id, row.inputs, ANSWER, row.expectations, ANSWER)
            for row in examples[start : start + BATCH]
        ]
        errors = maker.rendering_errors(answers)
        if "" in errors:
            return ""
        reason = reason or errors[0]
    return reason


def _family_findings(judge: Judge, models: Sequence[Model]) -> Iterator[Finding]:
    """A warning for each model of a judge that scores answers of its own family."""
    for each in judge.models:
        for model in models:
            if each.model.ref == model.ref:
                of = "also gives answers that it scores"
            elif (family := _family(each.model)) and family == _family(model):
                of = f"is of the family of {model.ref}, whose answers it scores"
            else:
                continue
            yield Finding(
                f"judge {judge.name}: {each.model.ref} {of}; judges tend to favour their own family"
            )
            break


def _family(model: Model) -> str:
    """`gpt` of `openai:gpt-6-luna`; empty: unknown."""
    match = FAMILY.search(model.name.lower())
    return match[1] if match else ""
