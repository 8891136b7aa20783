"""Prompts that an experiment names: files, files of a git revision, registered versions.

few_shot            prompts/<task>/few_shot.jinja
few_shot@git:main   the same file on the branch main
few_shot@3          version 3 in the registry
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from workbench.document import Document
from workbench.errors import NotFoundError, WorkbenchError, located, unknown_name
from workbench.experiment.file import ExperimentFile
from workbench.experiment.types import Experiment, Registry
from workbench.project import Project
from workbench.prompt import Prompt, Reference, Renderer, parse_reference
from workbench.prompt.load import folder_reader, git_reader, list_prompts, load_prompt


@dataclass(frozen=True)
class PromptFinder:
    """Finds the prompts of one task; the task's folder is listed once."""

    task: str
    project: Project
    renderer: Renderer
    registry: Registry

    def find(self, reference: Reference) -> Prompt:
        """The prompt of a reference: a file, a file of a git revision, or a registered version.

        Raises:
            WorkbenchError: there is none; the message says where it would be.
        """
        task, prompts = self.task, self.project.prompts
        if reference.kind not in ("working", "git"):
            return self.registry(task, reference, self.renderer)
        if reference.kind == "git":
            read = git_reader(prompts, reference.value)
            return load_prompt(task, str(reference), read, self.renderer)
        if reference.name not in self._names:
            error = unknown_name(f"prompt of task {task!r}:", reference.name, self._names)
            if others := sorted(file.name for file in (prompts / task).glob(f"{reference.name}.*")):
                error.fix = f"templates end in .jinja: rename {others[0]} to {reference.name}.jinja"
            raise error
        return load_prompt(task, str(reference), folder_reader(prompts), self.renderer)

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(list_prompts(self.project.prompts / self.task))


def add_prompts(
    experiment: Experiment, references: Sequence[str], find: Callable[[Reference], Prompt]
) -> Experiment:
    """The experiment with more prompts.

    A reference `@alias` adds that version of each of its own prompts that has one.

    Raises:
        WorkbenchError: a prompt doesn't exist.
    """
    names = dict.fromkeys(prompt.name for prompt in experiment.prompts)
    prompts = {prompt.ref: prompt for prompt in experiment.prompts}
    for reference in references:
        refs = [f"{name}{reference}" for name in names] if reference[0] == "@" else [reference]
        missing: list[NotFoundError] = []
        for ref in refs:
            try:
                prompts.setdefault(ref, find(parse_reference(ref)))
            except NotFoundError as error:
                missing.append(error)
        if len(missing) == len(refs):
            raise missing[0]
    return replace(experiment, prompts=tuple(prompts.values()))


def find_prompts(
    file: ExperimentFile, document: Document, find: Callable[[Reference], Prompt]
) -> tuple[Prompt, ...]:
    """Each prompt of the file, in its order.

    Raises:
        WorkbenchError: a prompt doesn't exist or is named twice, with its line.
    """
    prompts: dict[str, Prompt] = {}
    for index, ref in enumerate(file.prompts):
        where = document.where("prompts", index)
        if ref in prompts:
            raise WorkbenchError(f"duplicate prompt {ref!r}", where=where, fix="keep one")
        with located(where):
            prompts[ref] = find(parse_reference(ref))
    return tuple(prompts.values())
