"""Races and gates with pairs: a pair is judged once both answers are there."""

from pathlib import Path
from typing import Any

import pytest
from command import invoke
from judged_task import run, write_judged_task
from openai_server import OpenAIServer, Reply, answer

ROWS = 150
PAIR = "  - pairwise: {name: better}"


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """The baseline answers in lower case, which the judge prefers."""
    candidate = f'{{"openai:m": {{base_url: "{server.url}", concurrency: 4}}}}'
    texts = [f"row {n}" for n in range(ROWS)]
    write_judged_task(
        tmp_path, server, judges=[PAIR], prompts="plain, loud", model=candidate, texts=texts
    )

    def script(path: str, body: dict[str, Any], nth: int) -> Reply:
        content = body["messages"][-1]["content"]
        if body["model"] != "judge":
            return Reply(body=answer(content))
        first = content.split("The first answer:\n")[1].split("\n")[1]
        return Reply(body=answer(f"Verdict: {'first' if first.islower() else 'second'}"))

    server.script = script
    return tmp_path


def test_in_a_race_a_pair_waits_for_both_answers(home: Path, server: OpenAIServer) -> None:
    """The loud variant never matches, and drops out; each pair of the others is judged."""
    document = run(home, "--race", "--race-on", "exact_match")
    assert list(document["race"]["out"]) == ["loud"]
    plain, loud = document["variants"]
    pairs, answers = (loud["metrics"][name]["n"] for name in ("better", "exact_match"))
    assert (plain["metrics"]["exact_match"]["n"], loud["metrics"]["better"]["mean"]) == (ROWS, 0)
    assert 0 < pairs == answers < ROWS
    assert sum(body["model"] == "judge" for body in server.bodies) == 2 * pairs


@pytest.mark.parametrize(("rule", "exit_code"), [("min: 0.5", 1), ("max: 0.5", 0)])
def test_a_gate_decides_by_pairs(home: Path, rule: str, exit_code: int) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(file.read_text() + f"gate: {{better: {{{rule}}}}}\n")
    run(home)
    done = invoke(home, "gate", "loud")
    assert done.returncode == exit_code, done.stdout + done.stderr


def test_a_race_by_pairs_drops_who_loses_them(home: Path, server: OpenAIServer) -> None:
    document = run(home, "--race", "--race-on", "better")
    assert list(document["race"]["out"]) == ["loud"]
    plain, loud = document["variants"]
    assert plain["rows"]["scored"] == ROWS > loud["rows"]["scored"]
    assert loud["metrics"]["better"]["mean"] == 0


def test_a_race_keeps_the_baseline_of_pairs(home: Path, server: OpenAIServer) -> None:
    """The baseline is clearly worse, and stays, as pairs need its answers."""
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(file.read_text().replace("[plain, loud]", "[loud, plain]"))
    document = run(home, "--race", "--race-on", "exact_match")
    assert document["race"]["out"] == {}
    _, plain = document["variants"]
    assert (plain["metrics"]["better"]["n"], plain["metrics"]["better"]["mean"]) == (ROWS, 1)


def test_a_growing_gate_asks_for_both_answers_of_a_pair(home: Path, server: OpenAIServer) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(file.read_text() + "gate: {better: {min: 0.5}}\n")
    done = invoke(home, "gate", "--grow", "loud", "--max-calls", "1000", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    asked = {body["messages"][-1]["content"] for body in server.bodies if body["model"] != "judge"}
    assert 0 < len(asked) < 2 * ROWS
    assert {text.islower() for text in asked} == {True, False}
