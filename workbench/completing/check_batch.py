"""Answers of local models that change when a sample of rows is asked one by one.

BatchCheck("few_shot · smollm2", rows=32, changes=(BatchChange("1039", "positive", "negative"),))

In bfloat16 sums are rounded differently in another batch, and now and then another token wins.
These answers are compared and dropped: the store keeps those of the run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from workbench.errors import StopCheck, not_stopped
from workbench.model import Completion, UnlimitedPermit, open_provider
from workbench.plan import Cell, Plan

SAMPLE_SIZE = 32  # rows per variant
ReadCompletions = Callable[[Collection[str]], Mapping[str, Completion]]


@dataclass(frozen=True)
class BatchChange:
    """A row whose answer differs when it is asked alone."""

    row: str
    batched: str
    alone: str


@dataclass(frozen=True)
class BatchCheck:
    """The sample of one variant, compared.

    Attributes:
        rows: compared.
        failed: rows that got no answer when asked alone.
    """

    variant: str
    rows: int
    changes: tuple[BatchChange, ...]
    failed: int = 0


@dataclass(frozen=True)
class _StoppablePermit(UnlimitedPermit):
    """Permits every call until the run ends; the requests were paid for in this run."""

    stop_check: StopCheck

    def should_stop(self) -> bool:
        return self.stop_check()


def check_batch(
    plan: Plan,
    read_completions: ReadCompletions,
    *,
    sample_size: int = SAMPLE_SIZE,
    should_stop: StopCheck = not_stopped,
) -> list[BatchCheck]:
    """Ask a sample of each local variant again at batch size 1 and compare the answers.

    The sample is `sample_size` rows per variant, the same ones each time. Once `should_stop`
    returns True, the check ends after the row being asked.
    """
    samples = {
        number: _sample(plan.cells[number], read_completions, sample_size)
        for number, variant in enumerate(plan.variants)
        if "batch_size" in variant.model.provider.facts
    }
    models = {plan.variants[n].model.model.label: plan.variants[n].model for n in samples}
    single: dict[str, Completion] = {}
    for label, model in models.items():  # each model is loaded once
        numbers = [n for n in samples if plan.variants[n].model.model.label == label]
        keys = dict.fromkeys(key for number in numbers for key in samples[number])
        permit = _StoppablePermit(should_stop)
        requests = (replace(plan.bodies[key], permit=permit) for key in keys)
        settings = {**model.model.settings, "batch_size": 1}
        completions = open_provider(replace(model.model, settings=settings)).complete(requests)
        single |= {c.key: c for c in completions if c.state != "failed"}
    return [
        _compare(plan.variants[number].name, rows.values(), single)
        for number, rows in samples.items()
    ]


def _sample(
    cells: Sequence[Cell], read_completions: ReadCompletions, sample_size: int
) -> dict[str, tuple[Cell, Completion]]:
    """Choose scored cells by the hash of their key: the same ones each time."""
    by_key = {cell.key: cell for cell in cells}
    completions = read_completions(by_key)
    scored = [key for key in by_key if key in completions and completions[key].scored]
    sample = sorted(scored, key=lambda key: sha256(key.encode()).digest())[:sample_size]
    return {key: (by_key[key], completions[key]) for key in sample}


def _compare(
    variant: str, sample: Collection[tuple[Cell, Completion]], single: Mapping[str, Completion]
) -> BatchCheck:
    answered = [(cell, batched, single[cell.key]) for cell, batched in sample if cell.key in single]
    changes = [
        BatchChange(cell.example.id, batched.text, alone.text)
        for cell, batched, alone in answered
        if batched.text != alone.text
    ]
    return BatchCheck(variant, len(answered), tuple(changes), len(sample) - len(answered))
