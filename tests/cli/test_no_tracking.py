"""`tracking_uri: none`: answers are stored and scored, nothing is recorded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import add_mlflow_store, environment, invoke
from openai_server import OpenAIServer

EXPERIMENT = """\
dataset: {{path: rows.csv, expected: label}}
prompts: [{prompt}]
models:
  - openai:m: {{base_url: "{url}"}}
evaluators: [exact_match]
"""
# Ends with the modules of MLflow that the command has loaded.
COMMAND = """
import atexit, sys
from workbench.cli import main
atexit.register(lambda: print([name for name in sys.modules if name.startswith("mlflow")]))
main()
"""
OFF = "needs an MLflow store, and tracking is off (tracking_uri: none)"


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.csv").write_text("text,label\nyes,yes\nno,yes\n")
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT.format(prompt="plain", url=server.url))
    return tmp_path


def test_run_records_nothing_and_does_not_import_mlflow(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "run", "--tracking-uri", "none"],
        cwd=home,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-2:]) == (
        0,
        ["not recorded: tracking is off (tracking_uri: none)", "[]"],
    )
    assert "2 requests, 2 sent" in lines
    assert "MLflow" not in done.stderr
    assert sorted(path.name for path in (home / ".workbench").glob("*.db")) == ["store.db"]
    assert not list((home / ".workbench").glob("unrecorded/*.json"))


@pytest.mark.parametrize("where", ["environment", "file"])
def test_answers_are_recorded_later_without_a_call(
    home: Path, server: OpenAIServer, empty_store: Path, where: str
) -> None:
    settings = home / "workbench.yaml"
    variables = {"MLFLOW_TRACKING_URI": "none"} if where == "environment" else {}
    if where == "file":
        settings.write_text("tracking_uri: none\n")
    first = json.loads(invoke(home, "run", "--json", **variables).stdout)
    empty = [first[f"{name}_run_id"] for name in ("parent", "best", "baseline")]
    assert (first["tracking_uri"], empty) == ("none", ["", "", ""])
    settings.unlink(missing_ok=True)
    add_mlflow_store(home, empty_store)
    second = json.loads(invoke(home, "run", "--json").stdout)
    assert (second["requests"]["sent"], len(second["parent_run_id"])) == (0, 32)
    assert second["variants"][0]["metrics"] == first["variants"][0]["metrics"]
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("words", "prompt", "purpose"),
    [
        (["run"], "plain@3", "qa/plain@3"),
        (["run"], "plain@production", "qa/plain@production"),
        (["prompts", "push"], "plain", "workbench prompts push"),
        (["prompts", "pull", "qa/plain@1"], "plain", "qa/plain@1"),
        (["sync"], "plain", "workbench sync"),
        (["ui"], "plain", "workbench ui"),
        (["compare", "0" * 32], "plain", "comparing runs"),
        (["history"], "plain", "workbench history"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_names_and_commands_that_need_mlflow_are_refused(
    home: Path, server: OpenAIServer, words: list[str], prompt: str, purpose: str
) -> None:
    experiment = EXPERIMENT.format(prompt=prompt, url=server.url)
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    done = invoke(home, *words, MLFLOW_TRACKING_URI="none")
    assert (done.returncode, f"{purpose} {OFF}" in done.stderr) == (2, True), done.stderr
    assert server.requests == []


def test_mlflow_dataset_is_refused(home: Path) -> None:
    experiment = EXPERIMENT.format(prompt="plain", url="http://127.0.0.1:9").replace(
        "{path: rows.csv, expected: label}", "{mlflow: golden, expected: label}"
    )
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    done = invoke(home, "plan", MLFLOW_TRACKING_URI="none")
    assert (done.returncode, f"the MLflow dataset 'golden' {OFF}" in done.stderr) == (2, True), (
        done.stderr
    )


def test_prompts_are_listed_as_unregistered(home: Path) -> None:
    done = invoke(home, "prompts", "list", "--json", MLFLOW_TRACKING_URI="none")
    (prompt,) = json.loads(done.stdout)["prompts"]
    assert (prompt["name"], prompt["version"], prompt["aliases"]) == ("plain", None, {})
