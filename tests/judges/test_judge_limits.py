"""Limits on cost with judges: one on answers and verdicts together, one on verdicts alone."""

from pathlib import Path
from typing import Any

import pytest
from command import invoke
from judged_task import ROWS, run, verdicts, write_judged_task
from openai_server import OpenAIServer, Reply

# In thousandths of the currency, as are the tokens that the server counts.
PRICES = """\
prices:
  "openai:m": {input: 1000, output: 1000}
  "openai:judge": {input: 1000, output: 1000}
"""
USAGE = {
    "m": {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50},
    "judge": {"prompt_tokens": 490, "completion_tokens": 10, "total_tokens": 500},
}
COST = {name: usage["total_tokens"] / 1000 for name, usage in USAGE.items()}
JUDGE = '  - rubric: {rubric: "It is polite.", name: polite, parameters: {max_tokens: 10}}'


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A candidate and a judge whose calls cost 0.05 and 0.5."""
    candidate = f'{{"openai:m": {{base_url: "{server.url}", parameters: {{max_tokens: 10}}}}}}'
    write_judged_task(tmp_path, server, judges=[JUDGE], model=candidate, settings=PRICES)

    def script(path: str, body: dict[str, Any], nth: int) -> Reply:
        reply = verdicts(path, body, nth)
        return Reply(body={**reply.body, "usage": USAGE[body["model"]]})

    server.script = script
    return tmp_path


def count(server: OpenAIServer, model: str) -> int:
    return sum(body["model"] == model for body in server.bodies)


def test_one_limit_covers_answers_and_verdicts(home: Path, server: OpenAIServer) -> None:
    run(home, "--max-cost", "3", exit_code=4)
    spent = sum(COST[body["model"]] for body in server.bodies)
    assert spent <= 3
    assert 1 <= count(server, "judge") < ROWS
    run(home)
    assert (count(server, "m"), count(server, "judge")) == (ROWS, ROWS)


def test_answers_go_on_where_judges_have_spent_their_limit(
    home: Path, server: OpenAIServer
) -> None:
    document = run(home, "--max-judge-cost", "2.6", exit_code=4)
    assert count(server, "m") == ROWS
    assert 1 <= count(server, "judge") <= 5
    (variant,) = document["variants"]
    polite, match = (variant["metrics"][name] for name in ("polite", "exact_match"))
    assert (polite["n"], match["n"]) == (count(server, "judge"), ROWS)
    assert polite["errors"] == ROWS - polite["n"]


def test_the_lower_of_two_limits_holds(home: Path, server: OpenAIServer) -> None:
    run(home, "--max-cost", "100", "--max-judge-cost", "2.6", exit_code=4)
    assert count(server, "judge") <= 5
    run(home, "--max-cost", "1", "--max-judge-cost", "100", exit_code=4)
    assert count(server, "judge") <= 6


def test_limits_that_suffice_are_no_limits(home: Path, server: OpenAIServer) -> None:
    run(home, "--max-cost", "20", "--max-judge-cost", "19")
    assert (count(server, "m"), count(server, "judge")) == (ROWS, ROWS)


def test_a_judge_without_a_price_is_refused_before_a_call(home: Path, server: OpenAIServer) -> None:
    file = home / "workbench.yaml"
    file.write_text(file.read_text().replace('"openai:judge": {input', '"openai:other": {input'))
    done = invoke(home, "run", "--max-cost", "3")
    assert (done.returncode, server.bodies) == (2, [])
    assert "--max-cost can't be enforced: openai:judge has no price" in done.stderr
