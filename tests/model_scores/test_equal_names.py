"""Models of equal names at different addresses: each gets its own requests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded_task import embed, run, write_embedded_task
from openai_server import OpenAIServer, Reply, answer, serve

MODEL = '{{"openai:{model}": {{base_url: "{url}"}}}}'
JUDGE = f'  - rubric: {{{{rubric: "Good.", name: {{name}}, model: {MODEL}}}}}'
SIMILAR = f"  - embedding_similarity: {{{{model: {MODEL}, name: {{name}}}}}}"
CASES = {
    "two judges": ((JUDGE, "m"), (JUDGE, "m")),
    "two judges of other organizations": ((JUDGE, "first/m"), (JUDGE, "second/m")),
    "two encoders": ((SIMILAR, "m"), (SIMILAR, "m")),
    "a judge and an encoder": ((JUDGE, "m"), (SIMILAR, "m")),
}


@pytest.fixture
def other() -> Iterator[OpenAIServer]:
    with serve() as server:
        yield server


def script(path: str, body: dict, nth: int) -> Reply:
    if path.endswith("embeddings"):
        return embed(path, body, nth)
    return Reply(body=answer("Verdict: yes"))


@pytest.mark.parametrize("title", CASES)
def test_each_address_gets_its_own_requests(
    title: str, tmp_path: Path, server: OpenAIServer, other: OpenAIServer
) -> None:
    servers, entries = (server, other), CASES[title]
    lines = [
        entry.format(name=name, model=model, url=each.url)
        for name, each, (entry, model) in zip(("a", "b"), servers, entries, strict=True)
    ]
    write_embedded_task(tmp_path, server, rows=[("Paris", "Rome")], evaluators="\n".join(lines))
    server.script = other.script = script
    metrics = run(tmp_path)["variants"][0]["metrics"]
    assert {name: metric["n"] for name, metric in metrics.items()} == {"a": 1, "b": 1}
    for each, (entry, model) in zip(servers, entries, strict=True):
        path = "/v1/chat/completions" if entry == JUDGE else "/v1/embeddings"
        assert {request.path for request in each.requests} == {path}
        assert {body["model"] for body in each.bodies} == {model}


def test_entries_that_name_an_equal_model_share_it(tmp_path: Path, server: OpenAIServer) -> None:
    lines = [JUDGE.format(name=name, model="m", url=server.url) for name in ("a", "b")]
    write_embedded_task(tmp_path, server, rows=[("Paris", "Rome")], evaluators="\n".join(lines))
    server.script = script
    assert set(run(tmp_path)["variants"][0]["metrics"]) == {"a", "b"}
    assert len(server.bodies) == 1  # equal rubrics are one question
