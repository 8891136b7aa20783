"""Inspect AI: a task of samples, exact scorer, its log written; no cache, no display.

python -m benchmarks.peers.inspect_ai URL ROWS CONCURRENCY
"""

import os
import sys

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import exact
from inspect_ai.solver import generate

from benchmarks.project import prompt, row


def sample(number: int) -> Sample:
    example = row(number)
    return Sample(input=prompt(example["question"]), target=example["answer"], id=example["id"])


def main(url: str, rows: str, concurrency: str) -> None:
    os.environ["OPENAI_API_KEY"] = "none"
    dataset = MemoryDataset([sample(number) for number in range(int(rows))])
    log = evaluate(
        Task(dataset=dataset, solver=generate(), scorer=exact(), name="bench"),
        model="openai/mock",
        model_base_url=url,
        model_args={"responses_api": False},
        max_connections=int(concurrency),
        max_samples=int(concurrency),
        temperature=0,
        max_tokens=8,
        cache=False,
        display="none",
        log_dir="logs",
    )[0]
    print(
        log.status, {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
