"""The table of a run, a line per row, in which people compare rows.

text     label     output    state  id  repeat  exact_match/score  exact_match/justification
a joy    positive  positive  ok     r1  0       1.0                right
"""

import json
from collections.abc import Sequence

import mlflow
import pandas as pd

from workbench.canonical import JSON
from workbench.evaluator import Score
from workbench.results.types import Row

FILE_NAME = "eval_results_table.json"  # the name that mlflow.models.evaluate gives it


def build_table(rows: Sequence[Row]) -> pd.DataFrame:
    """The table without scores."""
    return pd.DataFrame([_table_row(row) for row in rows])


def write_table(client: mlflow.MlflowClient, run_id: str, rows: Sequence[Row]) -> None:
    """Replace MLflow's table of a run by one with all rows, failed ones included.

    mlflow.models.evaluate appends to the table of a run that is recorded again.
    """
    table = build_table(rows)
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        scores = [row.scores.get(name, Score()) for row in rows]
        table[f"{name}/score"] = [table_value(score) for score in scores]
        table[f"{name}/justification"] = [justification(score) for score in scores]
    client.log_text(run_id, table.to_json(orient="split", index=False), FILE_NAME)
    artifacts = json.dumps([{"path": FILE_NAME, "type": "table"}])
    client.set_tag(run_id, "mlflow.loggedArtifacts", artifacts)


def table_value(score: Score) -> float | str | None:
    """The score's value in the table: pass and fail are 1 and 0."""
    return score.value if isinstance(score.value, str | None) else float(score.value)


def justification(score: Score) -> str:
    """The reason for the score's value, or the error that left it without one."""
    return score.error or " · ".join(part for part in (score.label, score.reason) if part)


def _table_row(row: Row) -> dict[str, JSON]:
    example = row.cell.example
    values = {**example.inputs, **example.expectations}
    return {
        **{
            key: v if isinstance(v, str | int | float | None) else str(v)
            for key, v in values.items()
        },
        "output": row.completion.text if row.completion else None,
        "state": row.completion.state if row.completion else "not_run",
        "id": example.id,
        "repeat": row.cell.repeat,
    }
