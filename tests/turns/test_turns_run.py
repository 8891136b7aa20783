"""Rows with turns: each turn is sent with the answers to the turns before it."""

import json
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from command import WORKBENCH, environment, invoke
from openai_server import HANG, OpenAIServer, Reply, answer, hold
from processes import wait_for, wait_until_stopping

ROWS, TURNS = 4, 3
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain]
models: [{model}]
evaluators:
  - contains
"""


def conversation(number: int) -> dict:
    turns = [{"text": f"row {number} turn {n}", "label": f"{n}"} for n in range(1, TURNS + 1)]
    return {"id": f"r{number}", "name": "Ann", "turns": turns}


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A task of conversations; the server counts the messages of the user."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    write_rows(tmp_path, [conversation(n) for n in range(ROWS)])
    (task / "plain.jinja").write_text("system:\nHelp {{ name }}.\nuser:\n{{ text }}\n")
    (tmp_path / "workbench.yaml").write_text(
        f'judge: {{model: {{"openai:judge": {{base_url: "{server.url}"}}}}}}\ntracking_uri: none\n'
    )
    write_experiment(tmp_path, server)
    server.script = reply
    return tmp_path


def write_rows(home: Path, rows: list) -> None:
    path = home / "prompts" / "qa" / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_experiment(home: Path, server: OpenAIServer, *, settings: str = "", more: str = "") -> None:
    model = f'"openai:m": {{base_url: "{server.url}", concurrency: 4}}'
    text = EXPERIMENT.format(model=f"{{{model}}}").replace("- contains\n", "- contains\n" + more)
    (home / "prompts" / "qa" / "experiment.yaml").write_text(text + settings)


def answer_to(body: dict) -> str:
    """The number of the turn and the last text of the user."""
    users = [turn["content"] for turn in body["messages"] if turn["role"] == "user"]
    return f"answer {len(users)} to {users[-1]}"


def reply(path: str, body: dict, nth: int) -> Reply:
    if body["model"] == "judge":
        return Reply(body=answer("Verdict: yes"))
    return Reply(body=answer(answer_to(body)))


def run(home: Path, *words: str, code: int = 0) -> dict:
    done = invoke(home, "run", "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def candidate_bodies(server: OpenAIServer) -> list[dict]:
    return [body for body in server.bodies if body["model"] == "m"]


def last_texts(server: OpenAIServer) -> Counter:
    return Counter(body["messages"][-1]["content"] for body in candidate_bodies(server))


def test_each_turn_is_sent_with_the_answers_before_it(home: Path, server: OpenAIServer) -> None:
    document = run(home)
    (variant,) = document["variants"]
    assert variant["metrics"]["contains"]["n"] == ROWS * TURNS
    assert document["requests"]["sent"] == ROWS * TURNS
    longest = max(candidate_bodies(server), key=lambda body: len(body["messages"]))
    number = longest["messages"][1]["content"].split()[1]
    assert [(turn["role"], turn["content"]) for turn in longest["messages"]] == [
        ("system", "Help Ann."),
        ("user", f"row {number} turn 1"),
        ("assistant", f"answer 1 to row {number} turn 1"),
        ("user", f"row {number} turn 2"),
        ("assistant", f"answer 2 to row {number} turn 2"),
        ("user", f"row {number} turn 3"),
    ]
    again = run(home)
    assert (again["requests"]["sent"], again["requests"]["stored"]) == (0, ROWS * TURNS)
    assert len(server.bodies) == ROWS * TURNS
