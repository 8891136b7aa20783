"""MLflow's own evaluation datasets, read as rows."""

from typing import Any

import mlflow.genai.datasets
from mlflow.exceptions import MlflowException

from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Project
from workbench.tracking.tracking_store import connect


def read_dataset(project: Project, tracking_uri: str, name: str) -> list[dict[str, Any]]:
    """The records of the evaluation dataset `name`, in the order MLflow gives them.

    Raises:
        WorkbenchError: the store has no dataset of that name.
    """
    try:
        place = connect(project, tracking_uri)
    except WorkbenchError as error:  # here nothing is paid for yet
        error.exit_code = ExitCode.USER
        raise
    try:
        found = mlflow.genai.datasets.get_dataset(name=name)
    except MlflowException as error:
        known = [one.name for one in mlflow.genai.datasets.search_datasets()]
        raise WorkbenchError(
            f"no MLflow evaluation dataset {name!r} in {place.shown}",
            fix=f"there are: {', '.join(known) or 'none'}",
        ) from error
    records: list[dict[str, Any]] = found.to_df().to_dict("records")
    return records
