"""Inspect AI's scorers over the rows of the parity sheet, read from stdin; runs in its environment.

[{"id": "text-01", "kind": "text", "reply": "Paris", "target": "Paris"}]  ->
{"match": {"text-01": true}, "includes": {"text-01": true}, …}
"""

import json
import os
import sys
import tempfile

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Scorer, choice, exact, includes, match, pattern
from inspect_ai.solver import Solver, generate, multiple_choice

PATTERN = r"^\W*(\w+)\W*$"
LETTERS = ["Paris", "Rome", "Oslo", "Bern"]


def verdicts(rows: list[dict], scorers: dict[str, Scorer], solver: Solver) -> dict[str, dict]:
    """Score scripted replies, one scorer at a time and in the order of the rows."""
    by_scorer = {}
    for name, scorer in scorers.items():
        replies = [ModelOutput.from_content("mockllm/model", row["reply"]) for row in rows]
        for reply in replies:  # or a tokenizer would be fetched to count
            reply.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        samples = [
            Sample(input=row["id"], target=row["target"], id=row["id"], choices=LETTERS)
            for row in rows
        ]
        log = evaluate(
            Task(dataset=MemoryDataset(samples), solver=solver, scorer=scorer),
            model=get_model("mockllm/model", custom_outputs=replies, memoize=False),
            max_samples=1,
            max_connections=1,
            display="none",
            log_dir=".",
        )[0]
        assert log.status == "success", log.error.message
        by_scorer[name] = {
            sample.id: next(iter(sample.scores.values())).value == "C" for sample in log.samples
        }
    return by_scorer


def main() -> None:
    rows = json.load(sys.stdin)
    os.chdir(tempfile.mkdtemp(prefix="inspect-"))
    numbers = [row for row in rows if row["kind"] == "number"]
    letters = [row for row in rows if row["kind"] == "letter"]
    texts = {
        "match": match(),
        "includes": includes(),
        "exact": exact(),
        "pattern": pattern(PATTERN),
    }
    found = verdicts(rows, texts, generate())
    found |= verdicts(numbers, {"match(numeric)": match(numeric=True)}, generate())
    found |= verdicts(letters, {"choice": choice()}, multiple_choice())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
