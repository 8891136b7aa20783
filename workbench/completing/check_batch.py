"""Whether answers of a local model depend on the rows beside them: a sample, asked row by row.

check_batch(plan, store.completions)
-> [Checked("few_shot · smollm2", rows=32, changes=(BatchChange("1039", "positive", "negative"),))]

In bfloat16 sums are rounded differently in another batch, and now and then another word wins.
What is answered here is compared and forgotten: the store keeps the answers of the run.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from workbench.errors import StopCheck, not_stopped
from workbench.experiment import OpenModel
from workbench.model import Completion, Request, UnlimitedPermit, open_provider
from workbench.plan import Cell, Plan

SAMPLE = 32  # rows of a variant
Kept = Callable[[Collection[str]], Mapping[str, Completion]]


@dataclass(frozen=True)
class BatchChange:
    """A row whose answer is another one when it is asked alone."""

    row: str
    batched: str
    alone: str


@dataclass(frozen=True)
class Checked:
    """What became of one variant's sample.

    Attributes:
        rows: compared.
        failed: rows that were not answered alone.
    """

    variant: str
    rows: int
    changes: tuple[BatchChange, ...]
    failed: int = 0


@dataclass(frozen=True)
class _Permit(UnlimitedPermit):
    """For asking again what was asked in this run, as long as that isn't ending."""

    ending: StopCheck

    def should_stop(self) -> bool:
        return self.ending()


def check_batch(
    plan: Plan, kept: Kept, *, sample: int = SAMPLE, ending: StopCheck = not_stopped
) -> list[Checked]:
    """Each local variant of the plan, with the answers that change at batch 1.

    Args:
        plan: its answers are stored.
        kept: the store's answers to keys.
        sample: rows of a variant; always the same ones.
        ending: whether to stop after the row under way.
    """
    chosen = {
        number: _sample(plan.cells[number], kept, sample)
        for number, variant in enumerate(plan.variants)
        if "batch_size" in variant.model.provider.facts
    }
    alone: dict[str, Completion] = {}
    for model, numbers in _by_model(plan, chosen):
        keys = dict.fromkeys(key for number in numbers for key in chosen[number])
        requests = (replace(plan.bodies[key], permit=_Permit(ending)) for key in keys)
        alone |= {one.key: one for one in _one_by_one(model, requests)}
    return [
        _compared(plan.variants[number].name, rows.values(), alone)
        for number, rows in chosen.items()
    ]


def _sample(cells: Sequence[Cell], kept: Kept, sample: int) -> dict[str, tuple[Cell, Completion]]:
    """Cells that were answered, by key, in an order that is nobody's choice."""
    by_key = {cell.key: cell for cell in cells}
    answers = kept(by_key)
    answered = [key for key in by_key if key in answers and answers[key].scored]
    drawn = sorted(answered, key=lambda key: sha256(key.encode()).digest())[:sample]
    return {key: (by_key[key], answers[key]) for key in drawn}


def _by_model(plan: Plan, numbers: Iterable[int]) -> Iterable[tuple[OpenModel, list[int]]]:
    """Variants by model, so that each is loaded once."""
    found: dict[str, tuple[OpenModel, list[int]]] = {}
    for number in numbers:
        model = plan.variants[number].model
        found.setdefault(model.model.label, (model, []))[1].append(number)
    return found.values()


def _one_by_one(model: OpenModel, requests: Iterable[Request]) -> Iterable[Completion]:
    settings = {**model.model.settings, "batch_size": 1}
    return open_provider(replace(model.model, settings=settings)).complete(requests)


def _compared(
    variant: str, rows: Iterable[tuple[Cell, Completion]], alone: Mapping[str, Completion]
) -> Checked:
    pairs = [(cell, answer, alone.get(cell.key)) for cell, answer in rows]
    compared = [
        (cell, answer, again) for cell, answer, again in pairs if again and again.state != "failed"
    ]
    changes = [
        BatchChange(cell.example.id, answer.text, again.text)
        for cell, answer, again in compared
        if answer.text != again.text
    ]
    return Checked(variant, len(compared), tuple(changes), len(pairs) - len(compared))
