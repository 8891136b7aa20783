"""Artifacts of an invocation's run: the comparison of all variants, and charts.

comparison.html  comparison.json  figures/exact_match.png     this invocation's variants
figures/exact_match_cost.png                                  quality against cost
figures/label_match_confusion.png                             expected and answered labels
history/exact_match.png                                       those of earlier invocations, too
"""

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from workbench.comparing.history import VariantRecord
from workbench.storable_text import storable_text
from workbench.tracking.protocol import RecordLinks, ResultSet
from workbench.tracking.recorded_runs import read_recorded_runs
from workbench.tracking.runs import RECORDED, Runs

MAX_INVOCATIONS = 50  # in the charts of an experiment's history
COMPARISON = ("comparison.html", "comparison.json", "figures")


def log_comparison(runs: Runs, results: ResultSet, links: RecordLinks, currency: str) -> bool:
    """Log the comparison of all variants; MLflow's page compares two. True if it was logged.

    Where nothing is compared any more, an earlier comparison is deleted.
    """
    pages = results.pages(links) if results.pages else {}
    if not pages:
        if RECORDED in runs.parent.data.tags and not runs.store.client.artifact_error:
            _delete_comparison(runs)
        return False
    from workbench.figures.confusion_figures import confusion_figures  # matplotlib is slow
    from workbench.figures.cost_figures import cost_figures
    from workbench.figures.figure_style import save_figures
    from workbench.figures.mean_figures import mean_figures

    with tempfile.TemporaryDirectory() as folder:
        for name, text in pages.items():
            Path(folder, name).write_text(storable_text(text), encoding="utf-8")
        figures = mean_figures(results.variants)
        for metric in list(figures)[:1]:
            for name, figure in cost_figures(metric, results.variants, currency).items():
                figures[f"{metric}_{name}"] = figure
        tables = json.loads(pages["comparison.json"]).get("confusions", ())
        for metric, figure in confusion_figures(tables, results.variants).items():
            figures[f"{metric}_confusion"] = figure
        save_figures(figures, Path(folder) / "figures")
        runs.store.client.log_artifacts(runs.parent.info.run_id, folder)
    return not runs.store.client.artifact_error


def _delete_comparison(runs: Runs) -> None:
    files = {file.path for file in runs.store.client.list_artifacts(runs.parent.info.run_id)}
    repository = get_artifact_repository(runs.parent.info.artifact_uri)
    for name in files.intersection(COMPARISON):
        with suppress(MlflowException, OSError, NotImplementedError):  # not every store deletes
            repository.delete_artifacts(name)


def log_history(runs: Runs) -> Sequence[VariantRecord]:
    """Log charts of the experiment's last invocations, and return their variants."""
    records = read_recorded_runs(runs.store, runs.experiment_id, MAX_INVOCATIONS).variants
    if len({record.invocation for record in records}) < 2:
        return records
    from workbench.figures.figure_style import save_figures  # importing matplotlib is slow
    from workbench.figures.history_figures import history_figures

    with tempfile.TemporaryDirectory() as folder:
        save_figures(history_figures(records), Path(folder) / "history")
        runs.store.client.log_artifacts(runs.parent.info.run_id, folder)
    return records
