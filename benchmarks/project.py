"""A Workbench project of N rows on the mock endpoint, and the same rows for everyone else.

row(17)    {"id": "row-000017", "question": "Did the shop in …?", "answer": "no"}
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TASK = "bench"
TEMPLATE = "{opening}\n\nQuestion: {{{{ question }}}}\nAnswer with yes or no.\n"
OPENING = "You answer questions about a shop's ledger."
EDITED = "You answer short questions about a shop's ledger."
WORDS = tuple(
    ["ledger", "invoice", "winter", "delivery", "account", "refund", "carton", "receipt", "branch", "courier", "order", "balance", "discount", "warehouse", "quarter", "stamp", "signature", "folder", "return", "customer", "shelf", "price", "note"]
)


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
    """What the template makes of a row: the one user message."""
    return f"{opening}\n\nQuestion: {question}\nAnswer with yes or no."


def write_rows(path: Path, rows: int) -> Path:
    """The dataset as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row(number)) + "\n" for number in range(rows))
    return path


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

    @property
    def task(self) -> Path:
        return self.folder / "prompts" / TASK

    def write(self) -> "Bench":
        """Makes it anew; nothing is stored or recorded yet."""
        self.task.mkdir(parents=True)
        write_rows(self.task / "rows.jsonl", self.rows)
        for name in self.prompts:
            self.edit(name, f"{OPENING} ({name})" if name != "plain" else OPENING)
        (self.task / "experiment.yaml").write_text(
            "dataset: {path: rows.jsonl, expected: answer, id: id}\n"
            f"prompts: [{', '.join(self.prompts)}]\n"
            "models:\n"
            f'  - openai:mock: {{base_url: "{self.url}", identity: mock, '
            f"concurrency: {self.concurrency}}}\n"
            "parameters: {temperature: 0, max_tokens: 8}\n"
            "evaluators: [exact_match, contains, output_tokens]\n"
        )
        return self

    def edit(self, name: str, opening: str) -> None:
        """Gives a template another first line."""
        (self.task / f"{name}.jinja").write_text(TEMPLATE.format(opening=opening))
