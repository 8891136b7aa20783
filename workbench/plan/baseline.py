"""The baseline that each variant is compared with.

baseline: zero_shot      every variant with the one of this prompt that shares all else with it
baseline: "zero_shot · gpt-6-luna"      every variant with this one

Without `baseline:` it is the first prompt; with a single prompt the first model; with a single
model the first variant.
"""

from collections.abc import Hashable, Mapping, Sequence

from workbench.canonical import JSON
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
    first = _first_candidates(name, variants)
    baselines: list[int | None] = []
    for number, variant in enumerate(variants):
        candidates = [first.get(key) for key in _keys(variant)]
        baseline = min((c for c in candidates if c is not None), default=None)
        baselines.append(None if baseline == number else baseline)
    return tuple(baselines)


def _default_baseline(experiment: Experiment, variants: Sequence[Variant]) -> str:
    if len(experiment.prompts) > 1:
        return experiment.prompts[0].ref
    return experiment.models[0].model.label if len(experiment.models) > 1 else variants[0].name


def _first_candidates(name: str, variants: Sequence[Variant]) -> dict[Hashable, int]:
    """The first variant that a variant with this key may be compared with, by `_keys`."""
    first: dict[Hashable, int] = {}
    for number, variant in enumerate(variants):
        model = variant.model.model
        is_baseline = (
            variant.name == name,
            name == variant.prompt.ref,
            name in (model.label, model.ref),
        )
        for key, matches in zip(_keys(variant), is_baseline, strict=True):
            if matches:
                first.setdefault(key, number)
    return first


def _keys(variant: Variant) -> tuple[Hashable, ...]:
    """Keys that two variants share: always; if only their prompts differ; if only their models."""
    point = _hashable(variant.point)
    return "", ("model", variant.model.model.label, point), ("prompt", variant.prompt.ref, point)


def _hashable(value: JSON) -> Hashable:
    """A hashable value, equal for equal JSON."""
    if isinstance(value, Mapping):
        return frozenset((key, _hashable(entry)) for key, entry in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list) else value
