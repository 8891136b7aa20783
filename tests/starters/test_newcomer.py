"""A newcomer types what README.md says, on the wheel as it is built, in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import environment
from house import ROOT
from openai_server import OpenAIServer, Reply, say
from typed_shell import TypedShell

SOURCES = ("workbench", "prompts", "docs", "pyproject.toml", "setup.py", "README.md", "LICENSE")
COMMAND = re.compile(r"^    ((?:workbench|mkdir) .+?)(?:  +|$)", re.MULTILINE)
FILE = re.compile(r"^`(prompts/[\w./]+)`[^\n]*\n+```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Commands that go on until they are interrupted, and what each shows once it is ready.
GOES_ON = {
    "view": r"http://127",
    "ui": r"http://127",
    "serve": r"http://127",
    "--watch": r"watching",
}
pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as its wheel installs it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", "*.fetched.*")
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=ignored)
        else:
            shutil.copy(path, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def shell(site: Path, tmp_path: Path, server: OpenAIServer) -> Iterator[TypedShell]:
    """A shell in an empty folder, in which `workbench` is that of the wheel."""
    commands = tmp_path / "bin"
    commands.mkdir()
    script = commands / "workbench"
    script.write_text(f"#!{sys.executable}\nfrom workbench.cli import main\nmain()\n")
    script.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    variables = environment(
        PATH=f"{commands}:{os.environ['PATH']}",
        PYTHONPATH=str(site),
        HOME=str(home),
        BROWSER="true",
        OPENAI_BASE_URL=server.url,
        OPENAI_API_KEY="of-the-test",
    )
    typed = TypedShell(home, variables)
    yield typed
    typed.close()


def section(title: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def commands_of(title: str) -> list[str]:
    return [command for command in COMMAND.findall(section(title)) if "docs/" not in command]


def type_all(shell: TypedShell, commands: list[str]) -> dict[str, str]:
    """What each command shows; each ends with 0, or goes on until it is interrupted."""
    shown = {}
    for command in commands:
        ready = [pattern for word, pattern in GOES_ON.items() if word in command.split()]
        if ready:
            shown[command] = shell.start(command, ready[0])
        else:
            code, shown[command] = shell.run(command)
            assert (code, "Traceback" in shown[command]) == (0, False), shown[command]
    return shown


def test_first_run_and_loop(shell: TypedShell) -> None:
    imported = shell.run("python -c 'import workbench; print(workbench.__file__)'")[1]
    assert "/site/workbench/" in imported
    first = type_all(shell, commands_of("Try it"))
    assert "recorded:" in first["workbench run"]
    loop = type_all(shell, commands_of("The loop"))
    assert len(loop) >= 10


def test_own_files_are_pasted_one_at_a_time(shell: TypedShell, server: OpenAIServer) -> None:
    text = section("Your own task")
    files = dict(FILE.findall(text))
    assert {Path(name).suffix for name in files} == {".csv", ".jinja", ".yaml"}
    (table,) = (content for name, content in files.items() if name.endswith(".csv"))
    teams = dict(line.rsplit(",", 1) for line in table.splitlines()[1:])

    def route(path: str, body: Any, nth: int) -> Reply:
        question = body["messages"][-1]["content"]
        return say(next(team for ticket, team in teams.items() if ticket in question))

    server.script = route
    position = 0
    for match in re.finditer(f"{FILE.pattern}|{COMMAND.pattern}", text, FILE.flags):
        assert match.start() >= position
        position = match.end()
        if match[1]:
            shell.run(f"mkdir -p {Path(match[1]).parent}")
            folder = Path(shell.run("pwd")[1].splitlines()[0])
            (folder / match[1]).write_text(match[2])
        else:
            type_all(shell, [match[3]])
    assert server.bodies


EXPORT = """\
description: Tickets of the help desk
prompts:
  - - role: system
      content: You route support tickets.
    - role: user
      content: "{{ticket}} Answer with one team."
  - "Which team? {{ticket}}"
providers:
  - id: openai:gpt-4o-mini
    config: {temperature: 0}
defaultTest:
  assert:
    - type: latency
      threshold: 60000
tests:
  - vars: {ticket: The invoice is wrong.}
    assert: [{type: icontains, value: team}, {type: javascript, value: "output.length > 3"}]
  - vars: {ticket: My password is refused.}
    assert: [{type: icontains, value: password, weight: 2}, {type: not-contains, value: sorry}]
"""


def test_export_of_another_tool_becomes_a_task_that_runs(
    shell: TypedShell, server: OpenAIServer
) -> None:
    folder = Path(shell.run("pwd")[1].splitlines()[0])
    (folder / "export.yaml").write_text(EXPORT)
    code, report = shell.run("workbench import export.yaml")
    assert code == 0, report
    assert "javascript" in report
    (command,) = re.findall(r"next: (workbench run \S+)", report)
    type_all(shell, [command])
    assert {body["model"] for body in server.bodies} == {"gpt-4o-mini"}
    assert len(server.bodies) == 4
