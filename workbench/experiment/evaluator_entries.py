"""The evaluators and judges of an experiment file, in its order.

load_evaluators(file, document, loader, resolvers)     ((Evaluator("exact_match", …), …), {…})
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.document import Document
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.evaluator import Evaluator, list_evaluators
from workbench.evaluator.combination import COMBINED
from workbench.evaluator.lookup import check_machine
from workbench.evaluator.spec import Spec, check_env, read_spec
from workbench.experiment.combined_entries import load_combination
from workbench.experiment.field_entries import ENTRY, EVALUATOR, field_settings
from workbench.experiment.file import ExperimentFile
from workbench.experiment.judge_loader import JudgeLoader
from workbench.experiment.named_entries import check_label, named_entries
from workbench.experiment.types import Resolvers
from workbench.judges.entries import JUDGE_KINDS, read_condition
from workbench.judges.judge import Condition, Judge


class _Combined(NamedTuple):
    """An entry that combines the scores of others."""

    kind: str
    settings: dict[str, JSON]
    where: str


Loaded = tuple[tuple[Evaluator, ...], dict[str, Judge]]
Conditions = dict[str, tuple[str, str]]  # of judges by name: text and place of `only_if:`


def load_evaluators(
    file: ExperimentFile, document: Document, loader: JudgeLoader, resolvers: Resolvers
) -> Loaded:
    """The evaluators by their order, and the judges among them by name.

    Raises:
        WorkbenchError: an evaluator or a judge can't be used, or two have the same name.
    """
    listed: list[Spec | Judge | _Combined] = []
    conditions: Conditions = {}
    for kind, settings, where in named_entries(file.evaluators, document, "evaluators"):
        if "name" in settings:
            _check_name(settings["name"], where)
        if kind in COMBINED:
            listed.append(_Combined(kind, settings, where))
            continue
        if kind in JUDGE_KINDS:
            judges = loader.load(kind, settings, where)
            listed += judges
            condition = str(settings.get("only_if", ""))
            conditions |= {judge.name: (condition, where) for judge in judges}
            continue
        for spec in _specs(kind, settings, loader.project.root, where):
            if resolvers.require_env:
                check_env(spec)
            listed.append(spec)
    specs = [entry for entry in listed if isinstance(entry, Spec)]
    by_spec = dict(zip(map(id, specs), resolvers.evaluators(specs), strict=True))
    for spec in specs if resolvers.require_env else []:
        check_machine(spec)
    judges_by_name: dict[str, Judge] = {}
    evaluators: dict[str, Evaluator] = {}
    for entry in listed:
        if isinstance(entry, Spec):
            _add(evaluators, by_spec[id(entry)], entry.name, entry.where)
        elif isinstance(entry, _Combined):
            combined = load_combination(*entry, evaluators, loader.project)
            _add(evaluators, combined, entry.kind, entry.where)
        else:
            _add(evaluators, entry.evaluator, entry.name, conditions[entry.name][1])
            judges_by_name[entry.name] = entry
    _set_conditions(judges_by_name, evaluators, conditions)
    return tuple(evaluators.values()), judges_by_name


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
    judges: dict[str, Judge], evaluators: dict[str, Evaluator], conditions: Conditions
) -> None:
    """Set the condition of each judge that has one; its digest covers that evaluator's."""
    others = [name for name in evaluators if name not in judges]
    for name, (text, where) in conditions.items():
        if not text:
            continue
        parts = read_condition(text)
        if parts is None:
            example = f"{others[0] if others else 'label_match'} is unparsed"
            raise WorkbenchError(
                f"only_if: {text!r} is not a condition", where=where, fix=f'only_if: "{example}"'
            )
        if parts[0] not in others:
            raise unknown_name("evaluator", parts[0], others, where=where)
        condition = Condition(*parts, evaluators[parts[0]].digest)
        judges[name] = replace(judges[name], only_if=condition)
        evaluators[name] = judges[name].evaluator
