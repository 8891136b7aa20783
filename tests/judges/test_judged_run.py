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


def experiment_with(home: Path, evaluators: str, prompts: str = "plain") -> None:
    path = home / "prompts" / "qa" / "experiment.yaml"
    head = EXPERIMENT.format(prompts=prompts).partition("  - exact_match")[0]
    path.write_text(head + evaluators)


def metrics(document: dict, name: str) -> dict:
    (variant,) = document["variants"]
    return variant["metrics"][name]


def test_a_verdict_that_can_not_be_read_is_an_error_and_never_zero(
    home: Path, server: OpenAIServer
) -> None:
    write_experiment(home)
    replies = {0: "Verdict: yes", 1: "maybe", 2: ""}
    server.script = lambda path, body, nth: Reply(
        body=answer(replies[int(judged_text(body).split()[1]) % 3])
    )
    done = invoke(home, "run", "--json")
    assert done.returncode == 3
    rubric = metrics(json.loads(done.stdout), "rubric")
    assert (rubric["n"], rubric["errors"], rubric["mean"]) == (4, 8, 1.0)
    sent = len(server.bodies)
    assert invoke(home, "run", "--json").returncode == 3
    assert len(server.bodies) == sent  # the replies are stored


def test_a_judge_without_a_reply_is_asked_again(home: Path, server: OpenAIServer) -> None:
    write_experiment(home)
    server.script = lambda path, body, nth: Reply(400, {"error": {"message": "no such row"}})
    done = invoke(home, "run", "--json")
    assert done.returncode == 3
    rubric = metrics(json.loads(done.stdout), "rubric")
    assert (rubric["n"], rubric["errors"]) == (0, ROWS)


def test_a_panel_asks_each_model_and_the_majority_counts(home: Path, server: OpenAIServer) -> None:
    models = ", ".join(
        f'{{"openai:{name}": {{base_url: "{server.url}"}}}}' for name in ("a", "b", "c")
    )
    experiment_with(home, f'  - rubric: {{rubric: "Polite.", models: [{models}]}}\n')
    votes = {"a": "yes", "b": "no", "c": "yes"}
    server.script = lambda path, body, nth: Reply(body=answer(f"Verdict: {votes[body['model']]}"))
    assert metrics(run(home), "rubric")["mean"] == 1.0
    assert len(server.bodies) == 3 * ROWS


def test_samples_are_requests_of_their_own(home: Path, server: OpenAIServer) -> None:
    experiment_with(home, '  - rubric: {rubric: "Polite.", samples: 3, combine: mean}\n')
    server.script = lambda path, body, nth: Reply(
        body=answer("Verdict: yes" if nth == 1 else "Verdict: no")
    )
    assert metrics(run(home), "rubric")["mean"] == pytest.approx(1 / 3)
    assert len(server.bodies) == 3 * ROWS


def test_the_judge_is_asked_where_a_check_does_not_settle_the_row(
    home: Path, server: OpenAIServer
) -> None:
    rows = [
        {"id": f"r{n}", "text": f"row {n}", "label": f"row {n if n % 2 else 99}"}
        for n in range(ROWS)
    ]
    task = home / "prompts" / "qa"
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    experiment_with(
        home,
        '  - exact_match\n  - rubric: {rubric: "The same.", only_if: exact_match is false}\n',
    )
    rubric = metrics(run(home), "rubric")
    assert len(server.bodies) == ROWS / 2
    assert rubric["mean"] == pytest.approx((6 + 2) / 12)  # of rows 0, 2, 4, … each third is polite


def test_the_most_calls_limit_answers_and_judges_together(home: Path, server: OpenAIServer) -> None:
    write_experiment(home)
    done = invoke(home, "run", "--json", "--max-calls", str(ROWS + 5))
    assert done.returncode == 4
    assert len(server.bodies) == 5
    assert metrics(json.loads(done.stdout), "rubric")["errors"] == ROWS - 5
    run(home)
    assert len(server.bodies) == ROWS


def test_judges_have_a_limit_of_their_own(home: Path, server: OpenAIServer) -> None:
    write_experiment(home)
    done = invoke(home, "run", "--max-judge-cost", "1")
    assert done.returncode == 2
    assert "openai:judge has no price" in done.stderr
    with (home / "workbench.yaml").open("a") as file:
        file.write('prices: {"openai:judge": {input: 1000, output: 1000}}\n')
    done = invoke(home, "run", "--json", "--max-judge-cost", "0.5")
    assert done.returncode == 4
    assert len(server.bodies) == 0  # a verdict may cost more than that
    assert done.returncode == 4


def test_the_plan_shows_the_most_that_judges_may_be_asked(home: Path, server: OpenAIServer) -> None:
    write_experiment(home)
    planned = json.loads(invoke(home, "plan", "--json").stdout)
    (judge,) = planned["judges"]
    assert (judge["name"], judge["requests"], judge["stored"]) == ("rubric", ROWS, 0)
    assert "judge rubric on openai:judge: at most 12 requests" in invoke(home, "plan").stdout
    run(home)
    (judge,) = json.loads(invoke(home, "plan", "--json").stdout)["judges"]
    assert (judge["requests"], judge["stored"]) == (0, ROWS)
    assert len(server.bodies) == ROWS


def test_commands_that_only_read_send_nothing_and_say_what_is_not_judged(
    home: Path, server: OpenAIServer
) -> None:
    write_experiment(home, "plain, loud")
    head = EXPERIMENT.format(prompts="plain, loud").partition("  - rubric")[0]
    path = home / "prompts" / "qa" / "experiment.yaml"
    path.write_text(head)
    run(home)
    write_experiment(home, "plain, loud")
    done = invoke(home, "compare", "--json")
    assert done.returncode == 0
    assert len(server.bodies) == 0
    run(home)
    compared = json.loads(invoke(home, "compare", "--json").stdout)
    assert compared["variants"][0]["metrics"]["rubric"]["n"] == ROWS
    assert len(server.bodies) == 2 * ROWS


def test_judges_are_no_task(home: Path) -> None:
    write_experiment(home)
    folder = home / "prompts" / "judges"
    folder.mkdir()
    (folder / "helpful.jinja").write_text(
        "---\nscores: {yes: 1, no: 0}\n---\nuser:\n{{ output }}\n"
    )
    assert invoke(home, "run", "--json").returncode == 0  # without a task: the only one
    refused = invoke(home, "run", "judges")
    assert refused.returncode == 2
    assert "'judges' is no task" in refused.stderr
    linted = invoke(home, "prompts", "lint", "judges")
    assert linted.returncode == 2
    assert "outputs" in linted.stdout + linted.stderr
