"""The experiment file, every name in it found, before anything is sent.

name: sentiment
dataset: {path: reviews.jsonl, expected: label, split: dev}
prompts: [zero_shot, few_shot@3]
models: [transformers:smollm2-135m-instruct, openai:gpt-4o-mini]
evaluators: [exact_match]
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.canonical import JSON
from workbench.dataset import Dataset, DatasetSpec, MlflowReader, load_dataset
from workbench.document import Document, read_document
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator
from workbench.evaluator.lookup import Finder, find_all, find_here
from workbench.evaluator.spec import read_spec
from workbench.model import Model, Provider, open_provider
from workbench.parameters import check_parameters
from workbench.project import NAME, Project
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

PLANNED = ("baseline", "gate", "max_age")  # words of the design that this version has no use for

# (task, reference, where) -> the prompt that a registry holds under it.
Registry = Callable[[str, Reference, Renderer], Prompt]


def _pairs(said: Any) -> Any:
    """`name`, or `name: {settings}`, each as a mapping with one key."""
    if not isinstance(said, list):
        return said
    return [{item: {}} if isinstance(item, str) else item for item in said]


Pairs = Annotated[list[dict[str, Any]], BeforeValidator(_pairs)]


class Exclusion(BaseModel):
    """Pairs left out of the cross, by glob; both must match."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str = "*"
    model: str = "*"


