"""Run the real command on one bad input, in a separate project.

    walk(Case("B29-model", models="[openia:m]", error="…: unknown provider 'openia'\\n  fix: …"), …)

The experiment asks a billing server on loopback, which sees every request.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from openai_server import OpenAIServer

from workbench.cli import main

FILE = "prompts/qa/experiment.yaml"
ROWS = '{"id": "a", "text": "one", "label": "1"}\n{"id": "b", "text": "two", "label": "2"}\n'
HANG = 120.0  # seconds: a bound on hanging, not on speed; a first MLflow store takes some


@dataclass(frozen=True)
class Case:
    """Files of a fresh project and the expected messages of the command.

    Attributes:
        id: the case of the catalogue, and which of its kinds.
        error: all of stderr; `{root}` is the project's folder, `{url}` the server.
        files: contents by path below the task's folder; the template is `plain.jinja`.
        make: what files can't say: links, pipes, folders.
        dataset, prompts, models, more: lines of the experiment file; `{url}` is the server's.
        words: the command; the words after `workbench`.
        code: the exit code.
        shown: the lines of stdout that warn, or of `--json` the counts.
    """

    id: str
    error: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    make: Callable[[Path], None] | None = None
    dataset: str = "{path: rows.jsonl, expected: label}"
    prompts: str = "[plain]"
    models: str = '["openai:m": {base_url: "{url}"}]'
    evaluators: str = "[exact_match]"
    more: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ("run",)
    code: int = 2
    shown: str = ""

    def write(self, root: Path, server: OpenAIServer) -> None:
        """The project in the folder `root`."""
        task = root / "prompts" / "qa"
        task.mkdir(parents=True)
        (task / "plain.jinja").write_text("user:\n{{ text }}\n")
        (task / "rows.jsonl").write_text(ROWS)
        (task / "experiment.yaml").write_text(
            f"dataset: {self.dataset}\nprompts: {self.prompts}\n"
            f"models: {self.models.replace('{url}', server.url)}\n"
            f"evaluators: {self.evaluators}\n{self.more}"
        )
        for path, content in self.files.items():
            file = task / path
            file.parent.mkdir(parents=True, exist_ok=True)
            raw = content if isinstance(content, bytes) else content.encode()
            file.write_bytes(raw.replace(b"{url}", server.url.encode()))
        if self.make:
            self.make(task)


@dataclass(frozen=True)
class Ended:
    """Exit code, output and duration of a command."""

    code: int
    out: str
    err: str
    seconds: float


@contextmanager
def kept_environment():
    """Restore the environment and the import path afterwards."""
    environment, path, folder, words = dict(os.environ), list(sys.path), Path.cwd(), sys.argv
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
        os.chdir(folder)
        sys.argv = words


def command(root: Path, words: tuple[str, ...], env: Mapping[str, str], capfd) -> Ended:
    """Run `workbench` with these arguments through its real `main` in this process."""
    with kept_environment():
        for name in list(os.environ):
            if name.startswith(("OPENAI", "MLFLOW", "HF_")):
                del os.environ[name]
        os.environ.update({"HF_HUB_OFFLINE": "1", "COLUMNS": "200", **env})
        os.chdir(root)
        sys.argv = ["workbench", *words]
        capfd.readouterr()
        begun = time.monotonic()
        with pytest.raises(SystemExit) as ended:
            main()
        seconds = time.monotonic() - begun
    out, err = capfd.readouterr()
    return Ended(int(ended.value.code or 0), out, err, seconds)


def walk(case: Case, root: Path, server: OpenAIServer, capfd) -> Ended:
    """Write the project of the case and run its command."""
    case.write(root, server)
    return command(root, case.words, case.env, capfd)
