"""Every metric and scorer that the installed MLflow has works, or is refused with the reason."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.metrics
import mlflow.metrics.genai
import pytest
from bench import refusal
from mlflow.genai import scorers
from mlflow.genai.scorers import Scorer
from openai_server import OpenAIServer, say
from scored_answers import GRANTED, package_spec, score_answers

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluator.readings import LISTS
from workbench.scoring.adapter import adapt
from workbench.scoring.column_metric import ColumnMetric
from workbench.scoring.mlflow_metric import RowMetric
from workbench.scoring.pool import EvaluatorPool

MODEL = "openai:/judge-1"
SETTINGS: dict[str, dict[str, Any]] = {
    "RegexMatch": {"pattern": "^[A-Z]"},
    "ResponseLength": {"max_length": 8},
    "Guidelines": {"guidelines": "name a city"},
    **{name: {"k": 2} for name in LISTS},
}


def functions(module: Any) -> dict[str, Callable[..., Any]]:
    """The factories of metrics of a module: all that need no function or prompt of a user."""
    named = dict(inspect.getmembers(module, inspect.isfunction))
    others = ("deprecated", "make_", "retrieve_", "_")
    return {name: each for name, each in named.items() if not name.startswith(others)}


def scorer_classes() -> dict[str, type[Scorer]]:
    named = inspect.getmembers(scorers, inspect.isclass)
    return {name: each for name, each in named if issubclass(each, Scorer) and each is not Scorer}


CLASSES = scorer_classes()
OF_TRACES = sorted(
    n for n in CLASSES if "trace" in CLASSES[n].model_fields["required_columns"].default
)
PLAIN = ["PIIDetection", "RegexMatch", "ResponseLength"]
JUDGES = sorted({*CLASSES} - {*OF_TRACES, *PLAIN})


@pytest.mark.parametrize("name", sorted(functions(mlflow.metrics)))
def test_every_metric_is_of_rows_or_of_columns(name: str) -> None:
    factory = functions(mlflow.metrics)[name]
    if name == "latency":
        with pytest.raises(WorkbenchError, match="MLflow measures latency only where it calls"):
            adapt(factory, {})
    else:
        assert isinstance(adapt(factory, SETTINGS.get(name, {})), RowMetric | ColumnMetric)


@pytest.mark.parametrize("name", sorted(functions(mlflow.metrics.genai)))
def test_every_metric_that_calls_a_model_reaches_it(
    server: OpenAIServer, pool: EvaluatorPool, root: Path, name: str
) -> None:
    reply = json.dumps({"score": 4, "justification": "It names the city."})
    server.script = lambda path, body, nth: say(reply, created=0)
    spec = package_spec(f"mlflow.metrics.genai:{name}", root, GRANTED, model=MODEL)
    inputs = {"question": "Which capital?", "context": "France"}
    assert score_answers(pool, spec, ["It is Paris."], ["Paris"], inputs) == [
        Score(4.0, "It names the city.")
    ]
    assert [body["model"] for body in server.bodies] == ["judge-1"]


@pytest.mark.parametrize("name", PLAIN)
def test_a_scorer_without_a_model_has_its_value(pool: EvaluatorPool, root: Path, name: str) -> None:
    answers, settings = ["Paris", "me@example.org", "", "a long answer"], SETTINGS.get(name, {})
    spec = package_spec(f"mlflow.genai.scorers:{name}", root, **settings)
    feedback = [CLASSES[name](**settings)(outputs=text) for text in answers]
    expected = [Score(each.value == "yes", each.rationale) for each in feedback]
    assert score_answers(pool, spec, answers, [None] * 4) == expected
    assert len({score.value for score in expected}) == 2


@pytest.mark.parametrize("name", JUDGES)
def test_every_scorer_of_answers_reaches_its_model(
    server: OpenAIServer, pool: EvaluatorPool, root: Path, name: str
) -> None:
    replies = {"Paris": "yes", "Rome": "no"}

    def reply(path: str, body: Any, nth: int) -> Any:
        result = replies["Rome" if "Rome" in json.dumps(body) else "Paris"]
        return say(json.dumps({"result": result, "rationale": "It says so."}), created=0)

    server.script = reply
    settings = {**SETTINGS.get(name, {}), "model": MODEL}
    spec = package_spec(f"mlflow.genai.scorers:{name}", root, GRANTED, **settings)
    scores = score_answers(pool, spec, ["It is Paris.", "Rome"], ["Paris"] * 2, {"question": "?"})
    if name == "ExpectationsGuidelines":  # rows have one expected value
        assert ["Guidelines must be specified in the" in score.error for score in scores] == [
            True
        ] * 2
        return
    assert scores == [Score(True, "It says so."), Score(False, "It says so.")]
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", OF_TRACES)
def test_a_scorer_of_traces_is_refused(name: str) -> None:
    settings = {"guidelines": "be kind"} if "guidelines" in CLASSES[name].model_fields else {}
    message = refusal(adapt, CLASSES[name], settings)
    assert "judges traces or conversations, and gets an answer only\n  fix: use one of" in message


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("Safety", {"modle": MODEL}, "unknown setting of scorer 'safety': 'modle'\n  fix: did you "
         "mean 'model'? known: model, extra_headers, inference_params, timeout"),
        ("RegexMatch", {"patern": "a"}, "RegexMatch needs the setting 'pattern'"
         "\n  fix: RegexMatch: {pattern: …}"),
        ("RegexMatch", {"pattern": "("}, "RegexMatch: invalid regex pattern '(': missing ), "
         "unterminated subpattern at position 0"),
        ("ResponseLength", {}, "ResponseLength: ResponseLength requires at least one of "
         "`min_length` or `max_length`."),
        ("ResponseLength", {"max_length": "x"}, "ResponseLength: max_length: Input should be a "
         "valid integer, unable to parse string as an integer"),
    ],
)  # fmt: skip
def test_settings_of_a_scorer_are_checked(name: str, settings: Any, message: str) -> None:
    assert refusal(adapt, CLASSES[name], settings) == message


PROJECT = {
    "polite": "from mlflow.genai.scorers import scorer\n\n@scorer\n"
    "def polite(outputs, expectations):\n    return expectations['expected_response'] in outputs\n",
    "judge": "from mlflow.genai import make_judge\n\njudge = make_judge(name='judge', "
    "instructions='Is {{ outputs }} polite?', model='openai:/judge-1', feedback_value_type=bool)\n",
}


@pytest.mark.parametrize(
    ("name", "score"), [("polite", Score(True)), ("judge", Score(True, "It says so."))]
)
def test_a_scorer_of_the_project_is_taken_as_it_is(
    server: OpenAIServer, pool: EvaluatorPool, tmp_path: Path, name: str, score: Score
) -> None:
    reply = json.dumps({"result": True, "rationale": "It says so."})
    server.script = lambda path, body, nth: say(reply, created=0)
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / f"{name}.py").write_text(PROJECT[name])
    spec = package_spec(name, tmp_path, GRANTED)
    assert score_answers(pool, spec, ["Paris, please"], ["please"]) == [score]
