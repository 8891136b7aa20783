"""Prompts that an experiment names: files, files of a git revision, registered versions.

few_shot            prompts/<task>/few_shot.jinja
few_shot@git:main   the same file on the branch main
few_shot@3          version 3 in the registry
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from workbench.document import Document
from workbench.errors import NotFoundError, WorkbenchError, located, unknown_name
from workbench.experiment.file import ExperimentFile
from workbench.experiment.types import Experiment, Registry
from workbench.prompt import Prompt, Reference, Renderer, check_templates, parse_reference
from workbench.prompt.load import folder_reader, git_reader, list_prompts, read_template
from workbench.prompt.partials import Reader


@dataclass(frozen=True)
class PromptFinder:
    """Finds the prompts of one task; the task's folder is listed once.

    Attributes:
        prompts: the folder of tasks.
    """

    task: str
    prompts: Path
    renderer: Renderer
    registry: Registry

    def find(self, reference: Reference) -> Prompt:
        """The prompt of a reference: a file, a file of a git revision, or a registered version.

        Raises:
            WorkbenchError: there is none; the message says where it would be.
        """
        (prompt,) = check_templates([self.read(reference)], self.renderer)
        return prompt

    def read(self, reference: Reference) -> Prompt:
        """As `find`, but its template isn't checked yet.

        Raises:
            WorkbenchError: there is none; the message says where it would be.
        """
        task, prompts = self.task, self.prompts
        if reference.kind not in ("working", "git"):
            return self.registry(task, reference)
        if reference.kind == "git":
            return read_template(task, str(reference), self._revision(reference.value))
        if reference.name not in self._names:
            error = unknown_name(f"prompt of task {task!r}:", reference.name, self._names)
            if others := sorted(file.name for file in (prompts / task).glob(f"{reference.name}.*")):
                error.fix = f"templates end in .jinja: rename {others[0]} to {reference.name}.jinja"
            raise error
        return read_template(task, str(reference), self._working)

    def _revision(self, revision: str) -> Reader:
        if revision not in self._revisions:
            self._revisions[revision] = git_reader(self.prompts, revision)
        return self._revisions[revision]

    @cached_property
    def _revisions(self) -> dict[str, Reader]:
        return {}

    @cached_property
    def _working(self) -> Reader:
        return folder_reader(self.prompts)

    @cached_property
    def _names(self) -> dict[str, None]:
        return dict.fromkeys(list_prompts(self.prompts / self.task))


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
    file: ExperimentFile, document: Document, finder: PromptFinder
) -> tuple[Prompt, ...]:
    """Each prompt of the file, in its order.

    Raises:
        WorkbenchError: a prompt doesn't exist or is named twice, with its line.
    """
    prompts: dict[str, Prompt] = {}
    templates = (finder.read(parse_reference(ref)) for ref in file.prompts)
    with closing(check_templates(templates, finder.renderer)) as checked:
        for index, ref in enumerate(file.prompts):
            where = document.where("prompts", index)
            if ref in prompts:
                raise WorkbenchError(f"duplicate prompt {ref!r}", where=where, fix="keep one")
            with located(where):
                prompts[ref] = next(checked)
    return tuple(prompts.values())
