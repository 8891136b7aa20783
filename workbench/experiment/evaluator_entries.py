"""The evaluators and judges of an experiment file, in its order.

load_evaluators(file, document, loader, …)     ((Evaluator("exact_match", …), …), {…})
"""

from collections.abc import Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.dataset import Dataset
from workbench.document import Document
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.evaluator import Evaluator, list_evaluators
from workbench.evaluator.combination import COMBINED
from workbench.evaluator.coverage import Coverage
from workbench.evaluator.lookup import check_machine
from workbench.evaluator.spec import Spec, check_env, read_spec
from workbench.experiment.combined_entries import (
    EntryContext,
    combined_name,
    load_combination,
    part_names,
)
from workbench.experiment.coverage_entries import read_coverage, slices
from workbench.experiment.field_entries import ENTRY, EVALUATOR, field_settings
from workbench.experiment.file import ExperimentFile
from workbench.experiment.judge_loader import JudgeLoader
from workbench.experiment.model_score_entries import load_model_score
from workbench.experiment.named_entries import check_label, named_entries
from workbench.experiment.types import Resolvers, Scorer
from workbench.judges.entries import JUDGE_KINDS, read_condition
from workbench.judges.judge import Condition, Judge


class _Combined(NamedTuple):
    """An entry that combines the scores of others."""

    kind: str
    settings: dict[str, JSON]
    where: str


class _Entry(NamedTuple):
    """An entry, with its rows and the column by whose values it is sliced."""

    named: Spec | Scorer | _Combined
    coverage: Coverage | None = None
    by: str = ""


Loaded = tuple[tuple[Evaluator, ...], dict[str, Scorer]]
Conditions = dict[str, tuple[str, str]]  # of scorers by name: text and place of `only_if:`


def load_evaluators(
    file: ExperimentFile,
    document: Document,
    loader: JudgeLoader,
    resolvers: Resolvers,
    dataset: Dataset,
) -> Loaded:
    """The evaluators by their order, and by name those among them whose scores models give.

    Raises:
        WorkbenchError: an evaluator or a judge can't be used, or two have the same name.
    """
    entries, conditions = _read_entries(file, document, loader, dataset)
    specs = [entry.named for entry in entries if isinstance(entry.named, Spec)]
    for spec in specs if resolvers.require_env else []:
        check_env(spec)
    by_spec = dict(zip(map(id, specs), resolvers.evaluators(specs), strict=True))
    for spec in specs if resolvers.require_env else []:
        check_machine(spec)
    scorers: dict[str, Scorer] = {}
    evaluators: dict[str, Evaluator] = {}
    positions: dict[str, int] = {}
    models = tuple(model.model.ref for model in loader.models.answering)
    context = EntryContext(loader.project, evaluators, file.repeats, models)
    for position in _loading_order(entries):
        named, coverage, by = entries[position]
        if isinstance(named, Scorer):
            kind, where, loaded = named.name, conditions[named.name][1], named.evaluator
            scorers[named.name] = named
        elif isinstance(named, Spec):
            kind, where, loaded = named.name, named.where, by_spec[id(named)]
        else:
            kind, where, loaded = named.kind, named.where, load_combination(*named, context)
        with located(where):
            loaded = replace(loaded, coverage=coverage)
            sliced = slices(loaded, by, dataset) if by else []
        for each in (loaded, *sliced):
            _add(evaluators, each, kind, where)
            positions[each.name] = position
    _set_conditions(scorers, evaluators, conditions)
    return tuple(sorted(evaluators.values(), key=lambda e: positions[e.name])), scorers


