"""`workbench show`: one row through all variants."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, answer

ROWS = [
    {"id": "a", "text": "yes", "label": "yes", "topic": "plain"},
    {"id": "b", "text": "two\nlines", "label": "no", "topic": "plain"},
    {"id": "1", "text": "\x1b[31m::error::red", "label": "x", "topic": "hostile"},
]
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain, loud]
models: [echo:last]
repeats: {repeats}
evaluators:
  - exact_match
  - length
  - picky
"""
PICKY = """\
def picky(outputs: str) -> float:
    if "TWO" in outputs:
        raise ValueError("no capitals")
    return 0.25
"""


def write_task(home: Path, *, repeats: int = 1) -> Path:
    task = home / "prompts" / "qa"
    task.mkdir(parents=True, exist_ok=True)
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (task / "plain.jinja").write_text("system:\nBe brief.\nuser:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT.format(repeats=repeats))
    (home / "evaluators").mkdir(exist_ok=True)
    (home / "evaluators" / "picky.py").write_text(PICKY)
    (home / "workbench.yaml").write_text("tracking_uri: none\n")
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_task(tmp_path)
    assert invoke(tmp_path, "run").returncode == 3  # one row has an error of `picky`
    return tmp_path


def shown(home: Path, *words: str) -> str:
    done = invoke(home, "show", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown_json(home: Path, *words: str) -> Any:
    return json.loads(shown(home, *words, "--json"))


def test_a_row_stands_above_the_answers_of_all_variants(home: Path) -> None:
    assert shown(home, "b").splitlines() == [
        "row 2, b",
        "text               two",
        "                   lines",
        "topic              plain",
        "expected_response  no",
        "",
        "plain · ok · 2 tokens in, 2 out · 0 ms",
        "  → two",
        "    lines",
        "  exact_match  false",
        "  length       9",
        "  picky        0.25",
        "",
        "loud · ok · 2 tokens in, 2 out · 0 ms",
        "  → TWO",
        "    LINES",
        "  exact_match  false",
        "  length       9",
        "  picky        not scored yet",
    ]


@pytest.mark.parametrize(
    ("name", "row"), [("a", "a"), ("2", "b"), ("3", "1"), ("1", "1"), ("b", "b")]
)
def test_a_row_is_found_by_its_id_or_its_number(name: str, row: str, home: Path) -> None:
    assert shown_json(home, name)["row"] == row


@pytest.mark.parametrize(
    ("name", "fix"),
    [("9", "a number from 1 to 3, or the id of a row"), ("bb", "did you mean 'b'?"), ("0", "1 to")],
)
def test_an_unknown_row_is_refused(name: str, fix: str, home: Path) -> None:
    done = invoke(home, "show", name)
    assert done.returncode == 2
    assert fix in done.stderr


def test_the_prompts_are_shown_as_they_were_sent(home: Path) -> None:
    lines = shown(home, "a", "--prompts").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("plain"))
    assert lines[at + 1 : at + 4] == ["  system: Be brief.", "  user: yes", "  → yes"]


def test_an_answer_does_not_drive_the_terminal(home: Path) -> None:
    text = shown(home, "3")
    assert "\x1b" not in text
    assert "\n::error" not in text
    assert shown_json(home, "3")["answers"][0]["output"] == ROWS[2]["text"]


def test_each_repeat_is_an_answer_of_its_own(home: Path) -> None:
    write_task(home, repeats=2)
    titles = [line for line in shown(home, "a").splitlines() if "repeat" in line]
    assert [title.split(" · ")[0] for title in titles] == [
        "plain, repeat 1",
        "plain, repeat 2",
        "loud, repeat 1",
        "loud, repeat 2",
    ]


def test_what_is_not_stored_is_said(tmp_path: Path) -> None:
    write_task(tmp_path)
    assert shown(tmp_path, "a").count("not answered yet") == 2
    assert [each["state"] for each in shown_json(tmp_path, "a")["answers"]] == [None, None]


def test_thoughts_and_tool_calls_are_shown(tmp_path: Path, server: OpenAIServer) -> None:
    write_task(tmp_path)
    path = tmp_path / "prompts" / "qa" / "experiment.yaml"
    model = f'"openai:m": {{base_url: "{server.url}"}}'
    path.write_text(path.read_text().replace("echo:last", f"{{{model}}}"))
    function = {"name": "look_up", "arguments": '{"word": "x"}'}
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "I should look it up.",
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    server.script = lambda path, body, nth: Reply(body=answer("", choices=choices))
    invoke(tmp_path, "run")
    lines = shown(tmp_path, "a", "--only", "plain").splitlines()
    assert "  thoughts: I should look it up." in lines
    assert '  → look_up({"word": "x"})' in lines
    assert "  → (an empty answer)" not in lines


def test_an_empty_answer_is_named(tmp_path: Path, server: OpenAIServer) -> None:
    write_task(tmp_path)
    path = tmp_path / "prompts" / "qa" / "experiment.yaml"
    model = f'"openai:m": {{base_url: "{server.url}"}}'
    path.write_text(path.read_text().replace("echo:last", f"{{{model}}}"))
    server.script = lambda path, body, nth: Reply(body=answer(""))
    invoke(tmp_path, "run")
    lines = shown(tmp_path, "a", "--only", "plain").splitlines()
    assert any("the answer is empty" in line or "(an empty answer)" in line for line in lines)


def test_variants_can_be_selected(home: Path) -> None:
    answers = shown_json(home, "a", "qa", "--only", "l*")["answers"]
    assert [each["variant"] for each in answers] == ["loud"]
    assert answers[0]["scores"]["exact_match"]["value"] is False


def test_scores_that_are_not_stored_are_not_said_to_be_missing(home: Path) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    head = EXPERIMENT.format(repeats=1).partition("evaluators:")[0]
    entries = ["exact_match", "clock", "threshold: {of: clock, at_least: 1, name: late}"]
    (home / "evaluators" / "clock.py").write_text(
        "import time\n\nfrom workbench.evaluator import evaluator\n\n\n"
        "@evaluator(cache=False)\ndef clock(outputs: str) -> float:\n    return time.time()\n"
    )
    file.write_text(f"{head}evaluators:\n" + "".join(f"  - {entry}\n" for entry in entries))
    assert invoke(home, "run").returncode == 0
    not_kept = "not kept (cache: false): each workbench run computes it anew"
    expected = ["exact_match  false", f"clock        {not_kept}", f"late         {not_kept}"]
    assert [line.strip() for line in shown(home, "b").splitlines()[-3:]] == expected
