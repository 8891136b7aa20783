"""An empty answer is an answer: each evaluator of the library judges it, and none passes it."""

from pathlib import Path
from pkgutil import iter_modules

import pytest

import workbench.evaluators
from workbench.evaluator import Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, Usage

NAMES = [module.name for module in iter_modules(workbench.evaluators.__path__)]
EVALUATORS = [name for name in NAMES if not name.startswith("_")]
SETTINGS = {"regex_match": {"pattern": "a+"}, "label_match": {"labels": ["4", "5"]}}
SETTINGS |= {"language": {"language": "de"}}
MEASURES = {"input_tokens": 3.0, "latency": 0.1, "output_tokens": 0.0}
MEASURES |= dict.fromkeys(("language", "readability", "repetition"))  # not applicable


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
@pytest.mark.parametrize("name", EVALUATORS)
def test_empty_answer_is_judged(name: str, text: str) -> None:
    evaluator = load_evaluator(Spec(name, SETTINGS.get(name, {}), Path("/nowhere")))
    completion = Completion(
        "k", "ok", text=text, finish_reason="stop", usage=Usage(3, 0), latency_s=0.1
    )
    score = evaluator.score(
        inputs={}, expectations={"expected_response": "4"}, completion=completion
    )
    assert (score.value, score.error) == (MEASURES.get(name, False), "")
