"""The cross of prompts, models and grid points.

[zero_shot, few_shot] × [gpt-6-luna] × [temperature 0, 0.7]     four variants
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from workbench.canonical import JSON, digest
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator.row_values import (
    first_with_row_values,
    require_evaluators,
    require_row_values,
)
from workbench.experiment import Experiment, OpenModel
from workbench.parameters import check_merged_parameters, merge_parameters
from workbench.plan.types import Scope, Variant
from workbench.prompt import Prompt
from workbench.prompt.tools import check_tool_choice


def find_variants(experiment: Experiment, scope: Scope) -> tuple[list[Variant], list[str]]:
    """Return the variants in scope, excluded and equal ones left out, and notes on merged ones.

    Raises:
        WorkbenchError: no variant is left, or a pattern of the scope matches none.
    """
    by_digest: dict[str, Variant] = {}
    notes: list[str] = []
    for prompt in experiment.prompts:
        for model in experiment.models:
            if experiment.excludes(prompt, model.model):
                continue
            for point in experiment.grid:
                variant = _variant(experiment, prompt, model, point)
                key = digest([prompt.digest, model.model.label, variant.parameters])
                if key in by_digest:
                    twin = by_digest[key].name
                    notes.append(f"{variant.name} equals {twin}: they are run once")
                else:
                    by_digest[key] = variant
    if not by_digest:
        raise WorkbenchError(
            "`exclude` leaves no variant", where=experiment.path, fix="remove a rule"
        )
    names = matching_names((variant.name for variant in by_digest.values()), scope.only)
    return [variant for variant in by_digest.values() if variant.name in names], notes


def matching_names(names: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """Return the variant names that equal or match any of the patterns; without patterns all.

    Raises:
        WorkbenchError: a pattern matches none of them.
    """
    names, selected = list(names), set[str]()
    patterns = list(filter(None, patterns))
    for pattern in patterns:
        matching = [name for name in names if pattern == name or fnmatchcase(name, pattern)]
        if not matching:
            error = unknown_name("variant", pattern, names)
            if "," in pattern:
                parts = [f"--only {part.strip()!r}" for part in pattern.split(",")]
                error.fix = f"{' '.join(parts)}; {error.fix}"
            raise error
        selected.update(matching)
    return selected if patterns else set(names)


def _variant(
    experiment: Experiment, prompt: Prompt, model: OpenModel, point: Mapping[str, JSON]
) -> Variant:
    settings = prompt.settings
    stop = {} if settings.stop is None else {"stop": list(settings.stop) or None}
    parameters = merge_parameters(
        experiment.parameters, model.model.parameters, {**settings.parameters, **stop}, point
    )
    check_merged_parameters(parameters, where=experiment.path)
    check_tool_choice(parameters, settings.tools, where=prompt.where())
    name_parts = [prompt.ref]
    if len(experiment.models) > 1:
        name_parts.append(model.model.label)
    name_parts += [f"{name}={_short(value)}" for name, value in point.items()]
    return Variant(" · ".join(name_parts), prompt, model, parameters, point=point)


def _short(value: JSON) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:12]}…{digest(value)[:6]}"


def complete_scope(scope: Scope, experiment: Experiment, variants: Sequence[Variant]) -> Scope:
    """Return the scope without a limit that all rows are within, and with the metric of a race.

    A race's test needs a bound on how much one row can change.

    Raises:
        WorkbenchError: the race has no such metric, or no two variants.
    """
    dataset = experiment.dataset
    if scope.limit is not None and scope.limit >= dataset.rows - dataset.later_turns:
        scope = replace(scope, limit=None)
    if scope.race is None:
        return scope
    evaluators = {evaluator.name: evaluator for evaluator in experiment.evaluators}
    require_evaluators(evaluators, "a race", where=experiment.path)
    name = scope.race or first_with_row_values(evaluators.values())
    if name not in evaluators:
        raise unknown_name("metric", name, evaluators, where="--race-on")
    fix = "--race-on a metric that has a value of each row"
    require_row_values(evaluators[name], "a race", where=experiment.path, fix=fix)
    traits = evaluators[name].traits
    unranged = not traits.range and (traits.kind not in (None, "pass") or traits.unit)
    if unranged or traits.measures_time:  # a server's load drifts: no row is like the one before
        problem = "a number without a range"
        fix = "--race-on a pass/fail metric, or declare the range: @evaluator(range=(0, 10))"
        if traits.measures_time:
            problem, fix = "a time", "--race-on a metric of the answers"
        message = f"a race can't use {name}: it is {problem}"
        raise WorkbenchError(message, where=experiment.path, fix=fix)
    if len(variants) < 2:
        raise WorkbenchError(
            "a race needs two variants", where=experiment.path, fix="leave --race out"
        )
    return replace(scope, race=name)
