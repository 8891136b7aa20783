"""Completion in the shell, by the protocol that the installed scripts use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import invoke, write_task

EXPERIMENT = """\
dataset: {path: rows.csv, expected: label}   # a comment
prompts: [plain, loud]
models:
  # one more
  - openai:gpt-6-luna: {as: luna, base_url: "http://127.0.0.1:9/v1"}
  - "echo:last"
  - lab/org:deep/name:
      as: deep
evaluators: [exact_match, {contains: {name: has_label}}, "label_match": {labels: [yes, no]}]
"""
OTHER = """\
dataset: questions.jsonl
prompts: [short]
models: [echo:answer, {echo:prompt: {as: shown}}]
evaluators:
- regex_match:
    pattern: a
- rubric: "Polite: yes."
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_task(tmp_path, EXPERIMENT)
    other = tmp_path / "prompts" / "quiz"
    other.mkdir()
    (other / "short.jinja").write_text("user:\n{{ q }}\n")
    (other / "_style.jinja").write_text("Be short.")
    (other / "experiment.yaml").write_text(OTHER)
    (other / "questions.jsonl").write_text('{"id": "r1", "q": "?"}\n{"id": "r2", "q": "!"}\n')
    judges = tmp_path / "prompts" / "judges"
    judges.mkdir()
    (judges / "helpful.jinja").write_text("user:\n{{ outputs }}\n")
    return tmp_path


def complete(folder: Path, line: str, shell: str = "bash") -> list[str]:
    """The completions of a line; its last word, perhaps empty, is the incomplete one."""
    words = line.split(" ")
    variables = {
        "_WORKBENCH_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": f"workbench {line}",
        "COMP_CWORD": str(len(words)),
        "_TYPER_COMPLETE_ARGS": f"workbench {line}",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1],
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    shown = invoke(folder, **variables)
    assert shown.stderr == ""
    return shown.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run ", ["qa", "quiz"]),
        ("run qu", ["quiz"]),
        ("run x", []),
        ("plan ", ["qa", "quiz"]),
        ("show r1 q", ["qa", "quiz"]),
        ("labels pull ", ["qa", "quiz"]),
        ("run qa --only ", ["loud*", "plain*", "*luna*", "*last*", "*deep*"]),
        ("run quiz --only ", ["short*", "*answer*", "*shown*"]),
        ("run qa --race --race-on ", ["exact_match", "has_label", "label_match"]),
        ("plan quiz --metric r", ["regex_match", "rubric"]),
        ("decide qa --metric h", ["has_label"]),
        ("history qa --metric e", ["exact_match"]),
        ("compare ", ["qa", "quiz"]),
        ("compare quiz ", ["short", "answer", "shown"]),
        ("gate qa l", ["loud", "luna", "last"]),
        ("view quiz s", ["short", "shown"]),
        ("promote qa p", ["plain"]),
        ("package qa p", ["plain"]),
        ("compare quiz --by ", ["id", "q"]),
        ("compare qa --by ", ["text", "label"]),
        ("judge calibrate quiz r", ["regex_match", "rubric"]),
        ("judge calibrate quiz rubric --labels ", ["store", "mlflow", "id", "q"]),
        ("prompts show ", ["qa/loud", "qa/plain", "quiz/short", "judges/helpful"]),
        ("prompts diff qa/loud q", ["qa/loud", "qa/plain", "quiz/short"]),
        ("prompts lint ", ["qa", "quiz", "judges"]),
        ("data add b", ["boolq"]),
        ("models add all", ["all-minilm-l6-v2"]),
        ("evaluators show exact", ["exact_match"]),
        ("evaluators try pairw", ["pairwise"]),
        ("store prune --state f", ["filtered", "failed"]),
        ("store prune --model o", ["openai:gpt-6-luna"]),
        ("store prune --scores --evaluator h", ["has_label"]),
        ("store explain --task ", ["qa", "quiz"]),
        ("schema ", ["experiment", "workbench"]),
        ("switch l", ["luna", "last", "lab/org:deep/name"]),
        ("switch luna echo", ["echo:last", "echo:answer", "echo:prompt"]),
        ("switch luna openai:gpt-4.1-n", ["openai:gpt-4.1-nano", "openai:gpt-4.1-nano-2025-04-14"]),
        ("switch luna last q", ["qa", "quiz"]),
        ("try ", ["loud", "plain", "short"]),
        ("try short --task quiz --row ", ["r1", "r2"]),
        ("try short --task quiz --model ", ["answer", "shown", "echo:answer", "echo:prompt"]),
        ("run qa --show ", ["wrong", "failed", "all"]),
        ("init --from ", ["extraction", "judge", "rag", "sentiment", "support"]),
        ("docs exp", ["experiment"]),
    ],
)
def test_names_of_the_project_are_completed(home: Path, line: str, expected: list[str]) -> None:
    assert complete(home, line) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_them(home: Path, shell: str) -> None:
    assert "quiz" in " ".join(complete(home, "run qu", shell))


def test_the_task_of_the_current_folder_needs_no_name(home: Path) -> None:
    folder = home / "prompts" / "quiz"
    assert complete(folder, "show ") == ["r1", "r2"]
    assert complete(folder, "plan --only s") == ["short*"]


def test_models_and_runs_that_are_stored_are_completed(home: Path) -> None:
    assert invoke(home, "run", "quiz", "--tracking-uri", "none").returncode in (0, 2, 3)
    (home / "prompts" / "qa" / "experiment.yaml").write_text("dataset: rows.csv\n")
    assert complete(home, "store export --model echo") == ["echo:answer", "echo:prompt"]


@pytest.mark.parametrize("line", ["run ", "run x --only ", "show ", "prompts show ", "compare ab"])
def test_outside_of_a_project_nothing_is_completed(tmp_path: Path, line: str) -> None:
    assert complete(tmp_path, line) == []


@pytest.mark.parametrize("text", ["", "models: [", "\x00", "models:\n- {", "evaluators: [[[[{{{"])
@pytest.mark.parametrize("line", ["run qa --only ", "run qa --race-on ", "store prune --model "])
def test_a_broken_file_is_no_error(home: Path, line: str, text: str) -> None:
    (home / "prompts" / "qa" / "experiment.yaml").write_text(text)
    (home / ".workbench").mkdir()
    (home / ".workbench" / "store.db").write_text("no database")
    assert "Traceback" not in " ".join(complete(home, line))


def test_a_name_that_a_terminal_can_t_show_is_left_out(home: Path) -> None:
    for name in ("bell\x07", "two words"):
        folder = home / "prompts" / name
        folder.mkdir()
        (folder / "a.jinja").write_text("a")
    assert complete(home, "run ") == ["qa", "quiz"]


def test_completing_imports_nothing_heavy(home: Path) -> None:
    code = (
        "import sys\n"
        "from workbench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'workbench.project', 'ruamel', 'mlflow', 'rich', 'numpy'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    variables = {"_WORKBENCH_COMPLETE": "complete_bash", "COMP_WORDS": "workbench run q"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = ['workbench']\n{code}"],
        cwd=home,
        env={**os.environ, **variables, "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr.strip()) == (["qa", "quiz"], "[]")
