"""A run with judges: verdicts are requests, paid for once."""

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


def api_experiment(
    home: Path, server: OpenAIServer, prompts: str = "plain", more: str = ""
) -> None:
    """A candidate behind the same server as its judge."""
    path = home / "prompts" / "qa" / "experiment.yaml"
    text = EXPERIMENT.format(prompts=prompts) + more
    model = f'{{"openai:m": {{base_url: "{server.url}", concurrency: 4}}}}'
    path.write_text(text.replace("[echo:last]", f"[{model}]"))


def reply(body: dict, **more: object) -> Reply:
    """The candidate repeats its row; the judge judges."""
    if body["model"] == "judge":
        return Reply(body=answer(verdict(body)), **more)
    return Reply(body=answer(body["messages"][-1]["content"]), **more)


def test_verdicts_are_asked_for_while_other_rows_are_answered(
    home: Path, server: OpenAIServer
) -> None:
    api_experiment(home, server)
    server.script = lambda path, body, nth: reply(body, delay_s=1.2)
    assert metrics(run(home), "rubric")["mean"] == pytest.approx(4 / 12)
    models = [body["model"] for body in server.bodies]
    assert sorted(models) == ["judge"] * ROWS + ["m"] * ROWS
    assert models.index("judge") < len(models) - 1 - models[::-1].index("m")


