"""`workbench init`, and the provider of recorded answers."""

import json
import shutil
from pathlib import Path

import pytest
from command import invoke

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import Model, PromptCall, open_provider
from workbench.project.new_files import write_new_files
from workbench.providers.recorded import RecordedProvider
from workbench.starters import STARTERS, list_recordings, write_starter

QUIET = {"MLFLOW_TRACKING_URI": "none"}


@pytest.mark.parametrize("starter", [starter.name for starter in STARTERS])
def test_each_starter_runs_at_once_on_recorded_answers(starter: str, tmp_path: Path) -> None:
    wrote = invoke(tmp_path, "init", "--from", starter, "--json", **QUIET)
    assert wrote.returncode == 0, wrote.stderr
    ran = invoke(tmp_path, "run", "--json", **QUIET)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert {variant["model"].split(":")[0] for variant in result["variants"]} == {"recorded"}
    assert (result["requests"]["failed"], result["requests"]["sent"] > 0) == (0, True)


def test_edited_template_has_no_recorded_answer(tmp_path: Path) -> None:
    invoke(tmp_path, "init", **QUIET)
    template = tmp_path / "prompts/support/triage.jinja"
    template.write_text(template.read_text() + "Please.\n")
    ran = invoke(tmp_path, "run", **QUIET)
    assert ran.returncode == 2
    assert "has no recorded answer to this prompt" in ran.stderr
    assert "take the edit back" in ran.stderr
    assert "transformers:" in ran.stderr
    assert "prompt-workbench[local]" in ran.stderr
    assert "workbench try PROMPT --model" in ran.stderr


def test_other_templates_can_be_read_beside_an_edited_one(tmp_path: Path) -> None:
    invoke(tmp_path, "init", **QUIET)
    assert invoke(tmp_path, "run", **QUIET).returncode == 0
    template = tmp_path / "prompts/support/guided.jinja"
    template.write_text(template.read_text() + "Please.\n")
    shown = invoke(tmp_path, "show", "3", **QUIET)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("  not answered: the model has no answer to this prompt") == 2
    assert shown.stdout.count(" · ok · ") == 4
    decided = invoke(tmp_path, "decide", **QUIET)
    assert decided.returncode in (0, 8), decided.stderr
    assert "guided · recorded:qwen-1.5b is left out, for it has no value" in decided.stdout
    compared = invoke(tmp_path, "compare", "triage", "few_shot", **QUIET)
    assert compared.returncode == 0, compared.stderr


def test_init_lists_files_and_what_to_type_next(tmp_path: Path) -> None:
    wrote = invoke(tmp_path, "init", "new project")
    lines = wrote.stdout.splitlines()
    assert lines[0].endswith(
        "files into new project: support tickets, each for one of three teams."
    )
    assert "  cd 'new project'" in lines
    assert any(line.startswith("  workbench run support") for line in lines)
    again = invoke(tmp_path, "init", "new project")
    assert again.stdout.splitlines()[0] == "All files are in new project already."


def test_nothing_existing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    task = tmp_path / "prompts/support"
    task.mkdir(parents=True)
    (task / "triage.jinja").write_text("mine\n")
    wrote = invoke(tmp_path, "init")
    assert wrote.returncode == 2
    assert "files exist with another content: prompts/support/triage.jinja" in wrote.stderr
    assert [file.name for file in task.iterdir()] == ["triage.jinja"]
    shutil.rmtree(task)
    assert invoke(tmp_path, "init").returncode == 0
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_models_stand_in_the_place_of_the_recorded_ones(tmp_path: Path) -> None:
    models = ("--model", "echo:last", "--model", "openai:m")
    assert invoke(tmp_path, "init", *models).returncode == 0
    text = (tmp_path / "prompts/support/experiment.yaml").read_text()
    assert "models:\n  - echo:last\n  - openai:m\n" in text
    assert "recorded" not in text.casefold()


def test_ratings_of_recorded_replies_come_with_them_only(tmp_path: Path) -> None:
    ratings = "prompts/replies/labels.csv"
    for folder, models in (("recorded", ()), ("echo", ("--model", "echo:last"))):
        wrote = invoke(tmp_path, "init", folder, "--from", "judge", *models, "--json")
        assert (ratings in json.loads(wrote.stdout)["files"]) == (folder == "recorded")
    text = (tmp_path / "echo/prompts/replies/experiment.yaml").read_text()
    assert "      model: echo:last\n" in text


def test_help_names_every_starter(tmp_path: Path) -> None:
    shown = " ".join(invoke(tmp_path, "init", "--help").stdout.split())
    assert [starter.name for starter in STARTERS if starter.name not in shown] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "suport"), "unknown starter 'suport'"),
        (("--model", "gpt"), "--model 'gpt' is not the name of a model"),
        (("--model", "a: b"), "--model 'a: b' is not the name of a model"),
        (("--model", "echo:"), "--model 'echo:' is not the name of a model"),
        (("--model", "opanai:gpt-6-luna"), "did you mean 'openai'?"),
        (("--model", "echo:last", "--model", "echo:last"), "--model echo:last is given twice"),
        (("file",), "file: is a file, not a folder"),
        (("file/below",), "file: is a file, not a folder"),
    ],
)
def test_what_init_refuses(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wrote = invoke(tmp_path, "init", *words)
    assert (wrote.returncode, message in wrote.stderr) == (2, True), wrote.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("path", ["../outside", "file/below", "linked/out"])
def test_files_stay_in_their_folder(path: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_text("")
    (root / "linked").symlink_to(tmp_path)
    with pytest.raises(WorkbenchError, match="files exist with another content"):
        write_new_files(root, {"good": b"", path: b""})
    assert not (root / "good").exists()


def test_unknown_recording_is_told_the_known_ones() -> None:
    with pytest.raises(WorkbenchError, match="unknown recorded model 'gpt'"):
        open_provider(Model("recorded", "gpt"))
    with pytest.raises(WorkbenchError, match="takes no settings"):
        open_provider(Model("recorded", list_recordings()[0], settings={"dtype": "auto"}))


def test_parameters_are_part_of_a_recorded_request() -> None:
    provider = RecordedProvider(list_recordings()[0], {})
    call = PromptCall(Conversation((Message("user", "Hello"),)), {"max_tokens": 1})
    with pytest.raises(WorkbenchError, match="no recorded answer"):
        provider.prepare(call)


def test_every_starter_has_a_task_of_its_name(tmp_path: Path) -> None:
    for starter in STARTERS:
        root = tmp_path / starter.name
        write_starter(starter, root)
        assert (root / "prompts" / starter.task / "experiment.yaml").is_file()
