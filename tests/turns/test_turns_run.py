"""Rows with turns: each turn is sent with the answers to the turns before it."""

import json
import shutil
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest
from command import WORKBENCH, environment, invoke
from openai_server import HANG, OpenAIServer, Reply, answer, hold
from processes import wait_for, wait_until_stopping

from workbench.store import Store

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


def write_experiment(
    home: Path, server: OpenAIServer, *, settings: str = "", more: str = ""
) -> None:
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


def stored(home: Path) -> tuple[int, int]:
    """The stored answers that are scored, and those that failed."""
    done = invoke(home, "decide", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (candidate,) = json.loads(done.stdout)["candidates"]
    return candidate["as_answered"]["n"], candidate["failed_rows"]


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


def test_a_judge_scores_each_turn(home: Path, server: OpenAIServer) -> None:
    write_experiment(home, server, more='  - rubric: "It is polite."\n')
    (variant,) = run(home)["variants"]
    assert variant["metrics"]["rubric"]["n"] == ROWS * TURNS
    models = Counter(body["model"] for body in server.bodies)
    assert models == {"m": ROWS * TURNS, "judge": ROWS * TURNS}
    run(home)
    assert len(server.bodies) == 2 * ROWS * TURNS


def test_the_turns_of_a_row_are_a_cluster(home: Path) -> None:
    planned = json.loads(invoke(home, "plan", "--json").stdout)
    assert (planned["rows"], planned["clusters"]) == (ROWS * TURNS, ROWS)
    assert planned["requests"]["to_send"] == ROWS * TURNS
    assert len(planned["variants"][0]["keys"]) == ROWS * TURNS


def test_each_repeat_is_a_conversation(home: Path, server: OpenAIServer) -> None:
    write_experiment(home, server, settings="repeats: 2\nparameters: {temperature: 1}\n")
    server.script = lambda path, body, nth: Reply(body=answer(f"{answer_to(body)} no. {nth}"))
    run(home)
    assert len(server.bodies) == 2 * ROWS * TURNS
    seconds = [body["messages"] for body in server.bodies if len(body["messages"]) == 4]
    assert len({json.dumps(messages) for messages in seconds}) == 2 * ROWS


def start(home: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*WORKBENCH, "run", *words],
        cwd=home,
        env=environment(MLFLOW_TRACKING_URI="none"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_goes_on_without_asking_again(home: Path, server: OpenAIServer) -> None:
    write_rows(home, [conversation(0)])
    for most in range(1, TURNS):
        server.script = lambda path, body, nth, most=most: (
            HANG if len(body["messages"]) > 2 * most else reply(path, body, nth)
        )
        process = start(home)
        wait_for(lambda most=most: any(len(b["messages"]) > 2 * most for b in server.bodies))
        process.kill()
        process.communicate()
    server.script = reply
    run(home)
    sent = last_texts(server)
    assert sent == {"row 0 turn 1": 1, "row 0 turn 2": 2, "row 0 turn 3": 2}  # 2: hung, then asked


def test_a_stopped_run_keeps_its_turns(home: Path, server: OpenAIServer) -> None:
    stops = threading.Event()
    server.script = lambda path, body, nth: hold(
        reply(path, body, nth), lambda: len(body["messages"]) < 4 or stops.is_set()
    )
    process = start(home)
    wait_for(lambda: any(len(body["messages"]) == 4 for body in server.bodies))
    process.send_signal(signal.SIGINT)
    wait_until_stopping(process)
    stops.set()
    process.communicate(timeout=200)
    assert process.returncode == 130
    assert max(len(body["messages"]) for body in server.bodies) == 4  # no turn follows
    run(home)
    assert set(last_texts(server).values()) == {1}
    assert len(server.bodies) == ROWS * TURNS


def test_a_turn_without_an_answer_ends_its_conversation(home: Path, server: OpenAIServer) -> None:
    refused = Reply(400, {"error": {"message": "no such row"}})

    def script(path: str, body: dict, nth: int) -> Reply:
        fails = body["messages"][-1]["content"] == "row 1 turn 1"
        return refused if fails else reply(path, body, nth)

    server.script = script
    document = run(home, code=3)
    assert document["requests"] | {"attempts": 0} == {
        **document["requests"],
        "sent": ROWS * TURNS - 2,
        "failed": 1,
        "not_run": 2,
        "attempts": 0,
    }
    (variant,) = document["variants"]
    assert variant["metrics"]["contains"]["n"] == (ROWS - 1) * TURNS
    assert stored(home) == ((ROWS - 1) * TURNS, TURNS)
    sent = len(server.bodies)
    server.script = reply
    run(home, code=3)  # the refused request is stored
    assert len(server.bodies) == sent
    run(home, "--retry-failed")
    assert len(server.bodies) == sent + TURNS


def test_a_budget_ends_between_two_turns(home: Path, server: OpenAIServer) -> None:
    done = invoke(home, "run", "--json", "--max-calls", "6")
    assert done.returncode == 4
    assert json.loads(done.stdout)["requests"]["not_run"] == ROWS * TURNS - 6
    run(home)
    assert len(server.bodies) == ROWS * TURNS


def test_a_limit_counts_rows(home: Path, server: OpenAIServer) -> None:
    document = run(home, "--limit", "2")
    assert document["requests"]["sent"] == 2 * TURNS
    run(home)
    assert len(server.bodies) == ROWS * TURNS


def test_rows_without_turns_stand_beside_others(home: Path, server: OpenAIServer) -> None:
    write_rows(home, [conversation(0), {"id": "x", "name": "Bob", "text": "row 1", "label": "1"}])
    assert run(home)["requests"]["sent"] == TURNS + 1


def test_equal_first_turns_are_sent_once(home: Path, server: OpenAIServer) -> None:
    rows = [conversation(0), conversation(0) | {"id": "other"}]
    rows[1]["turns"][2] = {"text": "row 5 turn 3", "label": "3"}
    write_rows(home, rows)
    write_experiment(home, server, settings="parameters: {temperature: 0}\n")
    assert run(home)["requests"]["shared"] == 2
    assert len(server.bodies) == TURNS + 1


def test_a_local_model_answers_turn_after_turn(home: Path) -> None:
    path = home / "prompts" / "qa" / "experiment.yaml"
    path.write_text(EXPERIMENT.format(model="echo:prompt"))
    run(home)
    assert stored(home) == (ROWS * TURNS, 0)


def change_answers(path: str, body: dict, nth: int) -> Reply:
    return Reply(body=answer(f"new {answer_to(body)}"))


def remove_answers(home: Path, text: str) -> None:
    """Delete the stored answers whose text has this."""
    with Store(home / ".workbench") as store:
        store.database.write([("DELETE FROM completions WHERE instr(completion, ?)", [(text,)])])


STALE = {  # the texts whose answer is removed; the turns of each row that are sent again
    "the first turn": ("answer 1", [1, 2, 3]),
    "a turn in the middle": ("answer 2", [2, 3]),
    "the last turn": ("answer 3", [3]),
}


@pytest.mark.parametrize("case", STALE)
def test_a_turn_is_sent_again_with_those_before_it(
    case: str, home: Path, server: OpenAIServer
) -> None:
    removed, again = STALE[case]
    run(home)
    remove_answers(home, removed)
    server.script = change_answers
    sent = len(server.bodies)
    run(home)
    turns = Counter(len(body["messages"]) // 2 for body in server.bodies[sent:])
    assert turns == dict.fromkeys(again, ROWS)
    assert run(home)["requests"]["sent"] == 0


def test_fresh_turns_follow_from_fresh_answers(home: Path, server: OpenAIServer) -> None:
    run(home)
    server.script = change_answers
    assert run(home, "--fresh")["requests"]["sent"] == ROWS * TURNS
    last = server.bodies[-1]["messages"]
    assert {turn["content"][:3] for turn in last if turn["role"] == "assistant"} == {"new"}
    assert run(home)["requests"]["sent"] == 0


def test_answers_to_a_replaced_answer_are_not_there(home: Path, server: OpenAIServer) -> None:
    """A run with `--fresh` that ends after the first turns."""
    run(home)
    server.script = change_answers
    assert invoke(home, "run", "--fresh", "--max-calls", str(ROWS)).returncode == 4
    assert stored(home) == (ROWS, 0)
    assert run(home)["requests"]["sent"] == ROWS * (TURNS - 1)
    assert stored(home) == (ROWS * TURNS, 0)


def test_an_equal_answer_keeps_the_turns_after_it(home: Path, server: OpenAIServer) -> None:
    run(home)
    assert invoke(home, "run", "--fresh", "--max-calls", str(ROWS)).returncode == 4
    assert stored(home) == (ROWS * TURNS, 0)


def test_a_race_takes_rows_with_all_of_their_turns(home: Path, server: OpenAIServer) -> None:
    """The loud variant is always wrong."""
    rows = [
        {
            "id": f"r{n}",
            "name": "Ann",
            "turns": [{"text": f"row {n} {t}", "label": t} for t in "ab"],
        }
        for n in range(60)
    ]
    write_rows(home, rows)
    (home / "prompts" / "qa" / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    path = home / "prompts" / "qa" / "experiment.yaml"
    path.write_text(path.read_text().replace("[plain]", "[plain, loud]"))
    server.script = lambda path, body, nth: Reply(
        body=answer("no" if body["messages"][-1]["content"].isupper() else answer_to(body))
    )
    document = run(home, "--race")
    plain, loud = document["variants"]
    assert list(document["race"]["out"]) == ["loud"]
    assert plain["metrics"]["contains"]["n"] == 120
    assert loud["rows"]["scored"] % 2 == 0
    assert 20 <= loud["rows"]["scored"] < 120
    assert len(server.bodies) == 120 + loud["rows"]["scored"]


def test_a_growing_gate_takes_rows_with_all_of_their_turns(
    home: Path, server: OpenAIServer
) -> None:
    write_rows(home, [conversation(n) for n in range(60)])
    write_experiment(home, server, settings="gate: {contains: {min: 0.3}}\n")
    done = invoke(home, "gate", "--grow", "plain", "--max-calls", "1000")
    assert done.returncode == 0, done.stdout + done.stderr
    turns = Counter(len(body["messages"]) // 2 for body in server.bodies)
    assert len(turns) == TURNS
    assert len(set(turns.values())) == 1
    assert len(server.bodies) < 60 * TURNS


def test_a_model_that_takes_no_key_ends_the_run(home: Path, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: (
        Reply(401, {"error": {"message": "no key"}})
        if len(body["messages"]) > 2
        else reply(path, body, nth)
    )
    done = invoke(home, "run", "--json")
    assert done.returncode != 0
    assert stored(home) == (ROWS, 0)
    server.script = reply
    assert run(home)["requests"]["sent"] == ROWS * (TURNS - 1)


def test_two_runs_at_the_same_time_send_each_turn_once(home: Path, server: OpenAIServer) -> None:
    shutil.copytree(home / "prompts" / "qa", home / "prompts" / "qb")
    server.script = lambda path, body, nth: Reply(body=answer(answer_to(body)), delay_s=0.1)
    processes = [start(home, task) for task in ("qa", "qb")]
    errors = [process.communicate(timeout=200)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert set(last_texts(server).values()) == {1}
    assert len(server.bodies) == ROWS * TURNS


def test_a_choice_is_continued(home: Path, server: OpenAIServer) -> None:
    prompt = "---\nchoices: ['1', '2', '3']\n---\nuser:\n{{ text }}\n"
    (home / "prompts" / "qa" / "plain.jinja").write_text(prompt)
    path = home / "prompts" / "qa" / "experiment.yaml"
    path.write_text(path.read_text().replace("concurrency: 4", "choices: schema"))
    server.script = lambda path, body, nth: Reply(body=answer(json.dumps({"choice": "3"})))
    run(home)
    (continued,) = {
        turn["content"]
        for body in server.bodies
        for turn in body["messages"]
        if turn["role"] == "assistant"
    }
    assert continued == "3"


def test_reasoning_is_no_part_of_a_conversation(home: Path, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: Reply(
        body=answer(f"<think>Hm</think>{answer_to(body)}")
    )
    run(home)
    assert not any("think" in json.dumps(body) for body in server.bodies)
