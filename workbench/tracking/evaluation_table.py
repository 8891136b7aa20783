"""The table of a run: a line a row, what a person compares.

text     label     output    state  id  repeat  exact_match/score  exact_match/justification
a joy    positive  positive  ok     r1  0       1.0                right
"""

import json
from collections.abc import Sequence

import mlflow
import pandas as pd

from workbench.canonical import JSON
from workbench.dataset import Example
from workbench.evaluator import Score
from workbench.results.metrics import Row

TABLE = "eval_results_table.json"  # the name that MLflow's own evaluate gives it


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """What a person compares row by row: the example, the answer, and its state."""
    return pd.DataFrame(
        [
            {
                **_example(row.cell.example),
                "output": row.completion.text if row.completion else None,
                "state": row.completion.state if row.completion else "not_run",
                "id": row.cell.example.id,
                "repeat": row.cell.repeat,
            }
            for row in rows
        ]
    )


def write_table(client: mlflow.MlflowClient, run_id: str, rows: Sequence[Row]) -> None:
    """MLflow's table of a run, made anew with every row in it, failed ones too.

    MLflow's evaluate writes it without them, and adds to it when a run is continued.
    """
    frame = table(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.scores))
    for name in names:
        scores = [row.scores.get(name, Score()) for row in rows]
        frame[f"{name}/score"] = [number(score) for score in scores]
        frame[f"{name}/justification"] = [shown(score) for score in scores]
    client.log_text(run_id, frame.to_json(orient="split", index=False), TABLE)
    logged = json.dumps([{"path": TABLE, "type": "table"}])
    client.set_tag(run_id, "mlflow.loggedArtifacts", logged)


def number(score: Score) -> float | str | None:
    """The value as a table holds it: pass and fail are 1 and 0."""
    return score.value if isinstance(score.value, str | None) else float(score.value)


def shown(score: Score) -> str:
    """What stands beside the value: why it is so, or why there is none."""
    return score.error or " · ".join(part for part in (score.label, score.reason) if part)


def _example(example: Example) -> dict[str, JSON]:
    said = {**example.inputs, **example.expectations}
    return {name: _cell(value) for name, value in said.items()}


def _cell(value: JSON) -> JSON:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
