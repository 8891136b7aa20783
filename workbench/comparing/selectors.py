"""What a user names on the command line, as variants, and which is compared with which.

paired(["zero_shot", "few_shot@3"], plan)    the plan with the baselines that this means

A name is a variant's, a prompt's (with or without a version), a model's, `@alias`: that version
of every prompt, or the id of a run: what that was, with today's rows. The first name is what all
others are compared with; a single one is compared with the baseline that the experiment file has
for it, and none at all means all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from workbench.canonical import canonical_json
from workbench.errors import WorkbenchError, unknown_name
from workbench.plan import Plan
from workbench.results.metrics import RecordedVariant

Runs = Mapping[str, Sequence[RecordedVariant]]


def select_comparisons(names: Sequence[str], plan: Plan, runs: Runs = MappingProxyType({})) -> Plan:
    """The plan with only these variants compared, as the names ask.

    Args:
        names: of both sides, or more.
        plan: with all variants that are meant.
        runs: of each name that is a run's id, the variants it stands for.

    Raises:
        WorkbenchError: a name is nothing of the plan, or nothing can be compared.
    """
    if not names:
        return _some(plan, plan.baselines)
    sides = [
        _of_run(name, runs[name], plan) if name in runs else find_side(name, plan) for name in names
    ]
    if len(sides) == 1:
        own = set(sides[0])
        return _some(plan, [base if n in own else None for n, base in enumerate(plan.baselines)])
    first, *others = sides
    alone = len(first) == 1 and names[0] not in runs
    if all(set(side) <= set(first) for side in others):
        raise WorkbenchError(
            f"{' and '.join(names)} are the same",
            where=plan.experiment.path,
            fix="name two that differ: workbench compare zero_shot few_shot",
        )
    bases: list[int | None] = [None] * len(plan.variants)
    for side in others:
        for number in side:
            if number not in first:
                bases[number] = first[0] if alone else _counterpart(number, first, side, plan)
    return _some(plan, bases)


def find_side(name: str, plan: Plan) -> list[int]:
    """The numbers of the variants that a name means.

    Raises:
        WorkbenchError: none.
    """
    prompts = plan.experiment.prompts
    digests = {
        one.digest
        for one in prompts
        if one.ref == name or (name.startswith("@") and one.ref.endswith(name))
    }
    found = [
        number
        for number, variant in enumerate(plan.variants)
        if variant.name == name
        or variant.prompt.digest in digests
        or name in (variant.model.model.label, variant.model.model.ref)
    ]
    if not found:
        there = [variant.name for variant in plan.variants]
        there += [one.ref for one in prompts]
        there += [one.model.label for one in plan.experiment.models]
        raise unknown_name("variant, prompt or model", name, there)
    return found


def _of_run(run_id: str, recorded: Sequence[RecordedVariant], plan: Plan) -> list[int]:
    """The numbers of a run's variants."""
    found: list[int] = []
    for one in recorded:
        own = [
            number
            for number, variant in enumerate(plan.variants)
            if variant.prompt.digest == one.digest
            and variant.model.model.ref == one.model
            and dict(variant.parameters) == dict(one.parameters)
        ]
        if not own:
            raise WorkbenchError(
                f"run {run_id}: {one.prompt} on {one.model} with {canonical_json(one.parameters)} "
                "is nothing of the experiment file any more",
                where=plan.experiment.path,
                fix="put the model back into `models:`, and its parameters as they were",
            )
        found += own
    return found


def _counterpart(number: int, first: Sequence[int], side: Sequence[int], plan: Plan) -> int | None:
    """The one of the first side that shares all that the two sides have in common.

    Two prompts share models; two models share prompts; two versions of prompts share both.
    """
    variants = plan.variants
    own = variants[number]
    models = {variants[n].model.model.label for n in first} & {
        variants[n].model.model.label for n in side
    }
    prompts = {variants[n].prompt.name for n in first} & {variants[n].prompt.name for n in side}
    for other in first:
        beside = variants[other]
        same_model = beside.model.model.label == own.model.model.label
        same_prompt = beside.prompt.name == own.prompt.name
        if (
            beside.point == own.point
            and (same_model or not models)
            and (same_prompt or not prompts)
            and (same_model or same_prompt)
        ):
            return other
    return None


def _some(plan: Plan, bases: Sequence[int | None]) -> Plan:
    if all(base is None for base in bases):
        raise WorkbenchError(
            "there is nothing to compare: no variant beside another",
            where=plan.experiment.path,
            fix="name two that differ: workbench compare zero_shot few_shot",
        )
    return replace(plan, baselines=tuple(bases))
