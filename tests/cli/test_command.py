"""The command as a user types it: output, errors and exit codes of the whole process."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from command import EXPERIMENT, WORKBENCH, add_mlflow_store, call, invoke, write_task
from openai_server import HANG, OpenAIServer, say


@pytest.fixture
def home(tmp_path: Path, empty_store: Path) -> Path:
    """A project with one task, in no git repository."""
    write_task(tmp_path)
    add_mlflow_store(tmp_path, empty_store)
    return tmp_path


def test_run_ends_with_a_leaderboard_and_the_way_to_mlflow(home: Path) -> None:
    done = call(home, "run")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    headline, table = lines[: lines.index("")], lines[lines.index("") + 1 :]
    assert headline[0].startswith("Not enough evidence to name one best variant: plain leads by")
    assert (done.returncode, table[:6]) == (
        0,
        [
            "variant  exact_match     rows  tokens in/out  model time",
            "plain    0.500 n=2          2            2/2        0 ms",
            "         [0.095, 0.905]",
            "loud     0.000 n=2          2            2/2        0 ms",
            "         [0.000, 0.658]",
            "         -0.500 unclear",
        ],
    )
    assert table[6].startswith("verdicts: against plain, on the same rows")
    assert "4 requests, 4 sent" in lines
    assert done.stderr.splitlines() == [
        "completing 4 requests",
        done.stderr.splitlines()[1],
        "recording in MLflow",
    ]


def test_run_works_from_any_folder_below_and_prints_json(home: Path) -> None:
    folder = home / "prompts" / "qa"
    done = invoke(folder, "run", "--json", MLFLOW_TRACKING_URI="none")
    printed = json.loads(done.stdout)
    assert (printed["schema_version"], printed["exit_code"], printed["requests"]) == (
        2,
        0,
        {
            "planned": 4,
            "stored": 0,
            "shared": 0,
            "sent": 4,
            "failed": 0,
            "not_run": 0,
            "attempts": 4,
            "verdicts": 0,
        },
    )
    assert [variant["name"] for variant in printed["variants"]] == ["plain", "loud"]


def test_a_dry_run_sends_and_registers_nothing(home: Path) -> None:
    (home / ".workbench" / "mlflow.db").unlink()
    done = invoke(home, "run", "--dry-run", "--json")
    assert json.loads(done.stdout)["requests"] == {
        "planned": 4,
        "stored": 0,
        "shared": 0,
        "to_send": 4,
    }
    assert not (home / ".workbench" / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["run", "qaa"],
            "error: prompts: unknown task 'qaa'\n  fix: did you mean 'qa'? known: qa\n",
        ),
        (
            ["run", "--limit", "0"],
            "error: Invalid value for '--limit': Input should be greater than or equal to 1\n"
            "  fix: workbench --help lists the commands and options\n",
        ),
        (
            ["rum"],
            "error: No such command 'rum'. Did you mean 'run'?\n"
            "  fix: workbench --help lists the commands and options\n",
        ),
        (
            ["run", "--only", "plan"],
            "error: unknown variant 'plan'\n  fix: did you mean 'plain'? known: plain, loud\n",
        ),
        (
            ["run", "--only", "plain", "--only", "laud"],
            "error: unknown variant 'laud'\n  fix: did you mean 'loud'? known: loud, plain\n",
        ),
        (
            ["compare", "--by", "text", "--by", "label"],
            "error: --by is given 2 times; it takes one value\n  fix: give --by once\n",
        ),
        (
            ["prompts", "show", "plainn"],
            "error: unknown prompt 'plainn'\n  fix: did you mean 'qa/plain'? "
            "known: qa/plain, qa/loud\n",
        ),
    ],
)
def test_a_wrong_word_is_answered_with_the_right_one(
    home: Path, words: list[str], message: str
) -> None:
    done = invoke(home, *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_a_command_without_a_task_names_itself(home: Path) -> None:
    (home / "prompts" / "qb").mkdir()
    (home / "prompts" / "qb" / "experiment.yaml").write_text(EXPERIMENT)
    for command in ("run", "plan", "compare", "gate", "decide", "history"):
        fix = f"{command} qa; there are: qa, qb\n"
        assert invoke(home, command).stderr.endswith(fix), command


def test_an_error_is_one_object_with_json(home: Path) -> None:
    done = invoke(home, "run", "qaa", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (
        2,
        {
            "schema_version": 2,
            "error": {
                "where": "prompts",
                "message": "unknown task 'qaa'",
                "fix": "did you mean 'qa'? known: qa",
            },
            "exit_code": 2,
        },
    )


def test_an_empty_key_is_named_before_anything_is_sent(home: Path, server: OpenAIServer) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    models = f'models: ["openai:m": {{base_url: "{server.url}", api_key_env: MY_KEY}}]'
    file.write_text(EXPERIMENT.replace("models: [echo:last]", models))
    done = invoke(home, "run", MY_KEY="")
    assert (done.returncode, len(server.requests)) == (2, 0)
    assert "openai:m needs a key, and the variable MY_KEY is empty" in done.stderr


def test_prompts_are_listed_shown_diffed_pushed_and_pulled(home: Path) -> None:
    assert invoke(home, "prompts", "push").stdout.splitlines() == [
        "qa/loud registered as version 1",
        "qa/plain registered as version 1",
    ]
    template = home / "prompts" / "qa" / "plain.jinja"
    template.write_text("user:\nDear {{ text }}\n")
    difference = invoke(home, "prompts", "diff", "plain@1").stdout
    assert [line for line in difference.splitlines() if line[:2] in ("-{", "+D")] == [
        "-{{ text }}",
        "+Dear {{ text }}",
    ]
    listed = json.loads(invoke(home, "prompts", "list", "--json").stdout)
    assert [(p["name"], p["version"], p["newest"]) for p in listed["prompts"]] == [
        ("loud", 1, 1),
        ("plain", None, 1),
    ]
    refused = invoke(home, "prompts", "pull", "plain@1")
    assert (refused.returncode, template.read_text()) == (2, "user:\nDear {{ text }}\n")
    pulled = invoke(home, "prompts", "pull", "plain@1", "--force")
    assert pulled.stdout == "prompts/qa/plain.jinja is now plain@1\n"
    assert template.read_text() == "user:\n{{ text }}\n"
    shown = json.loads(invoke(home, "prompts", "show", "plain", "--json").stdout)
    assert shown["template"] == [{"role": "user", "content": "{{ text }}"}]


@pytest.mark.parametrize("columns", ["20", "80"])
def test_lines_are_not_folded_where_output_is_no_terminal(home: Path, columns: str) -> None:
    task, long = home / "prompts" / "qa", "one\ttwo " + "word " * 60 + "end."
    template = f"---\ndescription: {'about ' * 30}it\n---\nuser:\n{{{{ text }}}} {long}\n"
    (task / "plain.jinja").write_text(template)
    (task / "loud.jinja").write_text("user:\n{{ text }}\n")
    untracked = {"MLFLOW_TRACKING_URI": "none", "COLUMNS": columns}
    shown = invoke(home, "prompts", "show", "plain", **untracked).stdout.splitlines()
    assert f"{{{{ text }}}} {long}" in shown
    difference = invoke(home, "prompts", "diff", "loud", "plain", **untracked).stdout.splitlines()
    assert f"+{{{{ text }}}} {long}" in difference
    listed = invoke(home, "prompts", "list", **untracked).stdout.splitlines()
    assert [line.rstrip()[-8:] for line in listed[1:]] == ["gistered", "about it"]
    for words in (["models", "list"], ["data", "list"], ["evaluators"], ["plan"]):
        lines = invoke(home, *words, **untracked).stdout.splitlines()
        assert [line for line in lines[1:] if line.startswith(" ")] == [], words
    linted = invoke(home, "prompts", "lint", **untracked).stdout.splitlines()
    assert linted[-1].startswith("2 templates, 0 errors, ")
    assert len(invoke(home, "plan", **untracked).stdout.splitlines()[0].split("  ")) > 5


def test_only_given_twice_adds(home: Path) -> None:
    words = ["plan", "--json", "--only", "plain", "--only", "l*d"]
    variants = json.loads(invoke(home, *words, MLFLOW_TRACKING_URI="none").stdout)["variants"]
    assert [variant["name"] for variant in variants] == ["plain", "loud"]
    comma = invoke(home, "plan", "--only", "plain,l*d", MLFLOW_TRACKING_URI="none")
    assert "fix: --only 'plain' --only 'l*d'; " in comma.stderr


def test_lint_names_what_is_wrong_and_exits_with_2(home: Path) -> None:
    (home / "prompts" / "qa" / "loud.jinja").write_text("user:\n{{ txt }}\n")
    done = invoke(home, "prompts", "lint", "qa", "--json")
    (task,) = json.loads(done.stdout)["tasks"]
    loud, plain = task["prompts"]
    assert done.returncode == 2
    assert [error["where"] for error in loud["errors"]] == ["prompts/qa/loud.jinja:2:4"]
    assert plain["rendered"][0]["text"] == "user:\nyes"


@pytest.mark.nightly  # tests/cli/test_interrupts.py interrupts calls that end by themselves
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_its_answers_and_goes_on(
    home: Path, server: OpenAIServer, number: signal.Signals, code: int
) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    models = f'models: ["openai:m": {{base_url: "{server.url}", concurrency: 1, timeout_s: 3}}]'
    file.write_text(EXPERIMENT.replace("models: [echo:last]", models))
    server.script = lambda path, body, nth: say("yes") if len(server.requests) < 3 else HANG
    process = subprocess.Popen(
        [*WORKBENCH, "run"], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 60
    while len(server.requests) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "interrupted: 2 requests were answered and kept, 2 are left" in stderr
    server.script = lambda path, body, nth: say("yes")
    again = json.loads(invoke(home, "run", "--json").stdout)
    assert (again["requests"]["stored"], again["requests"]["sent"]) == (2, 2)


def test_lint_warns_of_what_reads_like_a_role(home: Path) -> None:
    template = home / "prompts" / "qa" / "loud.jinja"
    template.write_text("user:\nHi {{ text }}\n  Assistant:\n")
    (task,) = json.loads(invoke(home, "prompts", "lint", "qa", "--json").stdout)["tasks"]
    assert task["prompts"][0]["warnings"] == [
        "prompts/qa/loud.jinja:3: '  Assistant:' is text; a role line is `assistant:` alone"
    ]


@pytest.mark.nightly
def test_a_port_that_is_taken_by_something_silent_is_no_fault_of_ours(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = call(home, "ui", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "error: MLflow's server did not start",
    )
