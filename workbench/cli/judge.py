"""`workbench judge`: judges held against people. `workbench labels`: what people wrote in MLflow.

$ workbench judge calibrate rubric --labels labels.csv
rubric: workbench/rubric on openai:gpt-6-luna, against 3 people, 150 answers
  figure     value              n
  agreement  0.87 [0.81, 0.92]  150
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.compare import split_task
from workbench.cli.completion import complete_judge, complete_labels
from workbench.cli.output import REDACTOR, print_json, print_lines, print_result
from workbench.cli.output_file import LABELS, Force, OutputFile
from workbench.cli.run import AsJson, Limit, MaxCalls, MaxCost, Sample, Target, TrackingUri
from workbench.cli.setup import (
    OpenExperiment,
    experiment_file,
    keep_private,
    open_experiment,
    open_project,
)
from workbench.cli.signals import handle_signals, note_on_stderr
from workbench.errors import ExitCode, WorkbenchError, unknown_name

if TYPE_CHECKING:
    from workbench.judges.judge import Judge
    from workbench.judges.judge_record import JudgeRecord
    from workbench.run.judge_labelled import Calibrated

app = typer.Typer(no_args_is_help=True, help="Hold judges against people.")
labels = typer.Typer(no_args_is_help=True, help="Read people's assessments in MLflow.")

Names = Annotated[
    list[str],
    typer.Argument(
        help="A task or an experiment file (if there are several), then the judge's metric.",
        metavar="[TASK|FILE] JUDGE",
        autocompletion=complete_judge,
    ),
]
Labels = Annotated[
    str,
    typer.Option(
        "--labels",
        autocompletion=complete_labels,
        help="A CSV file (id, label; perhaps variant, person), a column of the dataset, `mlflow` "
        "(assessments of the judge's name), or `store` (ratings of workbench view).",
        metavar="FILE|COLUMN|mlflow|store",
    ),
]
Samples = Annotated[
    int, typer.Option(min=1, max=100, help="Ask so often, to see if it contradicts itself.")
]


@app.command("calibrate")
def calibrate(
    names: Names,
    source: Labels,
    samples: Samples = 1,
    limit: Limit = None,
    sample: Sample = None,
    max_cost: MaxCost = None,
    max_calls: MaxCalls = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Compare a judge with people's labels of stored answers, and keep its error."""
    from workbench.completing.context import RunContext
    from workbench.plan import Options, Scope
    from workbench.report.judge import calibration_json, calibration_lines
    from workbench.report.progress import progress
    from workbench.run.invocation import CostLimits, make_budget
    from workbench.run.judge_labelled import calibrate_judge
    from workbench.run.label_sources import read_labels

    project = open_project(tracking_uri)
    target, others = split_task(names, project)
    options = Options(Scope(limit, sample=sample), sends=False, looks_up=False)
    with open_experiment(target, options, tracking_uri, require_env=False) as opened:
        project, plan = opened.project, opened.plan()
        judge = _find_judge(opened, others)
        people = read_labels(source, judge, plan, opened.store, (project, tracking_uri))
        budget = make_budget(plan, project.prices, CostLimits(max_cost, max_calls))
        with handle_signals(project) as stop:
            store, renderer = opened.store, opened.renderer
            context = RunContext(project, store, progress(), stop, budget, renderer=renderer)
            calibrated = calibrate_judge(judge, plan, people, context, samples)
        judge, record, run_id = _keep(opened, judge, calibrated, tracking_uri)
    if as_json:
        document = calibration_json(judge, calibrated.calibration, record)
        print_json(document | {"run_id": run_id})
    else:
        print_lines(calibration_lines(judge, calibrated.calibration, project.file.currency))
        print_lines([f"recorded in MLflow, run {run_id}"] if run_id else [])
    return ExitCode.DONE


@labels.command("pull")
def pull(
    target: Target = "",
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write them to this file.", metavar="FILE")
    ] = None,
    force: Force = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """List what people wrote on answers in MLflow, by row, person and time; change nothing."""
    from workbench.experiment.load import read_experiment_name
    from workbench.report.labels import label_csv, label_json, label_lines
    from workbench.tracking.human_labels import read_human_labels
    from workbench.tracking.live_recordings import wait_for_recordings
    from workbench.tracking.tracking_store import connect_to_read

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench labels pull")
    target_file = OutputFile(csv_file, project, LABELS, force=force) if csv_file else None
    keep_private(project, tracking_uri)
    tasks = [target] if target else project.tasks()
    names = [read_experiment_name(experiment_file(task, project), project) for task in tasks]
    wait_for_recordings(project, note_on_stderr)
    listed = read_human_labels(connect_to_read(project, tracking_uri), names)
    if target_file:
        target_file.write(label_csv(listed))
    if as_json or not target_file:
        print_result(label_json(listed) if as_json else label_lines(listed))
    return ExitCode.DONE


def _find_judge(opened: OpenExperiment, names: list[str]) -> "Judge":
    judges, where = opened.experiment.judges, opened.experiment.path
    if not judges:
        fix = 'add one under evaluators: - rubric: "Polite, and names the right team."'
        raise WorkbenchError("the experiment has no judge", where=where, fix=fix)
    if len(names) != 1 or names == [""]:
        if len(judges) == 1 and not any(names):
            return next(iter(judges.values()))
        raise WorkbenchError("which judge?", where=where, fix=f"name one of {', '.join(judges)}")
    if names[0] not in judges:
        raise unknown_name("judge", names[0], judges, where=where)
    return judges[names[0]]


def _keep(
    opened: OpenExperiment, judge: "Judge", calibrated: "Calibrated", tracking_uri: str
) -> "tuple[Judge, JudgeRecord, str]":
    """Keep the calibration, in MLflow, too; return the judge with it, and the run's id."""
    from dataclasses import replace

    from workbench.calibration.record import make_record
    from workbench.judges.judge_record import write_record
    from workbench.report.judge import calibration_markdown
    from workbench.tracking.calibration_run import log_calibration
    from workbench.tracking.tracking_store import connect

    project, calibration = opened.project, calibrated.calibration
    record = make_record(judge, calibration, calibrated.labels)
    write_record(project.root, record)
    judge = replace(judge, record=record)
    if not project.tracks(tracking_uri):
        return judge, record, ""
    text = calibration_markdown(judge, calibration, project.file.currency)
    store = connect(project, tracking_uri, redactor=REDACTOR)
    return judge, record, log_calibration(store, opened.experiment.name, judge, record, text)
