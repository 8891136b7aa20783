"""The baseline that each variant is compared with.

baseline: zero_shot      every variant with the one of this prompt that shares all else with it
baseline: "zero_shot · gpt-6-luna"      every variant with this one

Without `baseline:` it is the first prompt; with a single prompt the first model; with a single
model the first variant.
"""

from collections.abc import Sequence

from workbench.errors import unknown_name
from workbench.experiment import Experiment
from workbench.plan.types import Variant


def find_baselines(
    experiment: Experiment, variants: Sequence[Variant], *, complete: bool
) -> tuple[int | None, ...]:
    """Return the number of each variant's baseline; None: it has none, or is one.

    Unless the variants are `complete`, the named baseline may be missing.

    Raises:
        WorkbenchError: `baseline:` names no prompt, model or variant of the experiment.
    """
    name = experiment.baseline or _default_baseline(experiment, variants)
    prompts = [prompt.ref for prompt in experiment.prompts]
    models = [name for m in experiment.models for name in (m.model.label, m.model.ref)]
    names = [variant.name for variant in variants]
    if name not in (*prompts, *models, *names) and complete:
        valid_names = dict.fromkeys([*prompts, *models, *names])
        raise unknown_name("baseline", name, valid_names, where=experiment.path)
    baselines = [_find_baseline(name, variant, variants) for variant in variants]
    return tuple(
        None if baseline == number else baseline for number, baseline in enumerate(baselines)
    )


def _default_baseline(experiment: Experiment, variants: Sequence[Variant]) -> str:
    if len(experiment.prompts) > 1:
        return experiment.prompts[0].ref
    return experiment.models[0].model.label if len(experiment.models) > 1 else variants[0].name


def _find_baseline(name: str, variant: Variant, variants: Sequence[Variant]) -> int | None:
    for number, other in enumerate(variants):
        model = other.model.model
        same_model = model.label == variant.model.model.label
        same_prompt = other.prompt.ref == variant.prompt.ref
        if other.name == name or (
            other.point == variant.point
            and (
                (other.prompt.ref == name and same_model)
                or (name in (model.label, model.ref) and same_prompt)
            )
        ):
            return number
    return None
