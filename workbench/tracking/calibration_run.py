"""A judge's calibration as a run in MLflow, in an experiment of its own beside the task's.

    sentiment judges / rubric · kappa 0.71      metrics kappa, agreement, sensitivity, specificity

The task's experiment has the runs of variants only, so that no search counts a calibration as one.
"""

import time
from collections.abc import Mapping

from mlflow.entities import Metric, Param, RunTag

from workbench.canonical import JSON, canonical_json
from workbench.errors import WorkbenchError
from workbench.judges.judge import Judge
from workbench.judges.judge_record import JudgeRecord
from workbench.tracking.mlflow_client import first_line
from workbench.tracking.protocol import not_recorded_error
from workbench.tracking.run_data import description_tags, round_metric
from workbench.tracking.tracking_store import KIND, TrackingStore

SUFFIX = " judges"  # of the experiment's name
TABLE = "calibration.json"


def log_calibration(
    store: TrackingStore, experiment: str, judge: Judge, record: JudgeRecord, description: str
) -> str:
    """Record a calibration; return the id of its run.

    Args:
        store: that answers.
        experiment: the name of the task's.
        judge: that was calibrated.
        record: of the calibration.
        description: the table as Markdown.

    Raises:
        WorkbenchError: MLflow can't be written (exit code 6); the record is kept without it.
    """
    try:
        return _create_run(store, experiment, judge, record, description)
    except WorkbenchError:
        raise
    except Exception as error:  # of MLflow, of its server or its storage
        raise not_recorded_error(
            f"the calibration is not in MLflow: {first_line(error)}",
            where=store.masked_uri,
            fix="the record is kept in the project; the same command records it",
        ) from error


def _create_run(
    store: TrackingStore, experiment: str, judge: Judge, record: JudgeRecord, description: str
) -> str:
    kappa = "no kappa" if record.kappa is None else f"kappa {record.kappa:.2f}"
    now, client = round(time.time() * 1000), store.client
    experiment_id = store.find_experiment(f"{experiment}{SUFFIX}", KIND)
    run = client.create_run(experiment_id, now, {}, run_name=f"{judge.name} · {kappa}")
    run_id = str(run.info.run_id)
    client.log_batch(
        run_id,
        metrics=[
            Metric(name, round_metric(value), now, 0) for name, value in _metrics(record).items()
        ],
        params=[Param(name, value) for name, value in _params(judge).items()],
        tags=[
            RunTag("workbench.judge", judge.digest),
            *(RunTag(*pair) for pair in description_tags({}, description).items()),
        ],
    )
    client.log_dict(run_id, dict(record.figures), TABLE)
    client.set_terminated(run_id)
    return run_id


def _metrics(record: JudgeRecord) -> Mapping[str, float]:
    figures = {
        "kappa": record.kappa,
        "kappa/low": record.kappa_low,
        "kappa/high": record.kappa_high,
        "sensitivity": record.sensitivity if record.passed else None,
        "specificity": record.specificity if record.failed else None,
        "agreement": _value(record.figures, "total", "share"),
        "people/agreement": _value(record.figures, "people"),
        "contradicts": _value(record.figures, "contradicts"),
        "labels": float(record.answers),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _value(figures: Mapping[str, JSON], *path: str) -> float | None:
    node: JSON = dict(figures)
    for name in (*path, "value"):
        node = node.get(name) if isinstance(node, dict) else None
    return float(node) if isinstance(node, int | float) else None


def _params(judge: Judge) -> Mapping[str, str]:
    return {
        "prompt": judge.prompt_name,
        "prompt_digest": judge.prompt.digest,
        "models": ", ".join(model.model.ref for model in judge.models),
        "samples": str(judge.samples),
        "combine": judge.combine,
        "scores": canonical_json(dict(judge.values)),
        **{name: canonical_json(value) for name, value in judge.settings.items()},
    }
