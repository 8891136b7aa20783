"""The cross of prompts, models and grid points.

[zero_shot, few_shot] × [gpt-4o-mini] × [temperature 0, 0.7]  ->  four variants
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from workbench.canonical import JSON, digest
from workbench.errors import WorkbenchError, unknown_name
from workbench.experiment import Experiment, OpenModel
from workbench.parameters import check_merged_parameters, merge_parameters
from workbench.plan.types import Scope, Variant
from workbench.prompt import Prompt


def find_variants(experiment: Experiment, scope: Scope) -> tuple[list[Variant], list[str]]:
    """The cross without what is excluded, merged or out of scope, and what was merged.

    Raises:
        WorkbenchError: nothing is left of it.
    """
    found: dict[str, Variant] = {}
    notes: list[str] = []
    for prompt in experiment.prompts:
        for model in experiment.models:
            if experiment.excludes(prompt, model.model):
                continue
            for point in experiment.grid:
                variant = _variant(experiment, prompt, model, point)
                same = digest([prompt.digest, model.model.label, variant.parameters])
                if same in found:
                    notes.append(f"{variant.name} is {found[same].name} again: run once")
                else:
                    found[same] = variant
    variants = [
        v for v in found.values() if scope.only in ("", v.name) or fnmatchcase(v.name, scope.only)
    ]
    if not found:
        raise WorkbenchError(
            "`exclude` leaves no variant", where=experiment.path, fix="take a rule out"
        )
    if not variants:
        raise unknown_name("variant", scope.only, [v.name for v in found.values()])
    return variants, notes


def _variant(
    experiment: Experiment, prompt: Prompt, model: OpenModel, point: Mapping[str, JSON]
) -> Variant:
    settings = prompt.settings
    own = {} if settings.stop is None else {"stop": list(settings.stop)}
    parameters = merge_parameters(
        experiment.parameters, model.model.parameters, {**settings.parameters, **own}, point
    )
    check_merged_parameters(parameters, where=experiment.path)
    words = [prompt.ref]
    if len(experiment.models) > 1:
        words.append(model.model.label)
    words += [f"{name}={_short(value)}" for name, value in point.items()]
    return Variant(" · ".join(words), prompt, model, parameters, point=point)


def _short(value: JSON) -> str:
    text = value if isinstance(value, str) else f"{value}"
    return text if len(text) <= 20 else f"{text[:12]}…{digest(value)[:6]}"
