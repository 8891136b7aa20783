"""The rows in an MLflow store, read through MLflow's public API.

python -m benchmarks.read_back sqlite:////tmp/…/mlflow.db
{"traces": 2000, "whole": 2000, "linked": 2000, "metrics": 17, "tables": 1}
"""

import json
import sys
from collections.abc import Iterator

from mlflow import MlflowClient
from mlflow.entities import Expectation, Feedback, Trace

PAGE = 500
SCORES = 3


def is_complete(trace: Trace) -> bool:
    """A span, three scores without an error, and what was wanted."""
    kinds = [type(a) for a in trace.info.assessments if not getattr(a, "error", None)]
    return bool(trace.data.spans) and (kinds.count(Feedback), kinds.count(Expectation)) == (
        SCORES,
        1,
    )


def traces(client: MlflowClient, experiments: list[str]) -> Iterator[Trace]:
    token = None
    while True:
        page = client.search_traces(locations=experiments, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def main(uri: str) -> None:
    client = MlflowClient(uri, registry_uri=uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments)
    recorded = list(traces(client, experiments))
    tables = [
        run
        for run in runs
        for file in client.list_artifacts(run.info.run_id)
        if "table" in file.path
    ]
    print(
        json.dumps(
            {
                "traces": len(recorded),
                "whole": sum(map(is_complete, recorded)),
                "linked": sum("mlflow.linkedPrompts" in trace.info.tags for trace in recorded),
                "metrics": max(len(run.data.metrics) for run in runs),
                "tables": len(tables),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
