"""Scorers of autoevals that call a model: a server on loopback, named by the environment."""

from pathlib import Path
from typing import Any

import pytest
from openai_server import OpenAIServer, Reply, answer, refuse
from scored_answers import GRANTED, call_tool, package_spec, score_answers

from workbench.evaluator import Score, Spec
from workbench.scoring.pool import EvaluatorPool


def test_a_judge_calls_the_model_that_the_environment_names(
    server: OpenAIServer, pool: EvaluatorPool, root: Path
) -> None:
    server.script = lambda path, body, nth: call_tool(body, choice="C", reasons="They agree.")
    spec = package_spec("autoevals:Factuality", root, GRANTED, model="judge-1", temperature=0)
    outputs, inputs = ["It is Paris.", "Paris"], {"question": "Which capital has France?"}
    scores = score_answers(pool, spec, outputs, ["Paris", "Paris"], inputs)
    assert scores == [Score(1.0, "C: They agree.")] * 2
    (request, _) = server.requests
    assert (request.path, request.headers["authorization"]) == (
        "/v1/chat/completions",
        "Bearer sk-loopback",
    )
    assert (request.body["model"], request.body["temperature"]) == ("judge-1", 0)
    sent = request.body["messages"][0]["content"]
    for text in ("[Question]: Which capital has France?", "[Expert]: Paris", "It is Paris."):
        assert text in sent
    (missing,) = score_answers(pool, spec, ["Paris"], [None], inputs)
    assert missing == Score(error="there is no expected value")
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("settings", "inputs", "sent"),
    [
        ({"criteria": "is short"}, {"task": "Greet."}, ("[Task]: Greet.", "is short")),
        ({}, {"task": "Greet.", "criteria": "is kind"}, ("[Task]: Greet.", "is kind")),
        ({"criteria": "is short"}, {"a": "b", "input": "Bow."}, ("[Task]: Bow.", "is short")),
        ({"criteria": "is short"}, {"a": "b", "c": 1}, ("[Task]: {'a': 'b', 'c': 1}", "is short")),
    ],
)
def test_names_of_a_template_are_settings_or_columns(
    server: OpenAIServer, pool: EvaluatorPool, root: Path, settings: Any, inputs: Any, sent: Any
) -> None:
    server.script = lambda path, body, nth: call_tool(body, choice="Y")
    spec = package_spec("autoevals:ClosedQA", root, GRANTED, model="judge-1", **settings)
    assert score_answers(pool, spec, ["Hi!"], [None], inputs) == [Score(1.0, "Y")]
    assert [text for text in sent if text not in server.bodies[0]["messages"][0]["content"]] == []


def test_a_judge_without_a_name_of_its_template_sends_nothing(
    server: OpenAIServer, pool: EvaluatorPool, root: Path
) -> None:
    spec = package_spec("autoevals:ClosedQA", root, GRANTED, model="judge-1")
    error = "its template needs 'criteria', as a setting or a column of the rows"
    assert score_answers(pool, spec, ["Hi!"], [None], {"task": "Greet."}) == [Score(error=error)]
    assert server.requests == []


def test_a_judge_is_written_in_the_experiment_file_or_in_the_project(
    server: OpenAIServer, pool: EvaluatorPool, root: Path
) -> None:
    server.script = lambda path, body, nth: call_tool(body, choice="good", reasons="Short.")
    template, choices = "Rate for {{audience}}: {{output}}", {"good": 0.5, "bad": 0}
    settings = {"prompt_template": template, "choice_scores": choices, "audience": "children"}
    in_file = package_spec("autoevals:LLMClassifier", root, GRANTED, model="judge-1", **settings)
    (root / "evaluators").mkdir(exist_ok=True)
    (root / "evaluators" / "own.py").write_text(
        "import autoevals, openai\nautoevals.init(openai.OpenAI(), default_model='judge-1')\n"
        f"own = autoevals.LLMClassifier('own', {template!r}, {choices!r}, audience='children')\n"
    )
    for spec in (in_file, package_spec("own", root, GRANTED)):
        assert score_answers(pool, spec, ["Hi!"], [None]) == [Score(0.5, "good: Short.")]
    assert server.bodies[0] == server.bodies[1]
    assert server.bodies[0]["messages"][0]["content"].startswith("Rate for children: Hi!")


def test_embeddings_and_moderation_are_asked_of_the_same_server(
    server: OpenAIServer, pool: EvaluatorPool, root: Path
) -> None:
    def reply(path: str, body: Any, nth: int) -> Reply:
        if path == "/v1/moderations":
            flagged = "kill" in body["input"]
            return Reply(body={"results": [{"flagged": flagged, "category_scores": {}}]})
        vector = [1.0, 0.0] if body["input"] == "Paris" else [0.8, 0.6]
        return Reply(body={"data": [{"embedding": vector, "index": 0}]})

    server.script = reply
    similar = package_spec("autoevals:EmbeddingSimilarity", root, GRANTED, expected_min=0.5)
    (score,) = score_answers(pool, similar, ["It is Paris."], ["Paris"])
    assert (score.value, score.error) == (pytest.approx(0.6), "")
    moderation = package_spec("autoevals:Moderation", root, GRANTED)
    assert score_answers(pool, moderation, ["Hi!", "kill"], [None] * 2) == [Score(1.0), Score(0.0)]


def test_faithfulness_reads_the_context_of_the_row(
    server: OpenAIServer, pool: EvaluatorPool, root: Path
) -> None:
    def reply(path: str, body: Any, nth: int) -> Reply:
        if body["tools"][0]["function"]["name"] == "judge_statements":
            verdicts: Any = [{"statement": "a", "verdict": 1}, {"statement": "b", "verdict": 0}]
            return call_tool(body, faithfulness=verdicts)
        statements: Any = ["a", "b"]
        return call_tool(body, statements=statements)

    server.script = reply
    spec = package_spec("autoevals.ragas:Faithfulness", root, GRANTED, model="judge-1")
    inputs = {"question": "Where is it?", "context": "Paris is the capital."}
    assert score_answers(pool, spec, ["In Paris."], [None], inputs) == [Score(0.5)]
    sent = [body["messages"][0]["content"] for body in server.bodies]
    assert ("Where is it?" in sent[0], "Paris is the capital." in sent[1]) == (True, True)
    (error,) = score_answers(pool, spec, ["In Paris."], [None], {"question": "Where is it?"})
    assert error.error.startswith("ValueError: Faithfulness requires context value")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refuse(401, "Incorrect API key"), "AuthenticationError: Error code: 401"),
        (Reply(body=answer("C")), "ValueError: No tool call found in response"),
        (refuse(429, "slow down"), "took longer than 3 s"),
    ],
)
def test_a_failed_call_is_an_error_of_its_row(
    server: OpenAIServer, pool: EvaluatorPool, root: Path, reply: Reply, error: str
) -> None:
    server.script = lambda path, body, nth: reply
    settings = {"model": "judge-1"}
    spec = Spec("autoevals:Factuality", settings, root, env=GRANTED, timeout_s=3)
    (score,) = score_answers(pool, spec, ["Paris"], ["Paris"], {"question": "Where?"})
    assert score.error.startswith(error)
