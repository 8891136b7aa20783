"""An empty answer is an answer: each evaluator of the library judges it, and none passes it."""

from pathlib import Path
from pkgutil import iter_modules

import pytest

import workbench.evaluators
from workbench.evaluator import Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.model import Completion, Usage

NAMES = [module.name for module in iter_modules(workbench.evaluators.__path__)]
OF_RUNS = {"balanced_accuracy", "calibration_error", "correlation", "macro_f1"}
# They need a fetched encoder, and a box: their own tests have empty answers.
ELSEWHERE = {"embedding_similarity", "python_tests"}
EVALUATORS = [n for n in NAMES if not n.startswith("_") and n not in OF_RUNS | ELSEWHERE]
SETTINGS = {
    "regex_match": {"pattern": "a+"},
    "label_match": {"labels": ["4", "5"]},
    "language": {"language": "de"},
    "choice": {"choices": ["4", "5"]},
    "json_field": {"field": "total"},
    "json_schema": {"schema": {"type": "object"}},
}
EXPECTED = {
    "date_match": "2024-02-03",
    "json_field": {"total": 4},
    "sql_match": "SELECT 4",
}
MEASURES = {"input_tokens": 3.0, "latency": 0.1, "output_tokens": 0.0}
# Not applicable
MEASURES |= dict.fromkeys(("choice_likelihood", "language", "prompt_echo", "readability"))
MEASURES |= dict.fromkeys(("brier_score", "repetition"))
ERRORS = {"brier_score": "the answer states no probability"}


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
@pytest.mark.parametrize("name", EVALUATORS)
def test_empty_answer_is_judged(name: str, text: str) -> None:
    evaluator = load_evaluator(Spec(name, SETTINGS.get(name, {}), Path("/nowhere")))
    completion = Completion(
        "k", "ok", text=text, finish_reason="stop", usage=Usage(3, 0), latency_s=0.1
    )
    expectations = {"expected_response": EXPECTED.get(name, "4")}
    score = evaluator.score(inputs={}, expectations=expectations, completion=completion)
    assert score.value == MEASURES.get(name, False)
    assert ERRORS.get(name, "") in score.error
    assert bool(score.error) == (name in ERRORS)
