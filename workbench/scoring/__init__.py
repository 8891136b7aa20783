"""Evaluators over the finished outputs of a variant, through `mlflow.models.evaluate`.

score_cells(evaluator, rows, store)     [Score(True), …], each computed once and stored
evaluate_run(…)                         the same, as MLflow's evaluate calls it inside a run
"""

from workbench.scoring.adapt import adapt
from workbench.scoring.cells import score_cells, score_rows
from workbench.scoring.evaluate import RESERVED, evaluate_run
from workbench.scoring.table import TABLE, table, write_table

__all__ = [
    "RESERVED",
    "TABLE",
    "adapt",
    "evaluate_run",
    "score_cells",
    "score_rows",
    "table",
    "write_table",
]