def test_a_killed_run_goes_on_without_asking_again(home: Path, server: OpenAIServer) -> None:
    api_experiment(home, server)
    for stop_after in (3, ROWS, ROWS + 4, 2 * ROWS - 1):
        server.script = lambda path, body, nth, most=stop_after: (
            HANG if len(server.requests) > most else reply(body)
        )
        process = subprocess.Popen(
            [*WORKBENCH, "run"],
            cwd=home,
            env=environment(MLFLOW_TRACKING_URI="none"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda most=stop_after: len(server.requests) > most)
        process.kill()
        process.wait()
    server.script = lambda path, body, nth: reply(body)
    assert metrics(run(home), "rubric")["mean"] == pytest.approx(4 / 12)
    answered = Counter((body["model"], body["messages"][-1]["content"]) for body in server.bodies)
    assert len(answered) == 2 * ROWS
    # Only calls that were in flight at a kill, or whose reply had just come, are made again.
    assert sum(answered.values()) <= 2 * ROWS + 4 * 16


def test_a_stopped_run_keeps_its_verdicts(home: Path, server: OpenAIServer) -> None:
    api_experiment(home, server)
    stops = threading.Event()
    server.script = lambda path, body, nth: hold(
        reply(body), lambda: body["model"] == "m" or stops.is_set()
    )
    process = subprocess.Popen(
        [*WORKBENCH, "run"],
        cwd=home,
        env=environment(MLFLOW_TRACKING_URI="none"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: sum(body["model"] == "judge" for body in server.bodies) >= 3)
    process.send_signal(signal.SIGINT)
    wait_until_stopping(process)
    stops.set()
    process.communicate(timeout=200)
    assert process.returncode == 130
    sent = len(server.bodies)
    run(home)
    assert len(server.bodies) == 2 * ROWS
    assert sent <= 2 * ROWS


def test_a_race_goes_by_verdicts(home: Path, server: OpenAIServer) -> None:
    """The loud variant is never polite."""
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": "x"} for n in range(200)]
    task = home / "prompts" / "qa"
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    api_experiment(home, server, "plain, loud")
    server.script = lambda path, body, nth: (
        Reply(body=answer(f"Verdict: {'yes' if judged_text(body)[0] == 'r' else 'no'}"))
        if body["model"] == "judge"
        else Reply(body=answer(body["messages"][-1]["content"]))
    )
    document = run(home, "--race", "--race-on", "rubric")
    assert list(document["race"]["out"]) == ["loud"]
    plain, loud = document["variants"]
    assert plain["metrics"]["rubric"]["n"] == 200
    assert loud["metrics"]["rubric"]["n"] < 100


def test_a_growing_gate_asks_its_judge(home: Path, server: OpenAIServer) -> None:
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": "x"} for n in range(200)]
    task = home / "prompts" / "qa"
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    api_experiment(home, server, "plain, loud", "gate: {rubric: {min: 0.5}}\n")
    server.script = lambda path, body, nth: (
        Reply(body=answer("Verdict: yes"))
        if body["model"] == "judge"
        else Reply(body=answer(body["messages"][-1]["content"]))
    )
    done = invoke(home, "gate", "--grow", "loud", "--max-calls", "1000")
    assert done.returncode == 0, done.stdout + done.stderr
    judged = sum(body["model"] == "judge" for body in server.bodies)
    assert 10 <= judged < 200


def pair_experiment(home: Path, prompts: str = "plain, loud") -> None:
    experiment_with(home, "  - exact_match\n  - pairwise: {}\n", prompts)


def pair_verdict(body: dict, better: str) -> str:
    """`first` or `second`, whichever answer begins with `better`; else always `first`."""
    content = body["messages"][-1]["content"]
    second = content.split("The second answer:\n")[1].split("\n")[1]
    return "Verdict: second" if second.startswith(better) else "Verdict: first"


PAIRS = {"ROW": 1.0, "row": 0.0, "neither": 0.5}  # the loud answer wins, loses, the order decides


@pytest.mark.parametrize("better", PAIRS)
def test_a_pair_is_judged_in_both_orders(home: Path, server: OpenAIServer, better: str) -> None:
    pair_experiment(home)
    server.script = lambda path, body, nth: Reply(body=answer(pair_verdict(body, better)))
    plain, loud = run(home)["variants"]
    assert len(server.bodies) == 2 * ROWS
    assert loud["metrics"]["better"]["mean"] == PAIRS[better]
    assert plain["metrics"]["better"]["not_applicable"] == ROWS
    outcomes = loud["metrics"]["better"]["outcomes"]
    assert outcomes == {"wins": ROWS} if better == "ROW" else outcomes
    assert ("order decided" in outcomes) == (better == "neither")
    run(home)
    assert len(server.bodies) == 2 * ROWS


def test_a_pair_that_was_not_judged_says_so(home: Path, server: OpenAIServer) -> None:
    (home / "prompts" / "qa" / "soft.jinja").write_text("user:\n{{ text | title }}\n")
    pair_experiment(home, "plain, loud, soft")
    server.script = lambda path, body, nth: Reply(body=answer("Verdict: first"))
    run(home)
    assert len(server.bodies) == 4 * ROWS
    done = invoke(home, "compare", "loud", "soft", "--json")
    (soft,) = [v for v in json.loads(done.stdout)["variants"] if v["name"] == "soft"]
    assert soft["metrics"]["better"]["errors"] == ROWS
    assert len(server.bodies) == 4 * ROWS


def test_a_pair_waits_for_both_answers(home: Path, server: OpenAIServer) -> None:
    """The baseline answers last."""
    text = EXPERIMENT.format(prompts="plain, loud").partition("  - exact_match")[0]
    model = f'{{"openai:m": {{base_url: "{server.url}", concurrency: 4}}}}'
    text = text.replace("[echo:last]", f"[{model}]") + "  - pairwise: {}\n"
    (home / "prompts" / "qa" / "experiment.yaml").write_text(text)

    def script(path: str, body: dict, nth: int) -> Reply:
        content = body["messages"][-1]["content"]
        if body["model"] == "judge":
            return Reply(body=answer(pair_verdict(body, "ROW")))
        return Reply(body=answer(content), delay_s=0.5 if content.startswith("row") else 0)

    server.script = script
    _, loud = run(home)["variants"]
    assert loud["metrics"]["better"]["mean"] == 1.0


def test_a_single_variant_has_no_pairs(home: Path) -> None:
    pair_experiment(home, "plain")
    done = invoke(home, "run")
    assert done.returncode == 2
    assert "pairwise" in done.stderr
