"""From an experiment file to the experiment: every name is resolved before anything is sent.

load_experiment(Path("prompts/sentiment/experiment.yaml"), project, renderer, resolvers)
"""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

from workbench.canonical import JSON
from workbench.dataset import ALL_ROWS, Dataset, RowScope, load_dataset
from workbench.document import Document, MissingKeyError, read_document
from workbench.errors import WorkbenchError, list_first, located, unknown_name
from workbench.experiment.evaluator_entries import load_evaluators
from workbench.experiment.file import ExperimentFile
from workbench.experiment.judge_loader import JudgeLoader
from workbench.experiment.listed_prices import ListedPrices, listed_prices
from workbench.experiment.named_entries import check_label, named_entries
from workbench.experiment.prompts import PromptFinder, find_prompts
from workbench.experiment.scoring_models import ScoringModels
from workbench.experiment.types import Experiment, Resolvers, Scorer
from workbench.judges.judge import Judge
from workbench.model import MODEL_KEYS, RECORDED, Model, OpenModel, Reasoning, open_provider
from workbench.parameters import check_parameters
from workbench.project import Project
from workbench.prompt import Prompt, Renderer
from workbench.prompt.reference import NAME_PATTERN
from workbench.secrets import quote_value

MAX_TEMPLATES = 12  # named in an error
MAX_MODEL_NAME = 256  # characters


def load_experiment(
    path: Path,
    project: Project,
    renderer: Renderer,
    resolvers: Resolvers,
    scope: RowScope = ALL_ROWS,
) -> Experiment:
    """The experiment in the file at `path`; see `build_experiment`."""
    document = read_document(path, display_name=project.display_path(path))
    return build_experiment(document, project, renderer, resolvers, scope)


def build_experiment(
    document: Document,
    project: Project,
    renderer: Renderer,
    resolvers: Resolvers,
    scope: RowScope = ALL_ROWS,
) -> Experiment:
    """The experiment in a document, whose prompts and dataset are beside it.

    Only the rows of `scope` are kept; all are checked.

    Raises:
        WorkbenchError: the first error in the document, with its position and a fix.
    """
    file, task, registry = _check_file(document), _task(document), resolvers.registry
    finder = PromptFinder(task, project.prompts_beside(document.folder), renderer, registry)
    dataset = _load_dataset(file, document, resolvers, renderer, scope)
    models = _models(file, document)
    loader = JudgeLoader(_with_prices(project, file, models), renderer, registry, models)
    evaluators, scorers = load_evaluators(file, document, loader, resolvers, dataset)
    prompts = find_prompts(file, document, finder)
    listed = _listed_prices(file, project, models, prompts, scorers.values())
    experiment = Experiment(
        name=file.name or task,
        task=task,
        path=document.path,
        dataset=dataset,
        prompts=prompts,
        models=loader.models.answering,
        evaluators=evaluators,
        scorers=scorers,
        parameters=file.parameters,
        grid=_grid(file, document),
        exclude=tuple(file.exclude),
        repeats=file.repeats,
        max_failed=file.max_failed,
        baseline=file.baseline,
        gate=file.gate,
        margins=_margins(file),
        content=document.content,
        root=project.root,
        prices=listed.prices | project.file.prices,
        listed_prices=listed,
    )
    return _checked(experiment, document)


def _with_prices(project: Project, file: ExperimentFile, models: ScoringModels) -> Project:
    """The project with published prices of the models that answer."""
    return replace(project, published=_listed_prices(file, project, models).prices)


def _load_dataset(
    file: ExperimentFile,
    document: Document,
    resolvers: Resolvers,
    renderer: Renderer,
    scope: RowScope,
) -> Dataset:
    spec, folder, reader = file.dataset, document.folder, resolvers.mlflow_dataset
    load = partial(load_dataset, spec, folder, mlflow_reader=reader, renderer=renderer, scope=scope)
    with located(document.where("dataset")):
        return resolvers.read_rows(spec, folder, scope, load)


