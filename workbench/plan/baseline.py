"""Which variant each one is compared with.

baseline: zero_shot      every variant with the one of this prompt that shares all else with it
baseline: "zero_shot · gpt-4o-mini"      every variant with this one

Without a word of it the first prompt is the baseline; of a single prompt the first model; of a
single model the first variant.
"""

from collections.abc import Sequence

from workbench.errors import unknown_name
from workbench.experiment import Experiment
from workbench.plan.types import Variant


def find_baselines(
    experiment: Experiment, variants: Sequence[Variant], *, whole: bool
) -> tuple[int | None, ...]:
    """Of each variant the number of its baseline; None: it has none, or is one.

    Args:
        experiment: whose variants they are.
        variants: those that are run.
        whole: they are all there are; else a baseline may be missing.

    Raises:
        WorkbenchError: the file names a baseline that is nothing of it.
    """
    name = experiment.baseline or _first(experiment, variants)
    prompts = [prompt.ref for prompt in experiment.prompts]
    models = [label for one in experiment.models for label in (one.model.label, one.model.ref)]
    names = [variant.name for variant in variants]
    if name not in (*prompts, *models, *names) and whole:
        there = dict.fromkeys([*prompts, *models, *names])
        raise unknown_name("baseline", name, there, where=experiment.path)
    found = [_baseline(name, variant, variants) for variant in variants]
    return tuple(None if other == own else other for own, other in enumerate(found))


def _first(experiment: Experiment, variants: Sequence[Variant]) -> str:
    if len(experiment.prompts) > 1:
        return experiment.prompts[0].ref
    return experiment.models[0].model.label if len(experiment.models) > 1 else variants[0].name


def _baseline(name: str, variant: Variant, variants: Sequence[Variant]) -> int | None:
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
