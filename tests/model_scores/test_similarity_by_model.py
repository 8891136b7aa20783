"""Similarity by an API's embeddings: requests like any other, each text paid for once."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import invoke
from embedded_task import (
    NUMBERS,
    ROWS,
    embed,
    embedded,
    packed,
    run,
    vector,
    write_embedded_task,
)
from hypothesis import given
from hypothesis import strategies as st
from openai_server import OpenAIServer, Reply, refuse

from workbench.answers.embedding import read_vector, vector_text

METRIC = "embedding_similarity"


def cosine(left: list[float], right: list[float]) -> float:
    return float(np.dot(left, right) / np.linalg.norm(left) / np.linalg.norm(right))


def expected_mean(rows: Any = ROWS, numbers: int = NUMBERS) -> float:
    values = []
    for text, label in rows:
        labels = label if isinstance(label, list) else [label]
        values.append(max(cosine(vector(text, numbers), vector(each, numbers)) for each in labels))
    return float(np.mean(values))


def test_the_score_is_the_cosine_to_the_nearest_expected_text(
    tmp_path: Path, server: OpenAIServer
) -> None:
    write_embedded_task(tmp_path, server)
    metric = run(tmp_path)["variants"][0]["metrics"][METRIC]
    assert metric["mean"] == pytest.approx(expected_mean(), abs=1e-6)
    texts = Counter(body["input"] for body in server.bodies)
    assert texts == Counter({"Paris": 1, "a kitten": 1, "a cat": 1, "four": 1, "4": 1})
    assert server.bodies[0] == {"model": "near", "input": "Paris", "encoding_format": "base64"}


def test_a_text_is_paid_for_once(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    run(tmp_path)
    run(tmp_path)
    assert len(server.bodies) == 5
    write_embedded_task(tmp_path, server, prompts="plain, loud")
    run(tmp_path)
    assert [body["input"] for body in server.bodies[5:]] == ["PARIS", "A KITTEN", "FOUR"]


def test_other_dimensions_are_other_requests(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    run(tmp_path)
    write_embedded_task(tmp_path, server, settings=", dimensions: 4, name: short")
    metric = run(tmp_path)["variants"][0]["metrics"]["short"]
    assert metric["mean"] == pytest.approx(expected_mean(numbers=4), abs=1e-6)
    assert {body["dimensions"] for body in server.bodies[5:]} == {4}


def test_an_empty_answer_is_similar_to_nothing(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server, rows=[("a {# nothing #}", "a")])
    (tmp_path / "prompts/qa/plain.jinja").write_text("user:\n{{ text }}\nassistant:\n \n")
    server.script = embed
    document = run(tmp_path)
    assert document["variants"][0]["metrics"][METRIC]["n"] == 1


REPLIES: dict[str, tuple[Callable[[list[float]], Reply], str]] = {
    "numbers": (lambda numbers: Reply(body=embedded(numbers)), ""),
    "base64": (lambda numbers: Reply(body=embedded(packed(numbers))), ""),
    "whole numbers": (lambda _: Reply(body=embedded([1, 0, 0])), ""),
    "no data": (lambda _: Reply(body={"object": "list", "data": []}), "0 came"),
    "two": (
        lambda numbers: Reply(body=embedded(numbers, data=[{"embedding": numbers}] * 2)),
        "2 came",
    ),
    "an empty vector": (lambda _: Reply(body=embedded([])), "it is []"),
    "null": (lambda _: Reply(body=embedded(None)), "it is null"),
    "texts": (lambda _: Reply(body=embedded(["a"])), "no number"),
    "truth": (lambda _: Reply(body=embedded([True, False])), "no number"),
    "half a number": (lambda _: Reply(body=embedded("AAA=")), "2 bytes"),
    "no base64": (lambda _: Reply(body=embedded("{}")), "not base64"),
    "not a number": (lambda _: Reply(body=embedded(packed([float("nan")]))), "not finite"),
    "too large": (lambda _: Reply(body=embedded([1e300])), "32 bits"),
    "an answer": (
        lambda _: Reply(body={"choices": [{"message": {"content": "Hi"}}]}),
        "no embedding",
    ),
    "a list": (lambda _: Reply(body=[1, 2]), "not an object"),
    "refused": (
        lambda _: refuse(400, "This model's maximum context length is 512 tokens"),
        "512 tokens",
    ),
}


@pytest.mark.parametrize("title", REPLIES)
def test_a_reply_is_a_vector_or_an_error_of_its_row(
    title: str, tmp_path: Path, server: OpenAIServer
) -> None:
    reply, error = REPLIES[title]
    write_embedded_task(tmp_path, server, rows=[("one", "two"), ("three", "four")])
    numbers = {"one": vector("one"), "two": vector("two")}

    def script(path: str, body: dict[str, Any], nth: int) -> Reply:
        text = body["input"]
        return reply(numbers[text]) if text in numbers else embed(path, body, nth)

    server.script = script
    document = run(tmp_path, exit_code=3 if error else 0)
    metric = document["variants"][0]["metrics"][METRIC]
    shown = invoke(tmp_path, "run", "--json").stderr + json.dumps(document)
    if error:
        assert (metric["n"], metric["errors"]) == (1, 1), metric
        assert error in shown
    else:
        assert (metric["n"], metric["errors"]) == (2, 0), metric


ENTRY = "  - embedding_similarity: "
REFUSED = {
    "no model of an API": ("{model: echo:last}", "'echo:last' gives no embeddings", "encoder"),
    "two ways": ("{model: openai:m, encoder: all-minilm-l6-v2}", "both set", "keep one"),
    "another API": (
        "{model: {openai:m: {api: chat}}}",
        "'openai:m' gives no embeddings",
        "api: embeddings",
    ),
    "a parameter of answers": (
        "{model: {openai:m: {parameters: {temperature: 0}}}}",
        "an embedding has no temperature",
        "remove `temperature`",
    ),
    "no dimensions": ("{model: openai:m, dimensions: 0}", "dimensions", "1"),
    "a misspelt setting": ("{model: openai:m, dimension: 8}", "dimension", "dimensions"),
    "no name of a model": ("{model: openai}", "not a model", "openai:gpt-6-luna"),
    "a setting of the model": ("{model: {openai:m: {base_ulr: x}}}", "base_ulr", "base_url"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_an_entry_that_can_not_work_is_refused_with_its_place(
    title: str, tmp_path: Path, server: OpenAIServer
) -> None:
    entry, problem, fix = REFUSED[title]
    write_embedded_task(tmp_path, server, evaluators=f"{ENTRY}{entry}")
    done = invoke(tmp_path, "run")
    assert done.returncode == 2
    assert "prompts/qa/experiment.yaml:5" in done.stderr
    assert problem in done.stderr
    assert fix in done.stderr
    assert server.bodies == []


def test_a_model_of_embeddings_answers_no_prompts(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    path = tmp_path / "prompts/qa/experiment.yaml"
    path.write_text(path.read_text().replace("echo:last", "openai:near: {api: embeddings}"))
    done = invoke(tmp_path, "run")
    assert done.returncode == 2
    assert "openai:near gives embeddings, and answers no prompts" in done.stderr


def test_a_row_without_an_expected_text_is_an_error_of_its_own(
    tmp_path: Path, server: OpenAIServer
) -> None:
    write_embedded_task(tmp_path, server, rows=[("Paris", "Paris"), ("Rome", "")])
    metric = run(tmp_path, exit_code=3)["variants"][0]["metrics"][METRIC]
    assert (metric["n"], metric["errors"]) == (1, 1)
    assert [body["input"] for body in server.bodies] == ["Paris"]


def test_the_plan_names_the_most_requests(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    (tmp_path / "workbench.yaml").write_text(
        'tracking_uri: none\nprices: {"openai:near": {input: 1, output: 0}}\n'
    )
    done = invoke(tmp_path, "plan", "--json")
    (forecast,) = json.loads(done.stdout)["judges"]
    assert (forecast["kind"], forecast["requests"], forecast["output_tokens"]) == (
        *("embeddings", 3 + 4),
        0,
    )
    assert forecast["high"] == pytest.approx(forecast["input_tokens"] / 1e6)
    run(tmp_path)
    (forecast,) = json.loads(invoke(tmp_path, "plan", "--json").stdout)["judges"]
    assert (forecast["requests"], forecast["stored"]) == (0, 3)
    assert "embeddings embedding_similarity on openai:near" in invoke(tmp_path, "plan").stdout


def test_a_limit_on_calls_covers_embeddings(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    invoke(tmp_path, "run", "--max-calls", "5")
    assert len(server.bodies) == 2
    run(tmp_path)
    assert len(server.bodies) == 5


def test_the_summary_counts_its_requests(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    assert "3 requests, 3 sent, 5 for scores" in invoke(tmp_path, "run").stdout


def test_explain_names_the_requests_of_a_row(tmp_path: Path, server: OpenAIServer) -> None:
    write_embedded_task(tmp_path, server)
    run(tmp_path)
    shown = invoke(tmp_path, "store", "explain", "--task", "qa", "r1").stdout
    assert shown.count("embedding_similarity on openai:near") == 2
    assert "not stored" not in shown
    assert "judge" not in shown


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_a_vector_survives_its_text(numbers: list[float]) -> None:
    assert list(read_vector(vector_text(numbers))) == numbers
