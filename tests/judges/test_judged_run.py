"""A run with judges: verdicts are requests, paid for once."""

import json
from pathlib import Path

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, answer

ROWS = 12
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [{prompts}]
models: [echo:last]
evaluators:
  - exact_match
  - rubric: "It is polite."
"""


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A task whose answers are their rows, and a judge that finds every third polite."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": f"row {n}"} for n in range(ROWS)]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    (tmp_path / "workbench.yaml").write_text(
        f'judge: {{model: {{"openai:judge": {{base_url: "{server.url}"}}}}}}\ntracking_uri: none\n'
    )
    server.script = lambda path, body, nth: Reply(body=answer(verdict(body)))
    return tmp_path


def write_experiment(home: Path, prompts: str = "plain") -> None:
    path = home / "prompts" / "qa" / "experiment.yaml"
    path.write_text(EXPERIMENT.format(prompts=prompts))


def judged_text(body: dict) -> str:
    """The text between the marker's lines."""
    content = body["messages"][-1]["content"]
    return content.split("The answer:\n")[1].split("\n")[1]


def verdict(body: dict) -> str:
    number = int(judged_text(body).split()[1])
    return f"Row {number} is judged.\nVerdict: {'yes' if number % 3 == 0 else 'no'}"


def run(home: Path, *words: str) -> dict:
    done = invoke(home, "run", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_answer_is_judged_once(home: Path, server: OpenAIServer) -> None:
    write_experiment(home)
    (variant,) = run(home)["variants"]
    assert variant["metrics"]["rubric"]["mean"] == pytest.approx(4 / 12)
    assert len(server.bodies) == ROWS
    run(home)
    assert len(server.bodies) == ROWS


def test_only_new_answers_are_judged(home: Path, server: OpenAIServer) -> None:
    write_experiment(home)
    run(home)
    write_experiment(home, "plain, loud")
    run(home)
    assert len(server.bodies) == 2 * ROWS
    assert {judged_text(body)[:3] for body in server.bodies[ROWS:]} == {"ROW"}
