"""The prompts an experiment names, wherever each of them lies.

few_shot -> prompts/<task>/few_shot.jinja      few_shot@3 -> version 3 of the registry
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from workbench.document import Document
from workbench.errors import NotFoundError, WorkbenchError
from workbench.experiment.file import ExperimentFile
from workbench.experiment.types import Experiment, Registry
from workbench.project import Project
from workbench.prompt import (
    Prompt,
    Reference,
    Renderer,
    folder_reader,
    git_reader,
    list_prompts,
    load_prompt,
    parse_reference,
)
from workbench.prompt.load import missing_prompt


def find_prompt(
    task: str, reference: Reference, *, project: Project, renderer: Renderer, registry: Registry
) -> Prompt:
    """The prompt a reference names: a file, a file of an earlier commit, or a stored version.

    Raises:
        WorkbenchError: there is none; the message names where it was looked for.
    """
    if reference.kind not in ("working", "git"):
        return registry(task, reference, renderer)
    folder = project.prompts / task
    if reference.kind == "git":
        read = git_reader(project.prompts, reference.value)
        return load_prompt(task, str(reference), read, renderer)
    if reference.name not in list_prompts(folder):
        raise missing_prompt(task, reference.name, folder)
    return load_prompt(task, str(reference), folder_reader(project.prompts), renderer)


def add_prompts(
    experiment: Experiment, references: Sequence[str], find: Callable[[Reference], Prompt]
) -> Experiment:
    """The experiment with these prompts beside its own.

    Args:
        experiment: with its own prompts.
        references: of others; `@alias`: that version of each of its own that has one.
        find: finds them.

    Raises:
        WorkbenchError: one that isn't there.
    """
    own = dict.fromkeys(prompt.name for prompt in experiment.prompts)
    found = {prompt.ref: prompt for prompt in experiment.prompts}
    for one in references:
        absent: list[NotFoundError] = []
        wanted = [f"{name}{one}" for name in own] if one[0] == "@" else [one]
        for ref in wanted:
            try:
                found.setdefault(ref, find(parse_reference(ref)))
            except NotFoundError as error:
                absent.append(error)
        if len(absent) == len(wanted):
            raise absent[0]
    return replace(experiment, prompts=tuple(found.values()))


def find_prompts(
    said: ExperimentFile, document: Document, find: Callable[[Reference], Prompt]
) -> tuple[Prompt, ...]:
    """Each prompt of the file, in its order.

    Raises:
        WorkbenchError: one that isn't there, or stands twice, by its line.
    """
    prompts: list[Prompt] = []
    for index, ref in enumerate(said.prompts):
        where = document.where("prompts", index)
        if ref in said.prompts[:index]:
            raise WorkbenchError(f"the prompt {ref!r} stands twice", where=where, fix="keep one")
        try:
            prompts.append(find(parse_reference(ref)))
        except WorkbenchError as error:
            error.where = error.where or where
            raise
    return tuple(prompts)
