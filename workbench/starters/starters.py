"""The starter projects: what each shows, and its files.

$ ls projects/support
prompts
$ ls projects/support/prompts/support
experiment.yaml  guided.jinja  tickets.csv  triage.jinja
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from workbench.errors import unknown_name
from workbench.project.new_files import write_new_files

FOLDER = "projects"
RECORDED_MODEL = re.compile(r"^(?P<indent> *)- recorded:.*\n", re.MULTILINE)
RECORDED_NOTE = re.compile(r"^#.*\brecorded\b.*\n", re.MULTILINE | re.IGNORECASE)
RECORDED_JUDGE = re.compile(r"model: recorded:\S+")
GITIGNORE = b".workbench/\n.env\n"
RATINGS = "labels.csv"  # of recorded answers
SETTINGS = b"""\
# yaml-language-server: $schema=.workbench/schema/workbench.json
# Settings of the project; every key is optional.
# tracking_uri: http://mlflow.example:5000    # change: your MLflow server; default: a file here
# prices:                                     # change: your prices, per million tokens
#   openai:qwen2.5-7b: {input: 0, output: 0}
"""
PROJECT_FILES: Mapping[str, bytes] = {".gitignore": GITIGNORE, "workbench.yaml": SETTINGS}


@dataclass(frozen=True)
class Starter:
    """A small project to begin with.

    Attributes:
        name: for `workbench init --from`.
        task: its task.
        about: a line of help.
    """

    name: str
    task: str
    about: str

    def contents(self, models: Sequence[str] = ()) -> dict[str, bytes]:
        """The bytes of each file by its path in the project.

        Args:
            models: names as in `models:`, instead of the recorded ones.
        """
        folder = files(__package__).joinpath(FOLDER, self.name)
        contents = {path: entry.read_bytes() for path, entry in _files(folder)}
        experiment = f"prompts/{self.task}/experiment.yaml"
        if models:
            text = contents[experiment].decode()
            contents[experiment] = _with_models(text, models).encode()
            contents.pop(f"prompts/{self.task}/{RATINGS}", None)
        return {**PROJECT_FILES, **contents}


STARTERS = (
    Starter("support", "support", "support tickets, each for one of three teams"),
    Starter("sentiment", "sentiment", "reviews, positive or negative"),
    Starter("extraction", "orders", "orders in e-mails, as JSON"),
    Starter("rag", "handbook", "questions about a handbook, with the passages that were found"),
    Starter("judge", "replies", "replies to customers, scored by a model that judges"),
)
STARTERS_BY_NAME: Mapping[str, Starter] = {starter.name: starter for starter in STARTERS}


def find_starter(name: str) -> Starter:
    """Return the starter of this name, or raise WorkbenchError."""
    if name not in STARTERS_BY_NAME:
        raise unknown_name("starter", name, STARTERS_BY_NAME)
    return STARTERS_BY_NAME[name]


def write_starter(starter: Starter, root: Path, models: Sequence[str] = ()) -> list[str]:
    """Write a starter into a folder, and return the paths of the new files.

    An existing `.gitignore` or `workbench.yaml` is left as it is.

    Raises:
        WorkbenchError: another file of it exists with another content; nothing is written then.
    """
    contents = starter.contents(models)
    for optional in PROJECT_FILES:
        if (root / optional).exists():
            del contents[optional]
    return write_new_files(root, contents)


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        path = prefix + entry.name
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{path}/")
        else:
            yield path, entry


def _with_models(text: str, models: Sequence[str]) -> str:
    """The experiment file with other models in the place of the recorded ones; the first judges."""
    text = RECORDED_NOTE.sub("", text)
    first = RECORDED_MODEL.search(text)
    if first is None:
        return text
    lines = "".join(f"{first['indent']}- {model}\n" for model in models)
    rest = RECORDED_MODEL.sub("", text[first.end() :])
    rest = RECORDED_JUDGE.sub(f"model: {models[0]}", rest)
    return text[: first.start()] + lines + rest
