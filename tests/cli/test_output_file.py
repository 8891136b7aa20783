"""The files that a command writes where the user says: what they may replace."""

import os
import sys
from pathlib import Path

import pytest
from bench import refusal
from command import invoke

from workbench.cli.output_file import JUNIT, PAGE, UNKNOWN, OutputFile
from workbench.project import Project

OWN = '<!doctype html>\n<head>\n<meta name="generator" content="workbench compare">\n'
EXPERIMENT = """\
dataset: {path: ../../data/rows.jsonl, columns: {label: "data/my answers.csv"}}
prompts: [plain]
models: ["openai:m": {ca_file: certificates/ca.pem, base_url: "https://a.example"}]
"""
FILES = {
    "prompts/qa/plain.jinja": "user:\n{{ text }}",
    "prompts/qa/rows.csv": "text\na\n",
    "prompts/_style.jinja": "",
    "prompts/qa/experiment.yaml": EXPERIMENT,
    "evaluators/mine.py": "def mine(outputs): return True",
    "evaluators/words.txt": "yes",
    "data/rows.jsonl": '{"text": "a"}',
    "data/my answers.csv": "text",
    "certificates/ca.pem": "---",
    "pyproject.toml": "[project]",
    "workbench.yaml": "currency: EUR",
    ".env": "A=b",
    "src/metrics.py": "",
    ".workbench/store.db": "SQLite",
    ".workbench/acknowledged": "1",
}
NEW = ["evaluators/new.py", "prompts/qa/new.JINJA", "prompts/new/experiment.yaml", ".workbench/a"]
BELONGS = "belongs to the project\n  fix: name another file"
EXISTS = (
    "the file exists, and this command has not made it\n"
    "  fix: another name, or --force to replace it"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name, content in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["workbench"])
    return Project(tmp_path.resolve())


@pytest.mark.parametrize("name", [*FILES, *NEW])
@pytest.mark.parametrize("kind", [PAGE, UNKNOWN])
def test_a_file_of_the_project_is_never_replaced(project: Project, name: str, kind: bytes) -> None:
    path = Path(name)
    assert refusal(OutputFile, path, project, kind, force=True) == f"{name}: {BELONGS}"
    if path.exists():
        assert path.read_text() == FILES[name]


def test_no_other_name_of_such_a_file_is_written_either(project: Project) -> None:
    for number, name in enumerate(FILES):
        if FILES[name]:
            os.link(name, f"hard{number}.html")
            Path(f"soft{number}.html").symlink_to(name)
            for path in (Path(f"hard{number}.html"), Path(f"soft{number}.html")):
                assert refusal(OutputFile, path, project, PAGE, force=True).endswith(BELONGS)
    Path("dangling.html").symlink_to("prompts/qa/later.jinja")
    assert refusal(OutputFile, Path("dangling.html"), project, PAGE).endswith(BELONGS)
    Path("inside").symlink_to(".workbench", target_is_directory=True)
    assert refusal(OutputFile, Path("inside/new.db-wal"), project, PAGE).endswith(BELONGS)


def test_a_dataset_stays_also_if_the_command_made_it(project: Project) -> None:
    Path("data/rows.jsonl").write_text(OWN)
    assert refusal(OutputFile, Path("data/rows.jsonl"), project, PAGE, force=True).endswith(BELONGS)


def test_only_what_the_command_made_is_replaced(project: Project) -> None:
    page = Path("reports/page.html")
    OutputFile(page, project, PAGE).write(OWN)
    OutputFile(page, project, PAGE).write(OWN + "2")
    assert (page.read_text(), list(page.parent.iterdir())) == (OWN + "2", [page])
    junit = '<?xml version="1.0"?>\n<testsuites>\n  <testsuite name="workbench gate a'
    for text, kind in (("mine", PAGE), (junit, PAGE), (OWN, JUNIT), (OWN, UNKNOWN)):
        page.write_text(text)
        expected = EXISTS.replace(", and this command has not made it" * (kind == UNKNOWN), "")
        assert refusal(OutputFile, page, project, kind) == f"{page}: {expected}"
        assert page.read_text() == text
        OutputFile(page, project, kind, force=True).write("new")
        assert page.read_text() == "new"
    page.write_text("")  # as mktemp makes it
    OutputFile(page, project, JUNIT).write(junit)
    OutputFile(page, project, JUNIT).write(junit)


def test_a_file_that_is_made_meanwhile_stays(project: Project) -> None:
    output = OutputFile(Path("page.html"), project, PAGE)
    Path("page.html").write_text("mine")
    assert refusal(output.write, OWN).startswith("page.html: the file was made meanwhile")
    own = OutputFile(Path("own.html"), project, PAGE)
    own.write(OWN)
    again = OutputFile(Path("own.html"), project, PAGE)
    Path("own.html").write_text("edited")
    assert refusal(again.write, OWN) == f"own.html: {EXISTS}"
    assert (Path("page.html").read_text(), Path("own.html").read_text()) == ("mine", "edited")
    assert list(Path().glob(".*.part")) == []


def test_a_link_stays_a_link(project: Project) -> None:
    Path("page.html").symlink_to("reports.html")
    OutputFile(Path("page.html"), project, PAGE).write(OWN)
    assert (Path("page.html").is_symlink(), Path("reports.html").read_text()) == (True, OWN)


@pytest.mark.parametrize("name", ["data", "data/rows.jsonl/a", "a\0b", "circle", "x" * 300])
def test_a_path_that_is_no_file_is_named(project: Project, name: str) -> None:
    Path("circle").symlink_to("circle")
    message = refusal(OutputFile, Path(name), project, PAGE, force=True)
    assert "is a folder" in message if name == "data" else "can't be written: " in message


def test_pipes_and_devices_are_written_to(
    project: Project, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    OutputFile(Path("pipe"), project, PAGE).write("through a pipe")
    assert os.read(reader, 100) == b"through a pipe"
    os.close(reader)
    OutputFile(Path("/dev/null"), project, PAGE).write("lost")
    with os.fdopen(1, "w", closefd=False) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        OutputFile(Path("/dev/stdout"), project, PAGE).write("shown")
    assert capfd.readouterr().out == "shown"


@pytest.mark.parametrize(
    "words",
    [
        ("compare", "--html", "prompts/qa/plain.jinja", "--force"),
        ("gate", "--junit", "data/rows.jsonl", "--force"),
        ("gate", "--grow", "--max-calls", "9", "--junit", ".workbench/store.db"),
        ("store", "export", "--out", "pyproject.toml", "--force"),
    ],
)
def test_each_command_refuses_before_anything_else(project: Project, words: tuple) -> None:
    done = invoke(project.root, *words)
    file = next(word for word in words if word in FILES)
    assert (done.returncode, done.stderr) == (2, f"error: {file}: {BELONGS}\n")
    assert Path(file).read_text() == FILES[file]
