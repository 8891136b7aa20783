"""Evaluators over the finished outputs of a variant, through `mlflow.models.evaluate`.

    score_cells(evaluator, rows, store)     [Score(True), …], each computed once and stored
    evaluate_run(…)                         the same, as MLflow's evaluate calls it inside a run

Everything is imported when it is first asked for: the evaluators' process, which starts again
after each row that hung, needs no statistics, and a command that only plans no MLflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.scoring.adapter import adapt
    from workbench.scoring.cells import score_cells, score_rows
    from workbench.scoring.evaluate import RESERVED, evaluate_run, prepare
    from workbench.scoring.judging import find_evaluators, one_child
    from workbench.scoring.tables import TABLE, table, write_table

__all__ = [
    "RESERVED",
    "TABLE",
    "adapt",
    "evaluate_run",
    "find_evaluators",
    "one_child",
    "prepare",
    "score_cells",
    "score_rows",
    "table",
    "write_table",
]
LATER = {
    "adapt": "adapter",
    "score_cells": "cells",
    "score_rows": "cells",
    "RESERVED": "evaluate",
    "evaluate_run": "evaluate",
    "prepare": "evaluate",
    "find_evaluators": "judging",
    "one_child": "judging",
    "TABLE": "tables",
    "table": "tables",
    "write_table": "tables",
}


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{LATER[name]}"), name)
