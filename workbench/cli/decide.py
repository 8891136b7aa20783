"""`workbench decide`: which variant to take, out of what is stored.

$ workbench decide sentiment --floor 0.6 --max-latency 0.5
"""

import sys
from typing import Annotated

import typer

from workbench.cli.run import AsJson, Limit, Only, Target, TrackingUri
from workbench.cli.setup import open_plan
from workbench.errors import ExitCode


def decide(
    target: Target = "",
    metric: Annotated[str, typer.Option(help="The one that counts; default: the first.")] = "",
    floor: Annotated[
        float | None, typer.Option(help="The least mean (the greatest, where lower is better).")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="The most, for 1,000 rows.")] = None,
    max_latency: Annotated[
        float | None, typer.Option(min=0, help="The most seconds an answer takes, on average.")
    ] = None,
    only: Only = "",
    limit: Limit = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Decide between variants by quality, cost and latency, out of what is stored."""
    from workbench.comparing import Limits, compare_stored
    from workbench.comparing import decide as decide_by
    from workbench.plan import Options, Scope
    from workbench.report.decide import decision_json, decision_lines
    from workbench.report.safe_text import json_line, plain

    limits = Limits(metric, floor, max_cost, max_latency)
    opened = open_plan(target, Options(Scope(limit, only)), tracking_uri, require_env=False)
    with opened as (project, store, made):
        found = compare_stored(made, store, prices=project.prices)
        decision = decide_by(found, limits)
    if as_json:
        typer.echo(json_line(decision_json(found, decision)))
    else:
        for line in decision_lines(found, decision, project.file.currency):
            sys.stdout.write(f"{plain(line)}\n")
    kept = any(not one.against for one in decision.candidates)
    return ExitCode.DONE if kept else ExitCode.GATE
