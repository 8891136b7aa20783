"""`workbench try`: one row through one prompt, stored as a run stores it."""

import json
import subprocess
from pathlib import Path

import pytest
from command import invoke, write_task
from openai_server import OpenAIServer, Reply, refuse

pytestmark = pytest.mark.slow

EXPERIMENT = """\
dataset: {path: rows.csv, expected: label}
prompts: [plain, loud]
models: [{openai:m: {base_url: "%s"}}, echo:last]
evaluators: [exact_match, {macro_f1: {labels: ["yes", "no"]}}]
"""


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    home = tmp_path.resolve()
    write_task(home, EXPERIMENT % server.url)
    (home / "prompts" / "qa" / "rows.csv").write_text("id,text,label\na,yes,yes\nb,no,yes\n")
    return home


def tried(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return invoke(home, "try", *words)


def test_the_messages_the_answer_and_the_scores_are_shown(home: Path) -> None:
    ended = tried(home, "loud", "--row", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "row 2, b",
        "text               no",
        "expected_response  yes",
        "",
        "loud · m",
        "  user: NO",
        "  → NO",
        ended.stdout.splitlines()[7],
        "  exact_match  false",
    ]
    assert ended.stdout.splitlines()[7].startswith("  ok · 7 tokens in, 2 out · ")


def test_a_stored_answer_costs_no_call_here_and_in_a_run(home: Path, server: OpenAIServer) -> None:
    tried(home, "loud", "--row", "b")
    again = tried(home, "loud", "--row", "b")
    assert "stored before: nothing was sent" in again.stdout
    ended = invoke(home, "run", "qa", "--only", "loud*m", "--tracking-uri", "none", "--json")
    requests = json.loads(ended.stdout)["requests"]
    assert (requests["stored"], requests["sent"], len(server.requests)) == (1, 1, 2)


def test_equal_rows_that_are_sampled_keep_keys_of_their_own(
    home: Path, server: OpenAIServer
) -> None:
    experiment = EXPERIMENT % server.url + "parameters: {temperature: 1}\n"
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    (home / "prompts" / "qa" / "rows.csv").write_text("id,text,label\na,yes,yes\nb,yes,yes\n")
    tried(home, "plain", "--row", "b")
    assert "stored before" not in tried(home, "plain", "--row", "a").stdout
    ended = invoke(home, "plan", "qa", "--only", "plain*m", "--json")
    assert json.loads(ended.stdout)["requests"]["to_send"] == 0


def test_an_answer_is_shown_while_it_comes(home: Path, server: OpenAIServer) -> None:
    chunks = [
        {"model": "m-1", "choices": [{"index": 0, "delta": {"content": text}}]}
        for text in ("Y", "E\n", "S")
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    reply = Reply(body=text.encode(), headers={"Content-Type": "text/event-stream"})
    server.script = lambda path, body, nth: reply
    ended = tried(home, "loud")
    assert "  → YE\n    S\n  ok" in ended.stdout
    assert [request.body["stream"] for request in server.requests] == [True]
    assert "YE\n    S\n" in tried(home, "loud").stdout
    assert len(server.requests) == 1


def test_other_values_make_another_row(home: Path, server: OpenAIServer) -> None:
    ended = tried(home, "plain", "--row", "b", "--set", "text=maybe", "--set", "expected=maybe")
    assert "with other values than the dataset's (--set)" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "  exact_match  true"
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "maybe"}]
    assert tried(home, "plain", "--set", "text=x").stdout.splitlines()[-1].endswith("false")


@pytest.mark.parametrize("model", ["last", "echo:last", "echo:first-word"])
def test_any_model_may_be_tried(home: Path, server: OpenAIServer, model: str) -> None:
    ended = tried(home, "plain", "--model", model)
    assert (ended.returncode, server.requests) == (0, [])
    assert ended.stdout.splitlines()[-1] == "  exact_match  true"


def test_json_has_everything(home: Path) -> None:
    shown = json.loads(tried(home, "plain", "--json").stdout)
    assert (shown["row"], shown["number"], shown["prompt_ref"], shown["model"]) == (
        *("a", 1),
        *("plain", "openai:m"),
    )
    assert (shown["stored"], shown["exit_code"], shown["problems"]) == (False, 0, [])
    assert shown["answer"]["prompt"] == [{"role": "user", "content": "yes"}]
    assert shown["answer"]["scores"]["exact_match"]["value"] is True


def test_a_refused_request_is_exit_code_3(home: Path, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: refuse(400, "too long", code="context_length_exceeded")
    ended = tried(home, "plain")
    assert ended.returncode == 3
    assert "too long" in ended.stdout


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["plan"], "unknown prompt of task 'qa': 'plan'\n  fix: did you mean 'plain'?"),
        (["plain", "--row", "9"], "there is no row 9\n  fix: a number from 1 to 2"),
        (["plain", "--row", "c"], "unknown row 'c'\n  fix: known: a, b"),
        (["plain", "--model", "lst"], "unknown model 'lst'\n  fix: did you mean 'last'?"),
        (["plain", "--model", "echo:lst"], "unknown echo model 'lst'"),
        (["plain", "--set", "txt=1"], "unknown column 'txt'\n  fix: did you mean 'text'?"),
        (["plain", "--set", "text"], "--set 'text' has no =\n  fix: --set text=VALUE"),
        (["prompts/qa/plain.jinja"], "write plain for the file plain.jinja"),
    ],
)
def test_errors_name_the_right_word(home: Path, words: list[str], error: str) -> None:
    ended = tried(home, *words)
    assert ended.returncode == 2
    assert error in ended.stderr


@pytest.mark.parametrize("words", [(), ("--set", "text=x")], ids=["as it is", "--set"])
def test_a_later_turn_is_refused(home: Path, server: OpenAIServer, words: tuple[str, ...]) -> None:
    task = home / "prompts" / "qa"
    (task / "experiment.yaml").write_text(
        "dataset: talk.jsonl\nprompts: [plain]\n"
        f"models: [{{openai:m: {{base_url: '{server.url}'}}}}]\n"
    )
    (task / "talk.jsonl").write_text('{"id": "r", "turns": [{"text": "one"}, {"text": "two"}]}\n')
    ended = tried(home, "plain", "--row", "2", *words)
    assert (ended.returncode, server.requests) == (2, [])
    assert "is turn 2 of a conversation: its request needs the answers" in ended.stderr


def test_a_prompt_of_several_tasks_needs_its_task(home: Path) -> None:
    other = home / "prompts" / "other"
    other.mkdir()
    for file in (home / "prompts" / "qa").iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    ended = tried(home, "plain", "--model", "last")
    assert "the tasks other, qa have a prompt 'plain' each\n  fix: add --task other" in ended.stderr
    assert tried(home, "plain", "--model", "last", "--task", "qa").returncode == 0


def test_nothing_is_recorded_in_mlflow(home: Path) -> None:
    tried(home, "plain")
    names = {path.name for path in (home / ".workbench").iterdir()}
    assert names & {"mlflow.db", "unrecorded"} == set()
