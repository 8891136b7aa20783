"""The variants that a user's names select, and the pairs to compare.

    select_comparisons(["zero_shot", "few_shot@3"], plan)
    Plan(…, baselines=(None, 0))

A selector is a variant's name, a prompt's (with or without a version), a model's, `@alias` (that
version of every prompt), or the id of a run: its variants, with today's rows. The first selector
is what all others are compared with. A single one is compared with the baseline of the experiment
file. Without any, all variants are compared with theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from workbench.canonical import canonical_json
from workbench.errors import WorkbenchError, unknown_name
from workbench.plan import Plan, Variant
from workbench.results.types import RecordedVariant

Runs = Mapping[str, Sequence[RecordedVariant]]
BASELINE = "baseline"  # the file's, as a selector of a gate
EXAMPLE = "name two that differ: workbench compare zero_shot few_shot"


def select_comparisons(
    selectors: Sequence[str],
    plan: Plan,
    runs: Runs = MappingProxyType({}),
    *,
    by_slice: bool = False,
) -> Plan:
    """The plan with the baselines that the selectors ask for, and no others.

    `runs` has the variants of each selector that is a run's id. With `by_slice` variants without
    any baseline are left: the slices of each have a value.

    Raises:
        WorkbenchError: a selector selects nothing of the plan, or there is nothing to compare.
    """
    if not selectors:
        if by_slice and set(plan.baselines) <= {None}:
            return _without_baselines(plan, range(len(plan.variants)))
        return _with_baselines(plan, plan.baselines)
    groups = [
        run_variants(selector, runs[selector], plan)
        if selector in runs
        else select_variants(selector, plan)
        for selector in selectors
    ]
    first, *others = groups
    baselines: list[int | None] = [None] * len(plan.variants)
    if not others:
        baselines = [base if n in first else None for n, base in enumerate(plan.baselines)]
        if by_slice and set(baselines) <= {None}:
            return _without_baselines(plan, first)
        return _with_baselines(plan, baselines)
    if all(set(group) <= set(first) for group in others):
        raise WorkbenchError(
            f"{' and '.join(selectors)} are the same", where=plan.experiment.path, fix=EXAMPLE
        )
    is_variant = len(first) == 1 and selectors[0] not in runs
    for group in others:
        for number in group:
            if number not in first:
                baselines[number] = (
                    first[0] if is_variant else _counterpart(number, first, group, plan)
                )
    return _with_baselines(plan, baselines)


def select_variants(selector: str, plan: Plan) -> list[int]:
    """The numbers of the variants that a selector selects.

    Raises:
        WorkbenchError: it selects none.
    """
    prompts = plan.experiment.prompts
    is_alias = selector.startswith("@")
    digests = {
        prompt.digest
        for prompt in prompts
        if prompt.ref == selector or (is_alias and prompt.ref.endswith(selector))
    }
    numbers = [
        number
        for number, variant in enumerate(plan.variants)
        if variant.name == selector
        or variant.prompt.digest in digests
        or selector in (variant.model.model.label, variant.model.model.ref)
    ]
    if not numbers:
        names = [variant.name for variant in plan.variants]
        names += [prompt.ref for prompt in prompts]
        names += [model.model.label for model in plan.experiment.models]
        raise unknown_name("variant, prompt or model", selector, names)
    return numbers


def is_new(plan: Plan, number: int, selector: str) -> bool:
    """True if a selector is a version (`@production`) that the variant's prompt does not have."""
    ref = f"{plan.variants[number].prompt.name}{selector}"
    refs = {prompt.ref for prompt in plan.experiment.prompts}
    return selector.startswith("@") and ref not in refs


def find_baseline(plan: Plan, number: int, selector: str) -> int | None:
    """The number of a variant's baseline; None: it has none.

    `selector` is `baseline` (the file's), a variant, or a name: the variant that it selects and
    that shares all else.

    Raises:
        WorkbenchError: the selector selects nothing of the plan.
    """
    if selector == BASELINE:
        return number if number in plan.baselines else plan.baselines[number]
    if is_new(plan, number, selector):
        return None
    variant = plan.variants[number]
    ref = f"{variant.prompt.name}{selector}" if selector.startswith("@") else selector
    selected = select_variants(ref, plan)
    names_prompt = any(prompt.ref == ref for prompt in plan.experiment.prompts)
    exact = [other for other in selected if plan.variants[other].name == ref]
    counterparts = [
        other
        for other in selected
        if plan.variants[other].point == variant.point
        and (
            plan.variants[other].model.model.label == variant.model.model.label
            if names_prompt
            else plan.variants[other].prompt.digest == variant.prompt.digest
        )
    ]
    return next(iter([*exact, *counterparts]), None)


def run_variants(run_id: str, recorded: Sequence[RecordedVariant], plan: Plan) -> list[int]:
    """The numbers of the variants of a run.

    Raises:
        WorkbenchError: the plan has one of them no longer.
    """
    numbers: list[int] = []
    for record in recorded:
        matches = [
            number
            for number, variant in enumerate(plan.variants)
            if variant.prompt.digest == record.digest
            and variant.model.model.ref == record.model
            and dict(variant.parameters) == dict(record.parameters)
        ]
        if not matches:
            raise WorkbenchError(
                f"run {run_id}: {record.prompt} on {record.model} with "
                f"{canonical_json(record.parameters)} is no longer in the experiment file",
                where=plan.experiment.path,
                fix="put the model back into `models:`, with the parameters it had",
            )
        numbers += matches
    return numbers


def _counterpart(number: int, first: Sequence[int], group: Sequence[int], plan: Plan) -> int | None:
    """The variant of the first group that shares all that the two groups have in common.

    Two prompts share models; two models share prompts; two versions of prompts share both.
    """
    variants = plan.variants
    variant = variants[number]
    models, prompts = (
        set.intersection(*({key(variants[n]) for n in numbers} for numbers in (first, group)))
        for key in (_model_label, _prompt_name)
    )
    for other in first:
        same_model = _model_label(variants[other]) == _model_label(variant)
        same_prompt = _prompt_name(variants[other]) == _prompt_name(variant)
        shares_model, shares_prompt = same_model or not models, same_prompt or not prompts
        same_point = variants[other].point == variant.point
        if same_point and shares_model and shares_prompt and (same_model or same_prompt):
            return other
    return None


def _model_label(variant: Variant) -> str:
    return variant.model.model.label


def _prompt_name(variant: Variant) -> str:
    return variant.prompt.name


def _without_baselines(plan: Plan, numbers: Sequence[int]) -> Plan:
    """The plan of these variants alone."""
    return replace(
        plan,
        variants=tuple(plan.variants[number] for number in numbers),
        cells=tuple(plan.cells[number] for number in numbers),
        requests=tuple(plan.requests[number] for number in numbers),
        baselines=(None,) * len(numbers),
    )


def _with_baselines(plan: Plan, baselines: Sequence[int | None]) -> Plan:
    if all(base is None for base in baselines):
        raise WorkbenchError(
            "there is nothing to compare: every variant stands alone",
            where=plan.experiment.path,
            fix=f"{EXAMPLE}; --by COLUMN shows the slices of one",
        )
    return replace(plan, baselines=tuple(baselines))
