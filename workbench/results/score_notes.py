"""Notes on scores: four-bit weights of a model, and what is known of a judge's error."""

from collections.abc import Iterable, Sequence

from workbench.canonical import JSON
from workbench.results.types import VariantResult


def score_notes(results: Iterable[VariantResult]) -> list[str]:
    """The notes on the models and on the judges, each once."""
    listed = list(results)
    return [*_model_notes(listed), *_judge_notes(listed)]


def score_notes_json(results: Iterable[VariantResult]) -> dict[str, JSON]:
    """The notes as keys of a command's JSON; without those that there are none of."""
    listed = list(results)
    notes = {"model_notes": _model_notes(listed), "judge_notes": _judge_notes(listed)}
    return {key: [*texts] for key, texts in notes.items() if texts}


def _model_notes(results: Sequence[VariantResult]) -> list[str]:
    """Each model's note, as `smollm2: four-bit weights: PIQA 0.618 ± 0.013 …`."""
    notes = (f"{r.variant.model.model.label}: {r.model_note}" for r in results if r.model_note)
    return list(dict.fromkeys(notes))


def _judge_notes(results: Sequence[VariantResult]) -> list[str]:
    return list(dict.fromkeys(note for result in results for note in result.judge_notes))
