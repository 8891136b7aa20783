"""Recorded runs as a data frame, read from MLflow."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.api.arguments import check_texts
from workbench.api.opening import current_project
from workbench.api.python_words import in_python_words
from workbench.cli.compare import RUN_ID
from workbench.dataset import EXPECTED
from workbench.errors import WorkbenchError
from workbench.experiment.load import read_experiment_name
from workbench.project import Project
from workbench.report.row_names import metric_column

if TYPE_CHECKING:
    import pandas as pd

SCORE = re.compile(r"(?P<metric>.+)/(?P<kind>score|justification|reason|error|category)")


def load_results(
    run_ids: str | Iterable[str] | Mapping[str, str], *, tracking_uri: str = ""
) -> "pd.DataFrame":
    """The rows of recorded runs, a line per row of each run.

    The columns are named as in `to_pandas`: those of the data, `expected`, `output`, `state`,
    scores and reasons, `variant` and `run_id`; MLflow's record has no others.

    Args:
        run_ids: of variants, or of whole invocations: `results.run_ids`, or some of its values. The
            name of a task, or of an experiment in MLflow: its newest invocation.
        tracking_uri: of the MLflow store; empty: the project's.

    Raises:
        WorkbenchError: there is no such run, or its rows can't be read.

    >>> frame = wb.load_results(recorded.run_ids.values())
    >>> frame[["id", "variant", "output", "exact_match"]]
      id variant output  exact_match
    0  a   short    yes          1.0
    1  b   short     no          1.0
    """
    import pandas as pd

    values = run_ids.values() if isinstance(run_ids, Mapping) else run_ids
    is_list = isinstance(values, Iterable) and not isinstance(values, str)
    fix = "pass results.run_ids.values(), or ids that MLflow shows"
    ids = check_texts(list(values) if is_list else values, "run_ids", fix)
    if not ids:
        raise WorkbenchError("there are no runs", where="run_ids", fix=fix)
    with in_python_words():
        project = current_project(tracking_uri)
        project.require_tracking(tracking_uri, "load_results")
        from workbench.tracking.live_recordings import wait_for_recordings
        from workbench.tracking.run_tables import newest_invocation, read_run_tables

        wait_for_recordings(project, lambda _line: None)
        if isinstance(run_ids, str) and not RUN_ID.fullmatch(run_ids):
            ids = [newest_invocation(project, tracking_uri, _experiment_name(run_ids, project))]
        tables = list(read_run_tables(project, tracking_uri, ids))
    return pd.DataFrame(
        {**_columns(row), "variant": table.variant, "run_id": table.run_id}
        for table in tables
        for row in table.rows
    )


def _experiment_name(task: str, project: Project) -> str:
    """The name of a task's experiment in MLflow; other names are those of experiments."""
    file = project.prompts / task / "experiment.yaml"
    return read_experiment_name(file, project) if file.is_file() else task


def _columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with `exact_match` and `exact_match.reason` in place of MLflow's names."""
    columns: dict[str, Any] = {}
    for name, value in row.items():
        if match := SCORE.fullmatch(name):
            metric = metric_column(match["metric"])
            kind = match["kind"].replace("justification", "reason")
            is_value = kind in ("score", "category")
            if not is_value or value is not None or metric not in columns:
                columns[metric if is_value else f"{metric}.{kind}"] = value
        else:
            columns["expected" if name == EXPECTED else name] = value
    return columns
