"""Entries of `evaluators:` that combine the scores of others.

- weighted: {of: {exact_match: 0.7, brevity: 0.3}, name: quality}
- threshold: {of: edit_similarity, at_least: 0.8, name: close}
- ratio: {of: cost, per: exact_match, name: cost per right answer}
- pass_at: {of: python_tests, k: 5}
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from workbench.canonical import JSON, digest
from workbench.document import Document
from workbench.errors import WorkbenchError, located, unknown_name
from workbench.evaluator import Evaluator, Traits
from workbench.evaluator.combination import (
    COST,
    PASS_ALL,
    PASS_AT,
    RATIO,
    THRESHOLD,
    WEIGHTED,
    CombinedScore,
    Part,
)
from workbench.experiment.named_entries import check_reserved
from workbench.project import Project

Loaded = tuple[str, CombinedScore, Traits]  # and the metric's name before them


class CombinedEntry(BaseModel):
    """Settings of every entry that combines.

    Attributes:
        name: of the metric; empty: a name of its own kind.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = ""


class WeightedEntry(CombinedEntry):
    """Settings of a weighted score.

    Attributes:
        of: the weight of each evaluator, above 0.
        missing: where an evaluator doesn't apply, leave out the row, or only its weight.
    """

    of: Annotated[dict[str, Annotated[float | int, Field(gt=0)]], Field(min_length=1)]
    missing: Literal["leave_out", "skip"] = "leave_out"


class ThresholdEntry(CombinedEntry):
    """Settings of a pass or fail by another evaluator's number.

    Attributes:
        of: another evaluator.
        at_least, at_most: bounds that pass.
    """

    of: str
    at_least: float | int | None = None
    at_most: float | int | None = None


class RatioEntry(CombinedEntry):
    """Settings of the ratio of two sums over the answers.

    Attributes:
        of, per: evaluators, or `cost`.
        higher_is_better: None: as of the first.
    """

    of: str
    per: str
    higher_is_better: bool | None = None


class RepeatsEntry(CombinedEntry):
    """Settings of the chance that one of `k` repeats passes, or that all do.

    Attributes:
        of: another evaluator, which passes or fails.
        k: number of repeats, at most `repeats:`.
    """

    of: str
    k: Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class EntryContext:
    """The surroundings of an entry, to which it can refer.

    Attributes:
        evaluators: those that it can be made of, by name.
        repeats: of each row.
        models: `provider:name` of those that are asked.
    """

    project: Project
    evaluators: Mapping[str, Evaluator]
    repeats: int
    models: tuple[str, ...]


def load_combination(
    kind: str, settings: Mapping[str, JSON], where: str, context: EntryContext
) -> Evaluator:
    """The evaluator of an entry, made of those in the context.

    Raises:
        WorkbenchError: a setting can't be used, or names no evaluator that has such scores.
    """
    check_reserved(kind, context.project.root, where)
    with located(where):
        document = Document("", dict(settings))
        name, combination, traits = _LOADERS[kind](kind, document, context)
    parts = [context.evaluators.get(part.name) for part in combination.parts]
    digests = [part.metric_digest if part else COST for part in parts]
    return Evaluator(
        name,
        traits=traits,
        digest=digest([kind, asdict(combination), digests]),
        source=where,
        combination=combination,
    )


def combined_name(kind: str, settings: Mapping[str, JSON]) -> str:
    """The name of an entry's metric, as far as its settings can be read."""
    if isinstance(name := settings.get("name"), str) and name:
        return name
    if kind == RATIO:
        return f"{settings.get('of')} per {settings.get('per')}"
    return kind if kind in (WEIGHTED, THRESHOLD) else f"{kind}_{settings.get('k')}"


def part_names(settings: Mapping[str, JSON]) -> list[str]:
    """The names of the evaluators that an entry is made of, as far as they can be read."""
    of = settings.get("of")
    names = [*of] if isinstance(of, Mapping) else [of, settings.get("per")]
    return [name for name in names if isinstance(name, str)]


