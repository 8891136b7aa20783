"""Entries of `evaluators:` that combine the scores of others.

- weighted: {of: {exact_match: 0.7, brevity: 0.3}, name: quality}
- threshold: {of: edit_similarity, at_least: 0.8, name: close}
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON, digest
from workbench.document import Document
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.evaluator import Evaluator, Traits
from workbench.evaluator.combination import THRESHOLD, WEIGHTED, CombinedScore, Part
from workbench.project import Project


class WeightedEntry(BaseModel):
    """Settings of a weighted score.

    Attributes:
        of: the weight of each evaluator, above 0.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    of: Annotated[dict[str, Annotated[float | int, Field(gt=0)]], Field(min_length=1)]
    name: str = WEIGHTED


class ThresholdEntry(BaseModel):
    """Settings of a pass or fail by another evaluator's number.

    Attributes:
        at_least, at_most: bounds that pass.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    of: str
    at_least: float | int | None = None
    at_most: float | int | None = None
    name: str = THRESHOLD


def load_combination(
    kind: str,
    settings: Mapping[str, JSON],
    where: str,
    evaluators: Mapping[str, Evaluator],
    project: Project,
) -> Evaluator:
    """The evaluator of an entry, of those that stand before it.

    Raises:
        WorkbenchError: a setting can't be used, or names no evaluator with values of rows.
    """
    if (project.root / "evaluators" / f"{kind}.py").is_file():
        raise WorkbenchError(
            f"evaluators/{kind}.py: the name {kind!r} is reserved",
            where=where,
            fix=f"rename the file and its function: my_{kind}",
        )
    with located(where):
        document = Document("", dict(settings))
        limits: tuple[float | None, float | None] = (None, None)
        if kind == WEIGHTED:
            weighted = document.check(WeightedEntry)
            name, weights = weighted.name, dict(weighted.of)
            if len(weights) == 1:
                fix = f"add another one to `of`, or name {next(iter(weights))} alone"
                raise WorkbenchError("weighted has one evaluator, and it takes two", fix=fix)
        else:
            threshold = document.check(ThresholdEntry)
            limits = threshold.at_least, threshold.at_most
            if limits == (None, None):
                fix = f"{kind}: {{of: {threshold.of}, at_least: 0.8}}"
                raise WorkbenchError(f"{kind} has no bound", fix=fix)
            name, weights = threshold.name, {threshold.of: 1.0}
        parts = tuple(_part(kind, each, weight, evaluators) for each, weight in weights.items())
    combination = CombinedScore(kind, parts, *limits)
    digests = [evaluators[part.name].digest for part in parts]
    return Evaluator(
        name,
        traits=_traits(kind),
        digest=digest([kind, asdict(combination), digests]),
        source=where,
        combination=combination,
    )


def _part(kind: str, name: str, weight: float, evaluators: Mapping[str, Evaluator]) -> Part:
    if name not in evaluators:
        raise unknown_name(f"evaluator before this {kind}:", name, evaluators)
    traits = evaluators[name].traits
    if traits.by_column or traits.kind == "category":
        fix = "name one that has a number, or pass and fail, for each row"
        raise WorkbenchError(f"{kind}: {name} has no number of a row", fix=fix)
    if kind == WEIGHTED and traits.range is None and (traits.kind == "number" or traits.unit):
        fix = "declare its range=(low, high) with @evaluator, or combine another"
        raise WorkbenchError(f"{kind}: {name} has no range, so it can't be weighted", fix=fix)
    return Part(name, float(weight), *(traits.range or (0.0, 1.0)), traits.higher_is_better)


def _traits(kind: str) -> Traits:
    return Traits(range=(0.0, 1.0), kind="number") if kind == WEIGHTED else Traits(kind="pass")