def _listed_prices(
    file: ExperimentFile,
    project: Project,
    models: ScoringModels,
    prompts: Iterable[Prompt] = (),
    scorers: Iterable[Scorer] = (),
) -> ListedPrices:
    """Published prices of the models, which go by all parameters that they may be asked with."""
    settings = [each for entry in file.models for each in entry.values()]
    layers: list[object] = [file.parameters, *(each.get("parameters") for each in settings)]
    layers += [{name: value} for name, values in file.grid.items() for value in values]
    layers += [prompt.settings.parameters for prompt in prompts]
    layers += [scorer.parameters for scorer in scorers if isinstance(scorer, Judge)]
    mappings = [layer for layer in layers if isinstance(layer, Mapping)]
    return listed_prices(project, models.opened, mappings)


def _margins(file: ExperimentFile) -> Mapping[str, float]:
    return file.margin if isinstance(file.margin, dict) else {"": file.margin}


def _checked(experiment: Experiment, document: Document) -> Experiment:
    _check_exclusions(experiment, document)
    _check_metrics(experiment, document)
    return experiment


def _check_file(document: Document) -> ExperimentFile:
    try:
        file = document.check(ExperimentFile)
    except MissingKeyError as error:
        templates = sorted(file.stem for file in document.folder.glob("[!_]*.jinja"))
        if error.key == "prompts" and templates:
            error.fix = f"add `prompts: [{list_first(templates, MAX_TEMPLATES)}]`"
        raise
    check_parameters(file.parameters, where=partial(document.where, "parameters"))
    return file


def read_experiment_name(path: Path, project: Project) -> str:
    """The name of the MLflow experiment of the file at `path`; nothing else is loaded.

    Raises:
        WorkbenchError: the file can't be read, or hasn't the shape of an experiment file.
    """
    document = read_document(path, display_name=project.display_path(path))
    return document.check(ExperimentFile).name or _task(document)


def _task(document: Document) -> str:
    task = document.folder.resolve().name
    if re.fullmatch(NAME_PATTERN, task):
        return task
    message = f"{task!r} is not a valid task name"
    fix = "rename the folder: up to 64 letters, digits, _ or -; the first a letter or digit"
    raise WorkbenchError(message, where=document.path, fix=fix)


def _check_exclusions(experiment: Experiment, document: Document) -> None:
    """Refuse a rule that excludes nothing: it is a typo, and its pair would be paid for."""
    for index, rule in enumerate(experiment.exclude):
        single_rule = replace(experiment, exclude=(rule,))
        pairs = itertools.product(experiment.prompts, experiment.models)
        if not any(single_rule.excludes(prompt, model.model) for prompt, model in pairs):
            names = [prompt.ref for prompt in experiment.prompts]
            names += [model.model.ref for model in experiment.models]
            message = f"the rule {rule.model_dump(exclude_unset=True)} excludes nothing"
            fix = f"use names among {', '.join(names)}"
            raise WorkbenchError(message, where=document.where("exclude", index), fix=fix)


def _check_metrics(experiment: Experiment, document: Document) -> None:
    """Refuse margins and rules of unknown metrics, and rules without a condition."""
    names = [evaluator.name for evaluator in experiment.evaluators]
    for key, metrics in (("margin", experiment.margins), ("gate", experiment.gate)):
        for name in metrics:
            if name not in ("", *names):
                fix = "" if names else f"add `evaluators: [{name}]`, or leave `{key}:` out"
                raise unknown_name("metric", name, names, where=document.where(key, name), fix=fix)
    for name, rule in experiment.gate.items():
        if rule.min is None and rule.max is None and not rule.no_worse_than:
            message = f"the rule for {name!r} has no condition"
            fix = "add min: 0.6, max: 2, or no_worse_than: baseline"
            raise WorkbenchError(message, where=document.where("gate", name), fix=fix)


