"""A project in a folder of its own, written, loaded and planned as a user's is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.experiment import Experiment, Resolvers, load_experiment
from workbench.plan import Plan, Scope, make_plan
from workbench.project import Project
from workbench.prompt import Prompt, Reference, Renderer, folder_reader, load_prompt

EXPERIMENT = """\
dataset: rows.jsonl
prompts: [plain]
models: [echo:last]
evaluators: [output_tokens]
"""

ALL = Scope()


def _no_registry(task: str, reference: Reference) -> Prompt:
    raise WorkbenchError(f"no version {reference} of {task}")


def _no_dataset(name: str) -> list:
    raise WorkbenchError(f"no dataset {name}")


@dataclass(frozen=True)
class Bench:
    """A project with the task `qa`: a prompt `plain`, two rows, and what a test adds to them."""

    root: Path
    renderer: Renderer

    @property
    def project(self) -> Project:
        return Project(self.root)

    @property
    def task(self) -> Path:
        return self.root / "prompts" / "qa"

    def write(self, path: str, content: str | bytes) -> Path:
        """The file `path`, relative to the task's folder."""
        file = self.task / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def experiment(self, text: str | bytes = EXPERIMENT) -> Experiment:
        """What this experiment file comes to."""
        file = self.write("experiment.yaml", text)
        resolvers = Resolvers(_no_registry, _no_dataset)
        return load_experiment(file, self.project, self.renderer, resolvers)

    def plan(
        self,
        text: str = EXPERIMENT,
        *,
        scope: Scope = ALL,
        stored: frozenset[str] = frozenset(),
    ) -> Plan:
        """The plan of this experiment file, with these keys already answered."""
        return make_plan(
            self.experiment(text), self.renderer, lambda keys: stored & set(keys), scope
        )

    def prompt(self, text: str | bytes, name: str = "one") -> Prompt:
        """The template with this text."""
        self.write(f"{name}.jinja", text)
        return load_prompt("qa", name, folder_reader(self.root / "prompts"), self.renderer)

    def said(self, text: str, **row: object) -> list[tuple[str, str]]:
        """Role and content of each message that this template makes of a row."""
        (found,) = self.rendered(self.prompt(text), row)
        return [(message.role, message.content) for message in found.messages]

    def rendered(self, prompt: Prompt, *rows: Mapping[str, object]) -> list[Conversation]:
        """A conversation a row; the rows are called 1, 2, …"""
        ids = [str(number + 1) for number in range(len(rows))]
        return list(prompt.render(self.renderer, rows, ids))


def refusal(act: Callable[..., object], *arguments: object, **named: object) -> str:
    """What is said when `act` is refused."""
    with pytest.raises(WorkbenchError) as caught:
        act(*arguments, **named)
    return str(caught.value)
