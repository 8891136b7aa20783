"""Traces in an MLflow store."""

from mlflow import MlflowClient
from mlflow.entities import Trace


def stored_traces(uri: str, experiment: str, filter_string: str = "") -> list[Trace]:
    """All traces of an experiment that the filter lets through."""
    client = MlflowClient(uri)
    experiment_id = client.get_experiment_by_name(experiment).experiment_id
    traces: list[Trace] = []
    token = None
    while True:
        page = client.search_traces(
            locations=[experiment_id],
            filter_string=filter_string,
            max_results=500,
            page_token=token,
        )
        traces += page
        if not (token := page.token):
            return traces