class ExperimentFile(BaseModel):
    """The shape of `experiment.yaml`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(pattern=NAME)] = ""
    description: str = ""
    dataset: Annotated[
        DatasetSpec, BeforeValidator(lambda said: {"path": said} if isinstance(said, str) else said)
    ]
    prompts: Annotated[list[str], Field(min_length=1)]
    models: Annotated[Pairs, Field(min_length=1)]
    exclude: list[Exclusion] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    repeats: Annotated[int, Field(ge=1, le=1000)] = 1
    evaluators: Annotated[Pairs, Field(min_length=1)]
    max_failed: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class OpenModel:
    """A model and the provider that reaches it."""

    model: Model
    provider: Provider


@dataclass(frozen=True)
class Experiment:
    """Everything the file names, found and checked.

    Attributes:
        name: the MLflow experiment.
        grid: one mapping a point, in the file's order; a single empty one without a grid.
        data: the file as plain data, for the record.
    """

    name: str
    task: str
    path: str
    prompts: tuple[Prompt, ...]
    dataset: Dataset
    models: tuple[OpenModel, ...]
    evaluators: tuple[Evaluator, ...]
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    grid: tuple[Mapping[str, JSON], ...] = ({},)
    exclude: tuple[Exclusion, ...] = ()
    repeats: int = 1
    max_failed: int = 0
    data: Mapping[str, JSON] = field(default_factory=dict)

    def excludes(self, prompt: Prompt, model: Model) -> bool:
        """Whether a pair is left out of the cross."""
        return any(
            fnmatchcase(prompt.ref, rule.prompt)
            and any(fnmatchcase(name, rule.model) for name in (model.ref, model.label))
            for rule in self.exclude
        )


class Named(NamedTuple):
    """An item of the file: a name, its settings, its place."""

    name: str
    settings: dict[str, JSON]
    where: str


@dataclass(frozen=True)
class Doors:
    """What the file may name that lies elsewhere: found by functions handed in.

    Attributes:
        registry, mlflow_dataset: prompts and data in MLflow.
        evaluators: by default they are found in our own process.
    """

    registry: Registry
    mlflow_dataset: MlflowReader
    evaluators: Finder = find_here


def load_experiment(path: Path, project: Project, renderer: Renderer, doors: Doors) -> Experiment:
    """The experiment in the file at `path`.

    Raises:
        WorkbenchError: the first thing in it that is wrong, with its place and how to mend it.
    """
    document = read_document(path, shown=project.shown(path))
    _refuse_planned(document)
    said = document.check(ExperimentFile)
    task = _task(path, project)
    check_parameters(said.parameters, where=partial(document.where, "parameters"))
    find = partial(find_prompt, task, project=project, renderer=renderer, registry=doors.registry)
    experiment = Experiment(
        name=said.name or task,
        task=task,
        path=project.shown(path),
        dataset=load_dataset(said.dataset, path.parent, mlflow_reader=doors.mlflow_dataset),
        prompts=_prompts(said, document, find),
        models=_models(said, document),
        evaluators=_evaluators(said, document, project, doors),
        parameters=said.parameters,
        grid=_grid(said, document),
        exclude=tuple(said.exclude),
        repeats=said.repeats,
        max_failed=said.max_failed,
        data=document.data,
    )
    _check_exclusions(experiment, document)
    return experiment


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


def _task(path: Path, project: Project) -> str:
    task = path.resolve().parent.name
    if re.fullmatch(NAME, task):
        return task
    fix = "name the folder with letters, digits, _ and -, at most 64, no sign first"
    raise WorkbenchError(f"{task!r} is no name for a task", where=project.shown(path), fix=fix)


def _check_exclusions(experiment: Experiment, document: Document) -> None:
    """A rule that excludes nothing is a typo, and would be paid for."""
    for index, rule in enumerate(experiment.exclude):
        alone = replace(experiment, exclude=(rule,))
        pairs = itertools.product(experiment.prompts, experiment.models)
        if not any(alone.excludes(prompt, model.model) for prompt, model in pairs):
            names = [p.ref for p in experiment.prompts] + [m.model.ref for m in experiment.models]
            said = f"the rule {rule.model_dump(exclude_unset=True)} excludes nothing"
            fix = f"there are {', '.join(names)}"
            raise WorkbenchError(said, where=document.where("exclude", index), fix=fix)


def _refuse_planned(document: Document) -> None:
    for key in PLANNED:
        if isinstance(document.data, dict) and key in document.data:
            raise WorkbenchError(
                f"{key!r} is not implemented in this version",
                where=document.where(key),
                fix="take it out",
            )


def _prompts(
    said: ExperimentFile, document: Document, find: Callable[[Reference], Prompt]
) -> tuple[Prompt, ...]:
    prompts: list[Prompt] = []
    for index, ref in enumerate(said.prompts):
        where = document.where("prompts", index)
        if ref in said.prompts[:index]:
            raise WorkbenchError(f"the prompt {ref!r} stands twice", where=where)
        try:
            prompts.append(find(parse_reference(ref)))
        except WorkbenchError as error:
            error.where = error.where or where
            raise
    return tuple(prompts)


def _named(pairs: list[dict[str, Any]], document: Document, key: str) -> Iterator[Named]:
    """Each `name: {settings}` with its place; a second use of a name must be labelled apart."""
    for index, pair in enumerate(pairs):
        name, settings = next(iter(pair.items()), ("", {}))
        if len(pair) != 1 or not isinstance(settings or {}, dict):
            raise WorkbenchError(
                f"{pair!r} is not one name",
                where=document.where(key, index),
                fix="write `name` or `name: {setting: value}`, the settings indented or in braces",
            )
        yield Named(name, dict(settings or {}), document.where(key, index))


def _models(said: ExperimentFile, document: Document) -> tuple[OpenModel, ...]:
    opened: list[OpenModel] = []
    for index, (ref, settings, where) in enumerate(_named(said.models, document, "models")):
        provider, colon, name = ref.partition(":")
        if not colon or not name:
            raise WorkbenchError(
                f"{ref!r} names no model", where=where, fix="provider:name, as openai:gpt-4o-mini"
            )
        parameters = settings.pop("parameters", None) or {}
        if not isinstance(parameters, dict):
            raise WorkbenchError(f"{ref}.parameters: {parameters!r} is no mapping", where=where)
        place = partial(document.where, "models", index, ref, "parameters")
        check_parameters(parameters, where=place)
        label = str(settings.pop("as", "") or name.rstrip("/").rpartition("/")[2])
        if label in [other.model.label for other in opened]:
            raise WorkbenchError(
                f"two models are called {label!r}",
                where=where,
                fix=f"name this one: `{ref}: {{as: another_name}}`",
            )
        model = Model(provider, name, label, settings, parameters)
        opened.append(OpenModel(model, open_provider(model, where=where)))
    return tuple(opened)


def _evaluators(
    said: ExperimentFile, document: Document, project: Project, doors: Doors
) -> tuple[Evaluator, ...]:
    named = _named(said.evaluators, document, "evaluators")
    specs = [read_spec(one.name, one.settings, project.root, where=one.where) for one in named]
    return find_all(specs, doors.evaluators)


def _grid(said: ExperimentFile, document: Document) -> tuple[Mapping[str, JSON], ...]:
    for name, values in said.grid.items():
        for index, value in enumerate(values):
            place = {name: document.where("grid", name, index)}
            check_parameters({name: value}, where=place.__getitem__)
    return tuple(
        dict(zip(said.grid, point, strict=True)) for point in itertools.product(*said.grid.values())
    )