def _models(file: ExperimentFile, document: Document) -> ScoringModels:
    models: dict[str, OpenModel] = {}
    for index, (ref, settings, where) in enumerate(named_entries(file.models, document, "models")):
        provider, _, name = ref.partition(":")
        _check_model_name(ref, name, where)
        parameters = settings.pop("parameters", None) or {}
        if not isinstance(parameters, dict):
            message = f"{ref}.parameters: {quote_value(parameters)} is not a mapping"
            raise WorkbenchError(message, where=where, fix="parameters: {temperature: 0}")
        parameter_where = partial(document.where, "models", index, ref, "parameters")
        check_parameters(parameters, where=parameter_where)
        label = settings.pop("as", None)
        if label is None:
            label = ref if provider == RECORDED else short_name(name)
        else:
            check_label(label, where)
        if label in models:
            fix = f"rename this one: `{ref}: {{as: another_name}}`"
            raise WorkbenchError(f"two models are called {label!r}", where=where, fix=fix)
        reasoning = settings.pop("reasoning", "strip")
        _check_reasoning(reasoning, ref, where)
        model = Model(provider, name, label, settings, parameters, reasoning)
        models[label] = OpenModel(model, open_provider(model, where=where))
        if getattr(models[label].provider, "embeds", False):
            fix = f"name it in an evaluator: - embedding_similarity: {{model: {ref}}}"
            message = f"{ref} gives embeddings, and answers no prompts"
            raise WorkbenchError(message, where=where, fix=fix)
    return ScoringModels(tuple(models.values()))


def short_name(name: str) -> str:
    """The usual label of a model: its name without folders or organization."""
    return name.rstrip("/").rpartition("/")[2]


def declared_models(project: Project) -> tuple[list[tuple[str, Model]], list[WorkbenchError]]:
    """Return the models of the project's experiments, each with its place, and the errors of files.

    Their settings are unchecked.
    """
    models: list[tuple[str, Model]] = []
    errors: list[WorkbenchError] = []
    for path in sorted(project.prompts.glob("*/*.y*ml")):
        try:
            document = read_document(path, display_name=project.display_path(path))
            file = document.check(ExperimentFile)
            for ref, settings, where in named_entries(file.models, document, "models"):
                provider, _, name = ref.partition(":")
                reasoning = settings.pop("reasoning", "strip")
                settings = {k: v for k, v in settings.items() if k not in MODEL_KEYS}
                models.append((where, Model(provider, name, "", settings, {}, reasoning)))
        except WorkbenchError as error:
            errors.append(error)
    return models, errors


def models_by_ref(project: Project) -> dict[str, Model]:
    """The models of the project's experiments by `provider:name`, with settings that read answers.

    A model that two of them read differently is left out; so are files with errors.
    """
    by_ref: dict[str, list[Model]] = {}
    for _, model in declared_models(project)[0]:
        by_ref.setdefault(model.ref, []).append(model)
    return {
        ref: model
        for ref, (model, *others) in by_ref.items()
        if all(other.reading == model.reading for other in others)
    }


def _check_reasoning(reasoning: JSON, ref: str, where: str) -> None:
    tags = reasoning if isinstance(reasoning, list) else []
    if tags and all(isinstance(tag, str) and re.fullmatch(r"[\w:.-]+", tag) for tag in tags):
        return
    if not isinstance(reasoning, str) or reasoning not in get_args(Reasoning):
        excerpt = quote_value(reasoning, width=90, show=ascii)
        message = f"{ref}.reasoning: {excerpt} is neither strip nor keep, nor a list of tags"
        fix = "reasoning: strip, or keep, or the tags that a prompt asks for: [scratchpad]"
        raise WorkbenchError(message, where=where, fix=fix)


def _check_model_name(ref: str, name: str, where: str) -> None:
    if not name.rstrip("/") or len(name) > MAX_MODEL_NAME or not name.isprintable():
        raise WorkbenchError(
            f"{quote_value(ref, width=90)} is not a model",
            where=where,
            fix="write provider:name, as in openai:gpt-6-luna, the name with at most "
            f"{MAX_MODEL_NAME} printable characters",
        )


def _grid(file: ExperimentFile, document: Document) -> tuple[Mapping[str, JSON], ...]:
    for name, values in file.grid.items():
        for index, value in enumerate(values):
            positions = {name: document.where("grid", name, index)}
            check_parameters({name: value}, where=positions.__getitem__)
    return tuple(
        dict(zip(file.grid, point, strict=True)) for point in itertools.product(*file.grid.values())
    )
