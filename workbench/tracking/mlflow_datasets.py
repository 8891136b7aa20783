"""Evaluation datasets of MLflow, read as rows for `dataset: {mlflow: name}`."""

from typing import Any

import mlflow.genai.datasets
from mlflow.exceptions import MlflowException

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tracking.tracking_store import connect, user_errors


def read_dataset(project: Project, tracking_uri: str, name: str) -> list[dict[str, Any]]:
    """The records of the evaluation dataset `name`, in MLflow's order.

    Raises:
        WorkbenchError: the store has no dataset of that name.
    """
    with user_errors():
        store = connect(project, tracking_uri)
    try:
        dataset = mlflow.genai.datasets.get_dataset(name=name)
    except MlflowException as error:
        names = [each.name for each in mlflow.genai.datasets.search_datasets()]
        raise WorkbenchError(
            f"no MLflow evaluation dataset {name!r} in {store.masked_uri}",
            fix=f"there are: {', '.join(names) or 'none'}",
        ) from error
    records: list[dict[str, Any]] = dataset.to_df().to_dict("records")
    return records