def _loading_order(entries: Sequence[_Entry]) -> list[int]:
    """The positions of all entries, those that combine others behind what they are made of.

    Raises:
        WorkbenchError: one is made of itself.
    """
    combined = {
        combined_name(entry.named.kind, entry.named.settings): (position, entry.named)
        for position, entry in enumerate(entries)
        if isinstance(entry.named, _Combined)
    }
    parts = {
        name: [part for part in part_names(entry.settings) if part in combined]
        for name, (_, entry) in combined.items()
    }
    try:
        names = list(TopologicalSorter(parts).static_order())
    except CycleError as error:
        name = error.args[1][0]
        _, entry = combined[name]
        problem = f"{entry.kind}: {name!r} is made of itself"
        fix = "name other evaluators in `of`"
        raise WorkbenchError(problem, where=entry.where, fix=fix) from None
    order = [n for n, entry in enumerate(entries) if not isinstance(entry.named, _Combined)]
    order += [combined[name][0] for name in names]
    return [*order, *sorted(set(range(len(entries))) - set(order))]


def _read_entries(
    file: ExperimentFile, document: Document, loader: JudgeLoader, dataset: Dataset
) -> tuple[list[_Entry], Conditions]:
    """The entries of the file, and the conditions of those whose scores models give."""
    entries: list[_Entry] = []
    conditions: Conditions = {}
    for kind, settings, where in named_entries(file.evaluators, document, "evaluators"):
        if "name" in settings:
            _check_name(settings["name"], where)
        if kind in JUDGE_KINDS:
            judges = loader.load(kind, settings, where)
            entries += map(_Entry, judges)
            condition = str(settings.get("only_if", ""))
            conditions |= {judge.name: (condition, where) for judge in judges}
            continue
        with located(where):
            scorer = load_model_score(kind, settings, loader.project.root, loader.models)
            if scorer:
                entries.append(_Entry(scorer))
                conditions[scorer.name] = "", where
                continue
            coverage, by = read_coverage(settings, dataset)
        if kind in COMBINED:
            entries.append(_Entry(_Combined(kind, settings, where), coverage, by))
            continue
        for spec in _specs(kind, settings, loader.project.root, where):
            entries.append(_Entry(spec, coverage, by))
    return entries, conditions


def _specs(kind: str, settings: dict[str, JSON], root: Path, where: str) -> list[Spec]:
    """The specs of an entry: one, or one a field."""
    if kind != ENTRY or ENTRY in list_evaluators(root):
        return [read_spec(kind, settings, root, where=where)]
    with located(where):
        fields = field_settings(settings)
    return [read_spec(EVALUATOR, each, root, where=where) for each in fields]


def _add(evaluators: dict[str, Evaluator], evaluator: Evaluator, kind: str, where: str) -> None:
    if evaluator.name in evaluators:
        fix = f"rename this one: `{kind}: {{name: another_name}}`"
        message = f"two evaluators are called {evaluator.name!r}"
        raise WorkbenchError(message, where=where, fix=fix)
    evaluators[evaluator.name] = evaluator


def _check_name(name: JSON, where: str) -> None:
    check_label(name, where)
    if "+" in name:
        message = f"{name!r} is not a valid name of a metric"
        raise WorkbenchError(message, where=where, fix="leave out the +: MLflow refuses it")


def _set_conditions(
    scorers: dict[str, Scorer], evaluators: dict[str, Evaluator], conditions: Conditions
) -> None:
    """Set the condition of each judge that has one; its digest covers that evaluator's."""
    others = [name for name in evaluators if name not in scorers]
    for name, (text, where) in conditions.items():
        judge = scorers[name]
        if not text or not isinstance(judge, Judge):
            continue
        parts = read_condition(text)
        if parts is None:
            example = f"{others[0] if others else 'label_match'} is unparsed"
            raise WorkbenchError(
                f"only_if: {text!r} is not a condition", where=where, fix=f'only_if: "{example}"'
            )
        if parts[0] not in others:
            raise unknown_name("evaluator", parts[0], others, where=where)
        condition = Condition(*parts, evaluators[parts[0]].metric_digest)
        scorers[name] = replace(judge, only_if=condition)
        evaluators[name] = scorers[name].evaluator
