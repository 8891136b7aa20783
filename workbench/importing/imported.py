r"""The result of reading another tool's file: tasks to write, and a report.

Import(
    tasks=(ImportedTask(name="triage", templates={"short": "user:\n{{ ticket }}\n"}, …),),
    report=(ReportLine("promptfooconfig.yaml:12", ImportOutcome.LEFT_OUT, "assert `javascript`"),),
)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Entry = str | Mapping[str, Mapping[str, Any]]


class ImportOutcome(StrEnum):
    """Result of importing a part of the source."""

    CARRIED = "carried"
    CHANGED = "changed"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class ReportLine:
    """A part of the source, and what became of it.

    Attributes:
        where: the place in the source, as `file.yaml:12` or `file.yaml: tests[3].assert[0]`.
        text: the part, in the words of the source, and for CHANGED how it is read now.
        fix: what the user can do about a part that was changed or left out.
        count: how many equal parts the line stands for; `where` is the place of the first.
    """

    where: str
    outcome: ImportOutcome
    text: str
    fix: str = ""
    count: int = 1


@dataclass(frozen=True)
class ImportedAnswer:
    """An answer that another tool has paid for.

    Attributes:
        prompt: the template's name in the task.
        model: the entry's name, as `openai:gpt-4o-mini`.
        row: the position of the row, from 0.
        text: the output.
        messages: as they were sent there, each with its role and its text. The answer is stored
            only if the task sends the same.
        finish_reason: as recorded there.
        input_tokens, output_tokens, latency_s, cost: as recorded there; None if it isn't.
    """

    prompt: str
    model: str
    row: int
    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_s: float | None = None
    cost: float | None = None
    messages: Sequence[Mapping[str, str]] = ()
    finish_reason: str = ""


@dataclass(frozen=True)
class ImportedTask:
    """A task to write into `prompts/<name>/`.

    Attributes:
        templates: the Jinja source of each prompt by its name, in the order of the source.
        models, evaluators: entries of `experiment.yaml`.
        rows: the dataset's rows; written as JSON lines, so that every value keeps its type.
        dataset: further keys of `dataset:`, as `{"expected": "label"}`.
        evaluator_files: Python source by file name, for the project's `evaluators/`. Written by
            the importer alone, never text of the source. A file that is there already must be
            the same.
        judge_files: Jinja source by file name, for the project's `prompts/judges/`; likewise.
        copied_files: files of the source, such as its code, by their path below the task's
            folder. They are there to be read and are never run.
        copied_texts: texts of the source, such as code within its JSON, likewise.
        answers: answers that go into the store, so that they are not paid for again.
        settings: further keys of `experiment.yaml`, as `{"repeats": 3}`.
    """

    name: str
    templates: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    models: Sequence[Entry] = ()
    evaluators: Sequence[Entry] = ()
    dataset: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    evaluator_files: Mapping[str, str] = field(default_factory=dict)
    judge_files: Mapping[str, str] = field(default_factory=dict)
    copied_files: Mapping[str, Path] = field(default_factory=dict)
    copied_texts: Mapping[str, str] = field(default_factory=dict)
    answers: Sequence[ImportedAnswer] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Import:
    """All that was read of a file or folder: its tasks, and a line for each part."""

    tasks: Sequence[ImportedTask]
    report: Sequence[ReportLine]