def _weighted(kind: str, document: Document, context: EntryContext) -> Loaded:
    entry = document.check(WeightedEntry)
    if len(entry.of) == 1:
        fix = f"add another one to `of`, or name {next(iter(entry.of))} alone"
        raise WorkbenchError(f"{kind} has one evaluator, and it takes two", fix=fix)
    parts = tuple(_part(kind, each, context, weight) for each, weight in entry.of.items())
    for part in parts:
        traits = context.evaluators[part.name].traits
        if traits.range is None and (traits.kind == "number" or traits.unit):
            message = f"{kind}: {part.name} has no range, so it can't be weighted"
            fix = "declare its range=(low, high) with @evaluator, or combine another"
            raise WorkbenchError(message, fix=fix)
    combination = CombinedScore(kind, parts, skips=entry.missing == "skip")
    return entry.name or kind, combination, Traits(range=(0.0, 1.0), kind="number")


def _threshold(kind: str, document: Document, context: EntryContext) -> Loaded:
    entry = document.check(ThresholdEntry)
    if entry.at_least is None and entry.at_most is None:
        fix = f"{kind}: {{of: {entry.of}, at_least: 0.8}}"
        raise WorkbenchError(f"{kind} has no bound", fix=fix)
    parts = (_part(kind, entry.of, context),)
    combination = CombinedScore(kind, parts, entry.at_least, entry.at_most)
    return entry.name or kind, combination, Traits(kind="pass")


def _ratio(kind: str, document: Document, context: EntryContext) -> Loaded:
    entry = document.check(RatioEntry)
    if entry.of == entry.per:
        raise WorkbenchError(f"{kind}: both terms are {entry.of}", fix="name two evaluators")
    costs = [_is_cost(each, context) for each in (entry.of, entry.per)]
    parts = tuple(
        Part(COST, higher_is_better=False) if is_cost else _part(kind, each, context)
        for each, is_cost in zip((entry.of, entry.per), costs, strict=True)
    )
    higher = parts[0].higher_is_better if entry.higher_is_better is None else entry.higher_is_better
    traits = Traits(higher, kind="number", by_column=True)
    return entry.name or f"{entry.of} per {entry.per}", CombinedScore(kind, parts), traits


def _is_cost(name: str, context: EntryContext) -> bool:
    """True if a term is the cost of answers, which needs a price of each model."""
    if name != COST or COST in context.evaluators:
        return False
    if missing := [model for model in context.models if model not in context.project.prices]:
        fix = f"add it to workbench.yaml: prices: {{{missing[0]}: {{input: …, output: …}}}}"
        raise WorkbenchError(f"ratio: {missing[0]} has no price", fix=fix)
    return True


def _repeats(kind: str, document: Document, context: EntryContext) -> Loaded:
    entry, repeats = document.check(RepeatsEntry), context.repeats
    if entry.k > repeats:
        times = "once" if repeats == 1 else f"{repeats} times"
        message = f"{kind}: k is {entry.k}, and each row is asked {times}"
        raise WorkbenchError(message, fix=f"repeats: {entry.k}, beside `evaluators:`")
    part = _part(kind, entry.of, context)
    traits = context.evaluators[entry.of].traits
    if traits.kind == "number" or traits.unit or traits.range not in (None, (0.0, 1.0)):
        message = f"{kind}: {entry.of} is a number, not pass or fail"
        fix = f"put a threshold before it: threshold: {{of: {entry.of}, at_least: …}}"
        raise WorkbenchError(message, fix=fix)
    traits = Traits(range=(0.0, 1.0), kind="number", by_column=True)
    return entry.name or f"{kind}_{entry.k}", CombinedScore(kind, (part,), k=entry.k), traits


def _part(kind: str, name: str, context: EntryContext, weight: float = 1.0) -> Part:
    if name not in context.evaluators:
        names = [*context.evaluators, *([COST] if kind == RATIO else [])]
        raise unknown_name(f"evaluator for this {kind}:", name, names)
    traits = context.evaluators[name].traits
    if traits.by_column or traits.kind == "category":
        fix = "name one that has a number, or pass and fail, for each row"
        raise WorkbenchError(f"{kind}: {name} has no number of a row", fix=fix)
    return Part(name, float(weight), *(traits.range or (0.0, 1.0)), traits.higher_is_better)


_LOADERS: dict[str, Callable[[str, Document, EntryContext], Loaded]] = {
    WEIGHTED: _weighted,
    THRESHOLD: _threshold,
    RATIO: _ratio,
    PASS_AT: _repeats,
    PASS_ALL: _repeats,
}
