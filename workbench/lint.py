"""What is wrong, or likely wrong, with the templates of a task, found without a model.

lint_task(project, "sentiment", examples=1)
    -> TaskFindings(task="sentiment", prompts=(PromptFindings("few_shot", errors=(), …), …))
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.conversation import ROLES, Conversation
from workbench.dataset import Dataset, DatasetSpec, load_dataset
from workbench.document import read_document
from workbench.doors import open_doors
from workbench.errors import WorkbenchError
from workbench.experiment import ExperimentFile
from workbench.model import COMMON, Call, Model, Provider, open_provider
from workbench.project import Project
from workbench.prompt import Prompt, Renderer, folder_reader, list_prompts, load_prompt


@dataclass(frozen=True)
class Rendering:
    """One example as a prompt renders it.

    Attributes:
        tokens: by model, of those that can count without asking a server.
    """

    row_id: str
    conversation: Conversation
    characters: int
    tokens: dict[str, int]


@dataclass(frozen=True)
class PromptFindings:
    """One template: what keeps it from running, what looks wrong, how it renders."""

    name: str
    errors: tuple[WorkbenchError, ...] = ()
    warnings: tuple[str, ...] = ()
    rendered: tuple[Rendering, ...] = ()


@dataclass(frozen=True)
class TaskFindings:
    """All templates of a task; `errors` are the experiment file's and the dataset's own."""

    task: str
    prompts: tuple[PromptFindings, ...]
    own_errors: tuple[WorkbenchError, ...] = ()

    @property
    def errors(self) -> list[WorkbenchError]:
        """Those of every template, too."""
        return [*self.own_errors, *(error for one in self.prompts for error in one.errors)]


def lint_task(project: Project, task: str, examples: int) -> TaskFindings:
    """Reads every template of a task and renders the whole dataset with each.

    Args:
        project: where the task is.
        task: its folder's name.
        examples: how many rendered examples to keep a template.
    """
    folder = project.prompts / task
    dataset, models, errors = _context(project, task)
    read = folder_reader(project.prompts)
    found: list[PromptFindings] = []
    with Renderer() as renderer:
        for name in list_prompts(folder):
            try:
                prompt = load_prompt(task, name, read, renderer)
                rendered = tuple(_rendered(prompt, dataset, models, renderer, examples))
            except WorkbenchError as error:
                found.append(PromptFindings(name, (error,)))
            else:
                found.append(PromptFindings(name, (), tuple(_warnings(prompt, dataset)), rendered))
    return TaskFindings(task, tuple(found), tuple(errors))


def _context(
    project: Project, task: str
) -> tuple[Dataset | None, dict[str, Provider], list[WorkbenchError]]:
    """The dataset and the models of the task's experiment file, as far as they can be had."""
    file = project.prompts / task / "experiment.yaml"
    if not file.is_file():
        return None, {}, []
    try:
        said = read_document(file, shown=project.shown(file)).check(ExperimentFile)
        dataset = _dataset(said.dataset, project, task)
    except WorkbenchError as error:
        return None, {}, [error]
    models: dict[str, Provider] = {}
    for pair in said.models:
        for ref, settings in pair.items():
            provider, _, name = ref.partition(":")
            try:
                own = {k: v for k, v in (settings or {}).items() if k not in COMMON}
                models[ref] = open_provider(Model(provider, name, settings=own))
            except WorkbenchError:  # a model that isn't here counts no tokens; `run` says why
                continue
    return dataset, models, []


def _dataset(spec: DatasetSpec, project: Project, task: str) -> Dataset:
    reader = open_doors(project).mlflow_dataset
    return load_dataset(spec, project.prompts / task, mlflow_reader=reader)


def _rendered(
    prompt: Prompt,
    dataset: Dataset | None,
    models: dict[str, Provider],
    renderer: Renderer,
    examples: int,
) -> Iterator[Rendering]:
    """The first rows of the dataset as they render; every row is rendered, for its errors."""
    if dataset is None:
        return
    rows = [example.inputs for example in dataset.examples]
    ids = [example.id for example in dataset.examples]
    conversations = prompt.render(renderer, rows, ids)
    for row_id, conversation in list(zip(ids, conversations, strict=True))[:examples]:
        whole = conversation.text or "".join(m.content for m in conversation.messages)
        tokens = _tokens(prompt, conversation, models)
        yield Rendering(row_id, conversation, len(whole), tokens)


def _tokens(
    prompt: Prompt, conversation: Conversation, models: dict[str, Provider]
) -> dict[str, int]:
    counted: dict[str, int] = {}
    for ref, provider in models.items():
        try:
            body = provider.prepare(Call(conversation, choices=prompt.settings.choices)).body
            count = provider.count_tokens(body)
        except WorkbenchError:  # a pair that can't be; the experiment may exclude it
            continue
        if count is not None:
            counted[ref] = count
    return counted


def _warnings(prompt: Prompt, dataset: Dataset | None) -> Iterator[str]:
    yield from _almost_roles(prompt)
    if dataset is None:
        return
    yield from _unknown(prompt, dataset.columns)
    for column in dataset.columns:
        if column not in prompt.variables:
            yield f"the column {column!r} is used nowhere in it"


def _almost_roles(prompt: Prompt) -> Iterator[str]:
    """Lines that read like role lines and are text: capitals, or not at the left margin."""
    for number, line in enumerate(prompt.source.split("\n"), 1):
        role = line.strip().lower()
        if role.removesuffix(":") in ROLES and role.endswith(":") and line.rstrip() != role:
            yield f"{prompt.where(number)}: {line!r} is text; a role line is `{role}` alone"


def _unknown(prompt: Prompt, columns: Sequence[str]) -> Iterator[str]:
    """Variables no row has: harmless only where the template asks whether they are defined."""
    for name, line in prompt.variables.items():
        if name in columns:
            continue
        near = difflib.get_close_matches(name, columns, n=1)
        nearest = f"; nearest: {near[0]!r}" if near else ""
        yield f"{prompt.where(line)}: no row has {name!r}{nearest}"
