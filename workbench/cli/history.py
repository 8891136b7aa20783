"""`workbench history`: a task's recorded runs over time, each beside the one before.

$ workbench history sentiment
label_match: mean, and difference from the run before on the same rows
few_shot
  when              commit   version  mean                  rows  difference  verdict
  2026-11-20 14:02  1f2e3d4  3        0.780 [0.707, 0.839]  150
  …
"""

from typing import Annotated

import typer

from workbench.cli.completion import complete_metric
from workbench.cli.output import UNFOLDED, print_result, terminal_width
from workbench.cli.run import AsJson, Only, Target, TrackingUri
from workbench.cli.setup import experiment_file, keep_private, open_project
from workbench.cli.signals import note_on_stderr
from workbench.errors import ExitCode, unknown_name


def history(
    target: Target = "",
    metric: Annotated[
        str,
        typer.Option(
            help="The metric to show; default: the first.", autocompletion=complete_metric
        ),
    ] = "",
    last: Annotated[int, typer.Option(min=1, help="Only the last N recorded runs.")] = 50,
    only: Only = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Show recorded runs over time, each beside the one before."""
    from workbench.comparing.history import TaskHistory, build_series, metric_names
    from workbench.comparing.run_pairs import compare_over_time
    from workbench.experiment.load import read_experiment_name
    from workbench.plan.variants import matching_names
    from workbench.report.history import history_json, history_lines
    from workbench.tracking.live_recordings import wait_for_recordings
    from workbench.tracking.recorded_rows import read_rows
    from workbench.tracking.recorded_runs import find_runs

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench history")
    name = read_experiment_name(experiment_file(target, project), project)
    keep_private(project, tracking_uri)
    wait_for_recordings(project, note_on_stderr)
    runs = find_runs(project, tracking_uri, name, last)
    metrics = metric_names(runs.variants)
    if metric not in ("", *metrics):
        raise unknown_name("metric", metric, metrics)
    metric = metric or next(iter(metrics), "")
    every_series = build_series(runs.variants, metric)
    # Without runs there is no name that a pattern could match.
    names = matching_names((each.name for each in every_series), only or ()) if every_series else ()
    series = [each for each in every_series if each.name in names]
    compared = [compare_over_time(each, read_rows) if metric else each for each in series]
    shown = TaskHistory(name, metric, metrics, compared, runs.incomplete, runs.older)
    width = terminal_width(UNFOLDED)
    print_result(history_json(shown) if as_json else history_lines(shown, width))
    return ExitCode.DONE
