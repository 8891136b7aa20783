"""From the file to the experiment: every name in it found, before anything is sent.

load_experiment(Path("prompts/sentiment/experiment.yaml"), project, renderer, resolvers)
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from workbench.canonical import JSON
from workbench.dataset import Dataset, load_dataset
from workbench.document import Document, read_document
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Evaluator
from workbench.evaluator.lookup import find_all
from workbench.evaluator.spec import check_env, read_spec
from workbench.experiment.file import ExperimentFile
from workbench.experiment.prompts import find_prompt, find_prompts
from workbench.experiment.types import Experiment, OpenModel, Resolvers
from workbench.model import Model, open_provider
from workbench.parameters import check_parameters
from workbench.project import NAME_PATTERN, Project
from workbench.prompt import Renderer

# What tables, runs and metrics are called: no path, nothing that a terminal obeys.
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: +-]{0,63}")
LABEL_FIX = "letters, digits, spaces and _ . : + -, at most 64, no sign first"
LONGEST_MODEL = 256  # characters of a model's name
PLANNED = ("max_age",)  # words of the design that this version has no use for


class Named(NamedTuple):
    """An item of the file: a name, its settings, its place."""

    name: str
    settings: dict[str, JSON]
    where: str


def load_experiment(
    path: Path, project: Project, renderer: Renderer, resolvers: Resolvers, limit: int | None = None
) -> Experiment:
    """The experiment in the file at `path`.

    Args:
        path: the file; prompts and datasets are looked for beside it.
        project: where it lies.
        renderer: the process that parses templates.
        resolvers: to what lies in MLflow.
        limit: how many rows of the dataset to keep, the first; None: all. All are checked.

    Raises:
        WorkbenchError: the first thing in it that is wrong, with its place and how to mend it.
    """
    document = read_document(path, display_name=project.display_path(path))
    _refuse_planned(document)
    said = document.check(ExperimentFile)
    task = _task(path, project)
    check_parameters(said.parameters, where=partial(document.where, "parameters"))
    find = partial(
        find_prompt, task, project=project, renderer=renderer, registry=resolvers.registry
    )
    experiment = Experiment(
        name=said.name or task,
        task=task,
        path=project.display_path(path),
        dataset=_dataset(said, path.parent, document, resolvers, limit),
        prompts=find_prompts(said, document, find),
        models=_models(said, document),
        evaluators=_evaluators(said, document, project, resolvers),
        parameters=said.parameters,
        grid=_grid(said, document),
        exclude=tuple(said.exclude),
        repeats=said.repeats,
        max_failed=said.max_failed,
        baseline=said.baseline,
        gate=said.gate,
        margins=said.margin if isinstance(said.margin, dict) else {"": said.margin},
        content=document.content,
    )
    _check_exclusions(experiment, document)
    _check_metrics(experiment, document)
    return experiment


def _dataset(
    said: ExperimentFile, folder: Path, document: Document, resolvers: Resolvers, limit: int | None
) -> Dataset:
    try:
        return load_dataset(
            said.dataset, folder, mlflow_reader=resolvers.mlflow_dataset, limit=limit
        )
    except WorkbenchError as error:
        error.where = error.where or document.where("dataset")
        raise


def _task(path: Path, project: Project) -> str:
    task = path.resolve().parent.name
    if re.fullmatch(NAME_PATTERN, task):
        return task
    fix = "name the folder with letters, digits, _ and -, at most 64, no sign first"
    raise WorkbenchError(
        f"{task!r} is no name for a task", where=project.display_path(path), fix=fix
    )


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


def _check_metrics(experiment: Experiment, document: Document) -> None:
    """That margins and gate are of evaluators there are, and that every rule asks for something."""
    names = [evaluator.name for evaluator in experiment.evaluators]
    for key, said in (("margin", experiment.margins), ("gate", experiment.gate)):
        for name in said:
            if name not in ("", *names):
                raise unknown_name("metric", name, names, where=document.where(key, name))
    for name, rule in experiment.gate.items():
        if rule.min is None and rule.max is None and not rule.no_worse_than:
            raise WorkbenchError(
                f"the rule for {name!r} asks for nothing",
                where=document.where("gate", name),
                fix="min: 0.6, max: 2, or no_worse_than: baseline",
            )


def _refuse_planned(document: Document) -> None:
    for key in PLANNED:
        if isinstance(document.content, dict) and key in document.content:
            raise WorkbenchError(
                f"{key!r} is not implemented in this version",
                where=document.where(key),
                fix="take it out",
            )


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
        if len(name) > LONGEST_MODEL or not name.isprintable() or not name.rstrip("/"):
            raise WorkbenchError(
                f"{provider}:{name[:80]!r} can't be the name of a model",
                where=where,
                fix=f"at most {LONGEST_MODEL} characters that can be seen",
            )
        parameters = settings.pop("parameters", None) or {}
        if not isinstance(parameters, dict):
            fix = "parameters: {temperature: 0}"
            said_so = f"{ref}.parameters: {parameters!r} is no mapping"
            raise WorkbenchError(said_so, where=where, fix=fix)
        place = partial(document.where, "models", index, ref, "parameters")
        check_parameters(parameters, where=place)
        given = settings.pop("as", None)
        label = name.rstrip("/").rpartition("/")[2] if given is None else _label(given, where)
        if label in [other.model.label for other in opened]:
            raise WorkbenchError(
                f"two models are called {label!r}",
                where=where,
                fix=f"name this one: `{ref}: {{as: another_name}}`",
            )
        model = Model(provider, name, label, settings, parameters)
        opened.append(OpenModel(model, open_provider(model, where=where)))
    return tuple(opened)


def _label(given: JSON, where: str) -> str:
    if isinstance(given, str) and LABEL.fullmatch(given):
        return given
    raise WorkbenchError(f"{given!a:.90} can't be a label", where=where, fix=LABEL_FIX)


def _evaluators(
    said: ExperimentFile, document: Document, project: Project, resolvers: Resolvers
) -> tuple[Evaluator, ...]:
    specs = []
    for name, settings, where in _named(said.evaluators, document, "evaluators"):
        if "name" in settings:
            _label(settings["name"], where)
        spec = read_spec(name, settings, project.root, where=where)
        if resolvers.require_env:
            check_env(spec)
        specs.append(spec)
    return find_all(specs, resolvers.evaluators)


def _grid(said: ExperimentFile, document: Document) -> tuple[Mapping[str, JSON], ...]:
    for name, values in said.grid.items():
        for index, value in enumerate(values):
            place = {name: document.where("grid", name, index)}
            check_parameters({name: value}, where=place.__getitem__)
    return tuple(
        dict(zip(said.grid, point, strict=True)) for point in itertools.product(*said.grid.values())
    )
