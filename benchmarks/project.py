"""A Workbench project of N rows on the mock endpoint, and the same rows for everyone else.

row(17)    {"id": "row-000017", "question": "Did the shop in …?", "answer": "no"}
"""

import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASK = "bench"
EVALUATORS = ("exact_match", "contains", "output_tokens")
NOWHERE = "http://127.0.0.1:9"  # nobody listens: answers and scores are kept, nothing is recorded
NOT_RECORDED = 6
BIN = Path(sys.executable).parent
TEMPLATE = "{opening}\n\nQuestion: {{{{ question }}}}\nAnswer with yes or no.\n"
OPENING = "You answer questions about a shop's ledger."
EDITED = "You answer short questions about a shop's ledger."
WORDS = """
ledger invoice winter delivery account refund carton receipt branch courier order balance discount
warehouse quarter stamp signature folder return customer shelf price note total
""".split()  # noqa: SIM905


def row(number: int) -> dict[str, str]:
    """One row; always the same for a number, and different from every other."""
    words = random.Random(number)
    about = " ".join(words.choices(WORDS, k=30))
    question = f"Does entry {number} of the ledger agree with: {about}?"
    return {
        "id": f"row-{number:06}",
        "question": question,
        "answer": words.choice(("yes", "no")),
    }


def prompt(question: str, opening: str = OPENING) -> str:
    """The one user message that the template makes of a row."""
    return f"{opening}\n\nQuestion: {question}\nAnswer with yes or no."


def write_rows(path: Path, rows: int) -> Path:
    """The dataset as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row(number)) + "\n" for number in range(rows))
    return path


def workbench(*words: str) -> list[str]:
    """The command line of `workbench …` in this environment."""
    return [str(BIN / "workbench"), *words]


def without_mlflow() -> dict[str, str]:
    """The environment in which a run finds out at once that nobody listens."""
    return os.environ | {"MLFLOW_TRACKING_URI": NOWHERE, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


@dataclass(frozen=True)
class Bench:
    """A project in a folder.

    Attributes:
        url: of the endpoint, with /v1.
    """

    folder: Path
    url: str
    rows: int
    concurrency: int = 64
    prompts: Sequence[str] = ("plain",)
    evaluators: Sequence[str] = EVALUATORS

    @property
    def task(self) -> Path:
        return self.folder / "prompts" / TASK

    def write(self) -> "Bench":
        """Makes it anew; nothing is stored or recorded yet."""
        self.task.mkdir(parents=True)
        write_rows(self.task / "rows.jsonl", self.rows)
        for number, name in enumerate(self.prompts):
            self.edit(name, f"{OPENING} ({number})" if number else OPENING)
        self.judge_by(self.evaluators)
        return self

    def edit(self, prompt: str, opening: str) -> None:
        """Gives a template another first line."""
        (self.task / f"{prompt}.jinja").write_text(TEMPLATE.format(opening=opening))

    def judge_by(self, evaluators: Sequence[str]) -> None:
        """Writes the experiment file with these evaluators."""
        (self.task / "experiment.yaml").write_text(
            "dataset: {path: rows.jsonl, expected: answer, id: id}\n"
            f"prompts: [{', '.join(self.prompts)}]\n"
            "models:\n"
            f'  - openai:mock: {{base_url: "{self.url}", identity: mock, '
            f"concurrency: {self.concurrency}}}\n"
            "parameters: {temperature: 0, max_tokens: 8}\n"
            f"evaluators: [{', '.join(evaluators)}]\n"
        )


@contextmanager
def fresh(url: str, rows: int, concurrency: int = 64, **more: Any) -> Iterator[Bench]:
    """A project where nothing is stored or recorded, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        yield Bench(Path(folder) / "project", url, rows, concurrency, **more).write()
