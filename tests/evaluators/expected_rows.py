"""Expectations of rows, and evaluators as an experiment loads them."""

from pathlib import Path

from workbench.canonical import JSON
from workbench.evaluator import Evaluator, Spec
from workbench.evaluator.lookup import load_evaluator

NOWHERE = Path("/nowhere")


def wanted(answer: object) -> dict[str, JSON]:
    """The expectations of a row with this answer."""
    return {"expected_response": answer}


def load(name: str, settings: dict[str, JSON], root: Path = NOWHERE) -> Evaluator:
    """The evaluator with these settings, of a project in `root`."""
    return load_evaluator(Spec(name, settings, root))
