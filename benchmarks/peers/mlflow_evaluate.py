"""mlflow.models.evaluate over answers that a bare AsyncOpenAI loop fetched: metrics and a table.

python -m benchmarks.peers.mlflow_evaluate URL ROWS CONCURRENCY
"""

import asyncio
import os
import sys

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

import mlflow
import pandas as pd
from mlflow.metrics import MetricValue, make_metric

from benchmarks.clients import bodies, with_openai
from benchmarks.project import row


def exact_match(predictions: pd.Series, targets: pd.Series) -> MetricValue:
    scores = [
        float(prediction == target) for prediction, target in zip(predictions, targets, strict=True)
    ]
    return MetricValue(scores=scores, aggregate_results={"mean": sum(scores) / len(scores)})


def main(url: str, rows: str, concurrency: str) -> None:
    requests = bodies(int(rows))
    answers = asyncio.run(with_openai(url, requests, int(concurrency)))
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("bench")
    table = pd.DataFrame(
        {
            "inputs": [body["messages"][0]["content"] for body in requests],
            "outputs": answers,
            "expected": [row(number)["answer"] for number in range(len(requests))],
        }
    )
    with mlflow.start_run():
        done = mlflow.models.evaluate(
            data=table,
            predictions="outputs",
            targets="expected",
            extra_metrics=[make_metric(eval_fn=exact_match, greater_is_better=True)],
        )
    print(done.metrics)


if __name__ == "__main__":
    main(*sys.argv[1:])
