"""Missing parts of the evidence for a promotion, each with the command that makes it.

Gap("few_shot@3, which is in production: 150 of 150 rows have no answer in this project's store",
    "add few_shot@production to `prompts:` of prompts/sentiment/experiment.yaml, then: workbench …")
"""

import json
import shlex
from collections.abc import Mapping

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.selectors import run_variants
from workbench.errors import WorkbenchError, pluralize
from workbench.evaluator.row_values import ADD_EVALUATORS, NO_EVALUATORS
from workbench.plan import Plan
from workbench.releasing.evaluated import EvaluatedVariant
from workbench.releasing.task_model import Release
from workbench.releasing.verdict import Gap, deciding_metrics
from workbench.results.types import RecordedVariant, VariantResult
from workbench.tracking.record_state import answers_tag

DIGEST_SHOWN = 8  # characters of a dataset's digest in MLflow


def deciding_gaps(plan: Plan, alias: str, release: Release | None) -> list[Gap]:
    """The gap where no metric decides, or where nothing can be compared and no gate can pass."""
    if not plan.experiment.evaluators:
        return [Gap(NO_EVALUATORS, f"{ADD_EVALUATORS}; then: workbench run")]
    return [_no_gate(plan, alias)] if release is None and not plan.experiment.gate else []


def _no_gate(plan: Plan, alias: str) -> Gap:
    example = f"gate: {{{deciding_metrics(plan.experiment)[0]}: {{min: 0.6}}}}"
    return Gap(
        f"nothing is {alias!r} yet, so nothing can be compared, and there is no gate to pass",
        f"add one to {plan.experiment.path}, as in {example}",
    )


def recorded_variant(release: Release) -> RecordedVariant | None:
    """The variant of a release; None: Workbench did not promote it."""
    name, _, number = release.prompt.rpartition("/")
    try:
        *_, task, prompt = name.split(".")
        parts = [release.parts[key] for key in ("digest", "model", "parameters")]
    except (KeyError, ValueError):
        return None
    return RecordedVariant(task, f"{prompt}@{number}", *parts)


def release_tag(evaluated: EvaluatedVariant) -> str:
    """The parts of a variant, as the tag of its release keeps them."""
    variant = evaluated.variant
    parts = {"prompt": evaluated.prompt, "digest": variant.digest, "model": variant.model}
    return json.dumps({**parts, "parameters": dict(variant.parameters)})


def run_command(plan: Plan, number: int, ref: str = "") -> str:
    """The command that answers a variant; `ref` is for a prompt that the file doesn't name."""
    experiment, variant = plan.experiment, plan.variants[number]
    is_usual = experiment.path.endswith(f"prompts/{experiment.task}/experiment.yaml")
    target = experiment.task if is_usual else shlex.quote(experiment.path)
    if variant.prompt.ref in experiment.content.get("prompts", ()):
        return f"workbench run {target} --only {shlex.quote(variant.name)}"
    ref = ref or variant.prompt.ref
    name = variant.name.replace(variant.prompt.ref, ref, 1)
    return (
        f"add {ref} to `prompts:` of {experiment.path}, then: workbench run {target} --only "
        f"{shlex.quote(name)}"
    )


def is_release(evaluated: EvaluatedVariant, release: Release) -> bool:
    """True if a release serves this variant: the same prompt, model and parameters."""
    recorded, variant = recorded_variant(release), evaluated.variant
    return recorded is not None and (recorded.digest, recorded.model, recorded.parameters) == (
        variant.digest,
        variant.model,
        variant.parameters,
    )


def answer_gaps(
    compared: ExperimentComparison, number: int, evaluated: EvaluatedVariant
) -> list[Gap]:
    """The reasons for which a variant's numbers are no evidence."""
    plan, result, record = compared.plan, compared.results[number], evaluated.record
    command, name = run_command(plan, number), plan.variants[number].name
    rows = result.rows
    if rows.not_run:
        missing = f"{rows.not_run:,} of {pluralize(rows.planned, 'row')}"
        return [Gap(f"{name}: {missing} have no answer in this project's store", command)]
    if result.failures > plan.experiment.max_failed:
        failed = pluralize(result.failures, "answer or score", "answers or scores")
        limit = plan.experiment.max_failed
        words = f"{name}: {failed} failed, and max_failed is {limit}"
        return [Gap(words, f"{command} --retry-failed")]
    differs = ""
    if record.dataset["dataset"] not in ("", plan.experiment.dataset.digest[:DIGEST_SHOWN]):
        differs = f"was made with other rows (dataset {record.dataset['dataset']})"
    elif evaluated.answers not in ("", answers_tag(result)):
        differs = "shows other answers than this project's store has"
    elif lost := [n for n, value in record.metrics.items() if _differs(result, n, value.mean)]:
        differs = f"shows another {', '.join(lost)}"
    if not differs:
        return []
    return [Gap(f"{name}: its newest run in MLflow, {record.run_id}, {differs}", command)]


def _differs(result: VariantResult, metric: str, mean: float | None) -> bool:
    if metric not in result.metrics:
        return False
    now = result.metrics[metric].mean
    if now is None or mean is None:
        return now is not mean
    return abs(now - mean) > 1e-9 * max(1.0, abs(mean))


def find_base(
    compared: ExperimentComparison, release: Release | None, alias: str
) -> tuple[int | None, list[Gap]]:
    """The number of the variant in production, and the reasons for which there is no evidence."""
    plan = compared.plan
    if release is None:
        return None, []
    recorded = recorded_variant(release)
    if recorded is None:
        return None, [
            Gap(
                f"{alias!r} names {release.title}, which Workbench did not promote, so "
                "nobody can say what it answered",
                f"workbench promotions {plan.experiment.task} shows what was promoted",
            )
        ]
    try:
        (number, *_) = run_variants(release.run_id, [recorded], plan)
    except WorkbenchError as error:
        return None, [Gap(f"{release.title}, which is in production: {error.message}", error.fix)]
    rows, name = compared.results[number].rows, plan.variants[number].name
    if not rows.not_run:
        return number, []
    missing = f"{rows.not_run:,} of {pluralize(rows.planned, 'row')}"
    ref = f"{recorded.prompt.partition('@')[0]}@{alias}"
    return number, [
        Gap(
            f"{name}, which is in production ({release.title}): {missing} have no answer in this "
            "project's store",
            run_command(plan, number, ref),
        )
    ]


def find_notes(plan: Plan, number: int, evaluated: EvaluatedVariant) -> list[str]:
    """The edits since the evaluation, and what the answers depend on."""
    notes, variant = list[str](), plan.variants[number]
    prompts: Mapping[str, str] = {p.ref: p.digest for p in plan.experiment.prompts}
    name = variant.prompt.name
    if prompts.get(name, variant.prompt.digest) != variant.prompt.digest:
        notes.append(
            f"prompts/{plan.experiment.task}/{name}.jinja was edited after the run: version "
            f"{evaluated.record.version}, which was evaluated, is promoted"
        )
    if str(variant.model.provider.identity.get("dtype", "")) in ("bfloat16", "float16"):
        notes.append(
            f"{variant.model.model.label} computes in {variant.model.provider.identity['dtype']}, "
            "where a text depends on the other rows of its batch: served texts may differ from "
            "evaluated ones (`dtype: float32` gives equal ones)"
        )
    return notes
