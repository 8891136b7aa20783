"""Names in a project, for completion in the shell: by a light scan, without parsing YAML.

names = ProjectNames.find(Path.cwd())
names.tasks()                      ["arithmetic", "sentiment"]
names.models("sentiment")          ["openai:gpt-6-luna", "echo:last"]

It reads what it can and guesses nothing: a file with errors has fewer names. Of the packages of
workbench it imports none.
"""

import csv
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

JUDGES = "judges"
MOST_BYTES = 1_000_000  # read of a file
MOST_NAMES = 200
TOP_KEY = re.compile(r"^([A-Za-z_]+):(.*)$")
NAME = re.compile(r"""["']?([^\s"'{}\[\],]+?)["']?(?=:?\s*(?:$|[{\[#,}]|\s))""")
LABEL = re.compile(r"\bas:\s*[\"']?([^\s\"'{},#]+)")
METRIC = re.compile(r"\bname:\s*[\"']?([^\s\"'{},#]+)")
PATH = re.compile(r"(?:\bpath:\s*|^\s*)[\"']?([^\s\"'{},#:]+\.\w+)")


@dataclass(frozen=True)
class ProjectNames:
    """Names in the project in the folder `root`."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> "ProjectNames":
        """The names of the project around `start`; outside of a project there are none.

        It looks as `find_root` does, whose package imports pydantic.
        """
        folders = (start, *start.parents)
        root = next((folder for folder in folders if (folder / "prompts").is_dir()), None)
        return cls(root or start)

    def tasks(self) -> list[str]:
        """Folders with a template or an experiment file."""
        return sorted(
            folder.name
            for folder in (self.root / "prompts").iterdir()
            if folder.name != JUDGES
            and ((folder / "experiment.yaml").is_file() or any(folder.glob("*.jinja")))
        )

    def task_around(self, folder: Path) -> str:
        """The only task, or that whose folder `folder` is in; else empty."""
        tasks = self.tasks()
        inside = [
            task for task in tasks if folder.is_relative_to(self.root / "prompts" / task)
        ] or tasks
        return inside[0] if len(inside) == 1 else ""

    def prompts(self, task: str) -> list[str]:
        """Templates of a task by name; partials begin with `_`."""
        files = (self.root / "prompts" / task).glob("*.jinja")
        return sorted(file.stem for file in files if not file.stem.startswith("_"))

    def folders(self) -> list[str]:
        """The tasks, and the judges if there are any."""
        return [*self.tasks(), *([JUDGES] if self.prompts(JUDGES) else [])]

    def references(self) -> list[str]:
        """`TASK/NAME` of every template, judges included."""
        return [f"{task}/{name}" for task in self.folders() for name in self.prompts(task)]

    def models(self, task: str) -> list[str]:
        """`provider:name` of the task's models."""
        return [name for name, _ in self._entries(task, "models") if ":" in name]

    def labels(self, task: str) -> list[str]:
        """Names of the task's models in tables."""
        labels = []
        for name, text in self._entries(task, "models"):
            match = LABEL.search(text)
            short = name.partition(":")[2].rstrip("/").rpartition("/")[2]
            labels.append(match[1] if match else short)
        return labels

    def metrics(self, task: str) -> list[str]:
        """Names of the task's evaluators in tables."""
        entries = self._entries(task, "evaluators")
        matches = [(name, METRIC.search(text)) for name, text in entries]
        return [match[1] if match else name.rpartition(":")[2] for name, match in matches]

    def columns(self, task: str) -> list[str]:
        """Columns of the task's dataset, if it is a file of JSON Lines or with a delimiter."""
        return list(next(self._rows(task), {}))

    def row_ids(self, task: str) -> list[str]:
        """The first ids in the column `id` of the task's dataset."""
        ids = (str(row["id"]) for row in self._rows(task) if "id" in row)
        return [row_id for row_id, _ in zip(ids, range(MOST_NAMES), strict=False)]

    def stored_models(self) -> list[str]:
        """`provider:name` of models with stored answers; each is one look into an index."""
        models: list[str] = []
        query = "SELECT min(model) FROM completions WHERE model > ?"
        with closing(_connect(self.root / ".workbench" / "store.db")) as connection:
            while len(models) < MOST_NAMES:
                (model,) = connection.execute(query, (models[-1] if models else "",)).fetchone()
                if model is None:
                    break
                models.append(model)
        return models

    def run_ids(self) -> list[str]:
        """Ids of the newest runs in the project's MLflow store."""
        query = "SELECT run_uuid FROM runs ORDER BY start_time DESC LIMIT ?"
        with closing(_connect(self.root / ".workbench" / "mlflow.db")) as connection:
            return [run_id for (run_id,) in connection.execute(query, (MOST_NAMES,))]

    def _text(self, task: str) -> str:
        file = self.root / "prompts" / task / "experiment.yaml"
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES).decode("utf-8", "replace")

    def _section(self, task: str, key: str) -> str:
        """The text of a key of the experiment file, that of its own line first."""
        lines: list[str] = []
        inside = False
        for line in self._text(task).splitlines():
            if match := TOP_KEY.match(line):
                inside = match[1] == key
                line = match[2]
            if inside:
                lines.append(re.sub(r"(?:^|\s)#.*", "", line))
        return "\n".join(lines)

    def _entries(self, task: str, key: str) -> Iterator[tuple[str, str]]:
        """Name and text of each entry of a list, in a block or in brackets."""
        section = self._section(task, key)
        if section.lstrip().startswith("["):
            texts = _split(section.strip().strip("[]"))
        else:
            marks = re.findall(r"^( *)- ", section, re.MULTILINE)
            indent = min(map(len, marks), default=0)
            texts = re.split(rf"^ {{{indent}}}- ", section, flags=re.MULTILINE)[1:]
        for text in texts:
            if match := NAME.match(text.strip().lstrip("{ ")):
                yield match[1].rstrip(":"), text

    def _rows(self, task: str) -> Iterator[dict[str, object]]:
        """The rows of the task's dataset as far as MOST_BYTES reach."""
        match = PATH.search(self._section(task, "dataset"))
        file = self.root / "prompts" / task / (match[1] if match else "")
        if file.suffix not in (".jsonl", ".ndjson", ".csv", ".tsv"):
            return
        with file.open(encoding="utf-8-sig", newline="") as opened:
            text = opened.read(MOST_BYTES)
        lines = text.splitlines()
        if file.suffix in (".csv", ".tsv"):
            yield from csv.DictReader(lines, delimiter="\t" if file.suffix == ".tsv" else ",")
            return
        for line in lines if len(text) < MOST_BYTES else lines[:-1]:
            row = json.loads(line) if line.strip() else {}
            if isinstance(row, dict):
                yield row


def _split(text: str) -> list[str]:
    """The parts between commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _connect(file: Path) -> sqlite3.Connection:
    """The database as it is on the disk; nothing is created or locked."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
