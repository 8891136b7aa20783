"""`workbench decide`: choose a variant, from stored outputs.

$ workbench decide sentiment --floor 0.6 --max-latency 0.5
"""

from typing import Annotated

import typer

from workbench.cli.completion import complete_metric
from workbench.cli.output import print_result
from workbench.cli.run import AsJson, Limit, Only, Sample, Target, TrackingUri
from workbench.cli.setup import open_experiment
from workbench.errors import ExitCode


def decide(
    target: Target = "",
    metric: Annotated[
        str,
        typer.Option(
            help="The metric that counts; default: the first.", autocompletion=complete_metric
        ),
    ] = "",
    floor: Annotated[
        float | None, typer.Option(help="The lowest mean (the highest, if lower is better).")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(min=0, help="Per 1,000 rows.")] = None,
    max_latency: Annotated[
        float | None, typer.Option(min=0, help="In seconds, the mean of the outputs.")
    ] = None,
    only: Only = None,
    limit: Limit = None,
    sample: Sample = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Choose a variant by quality, cost and latency."""
    from workbench.comparing.comparison import compare_stored
    from workbench.comparing.decision import Limits
    from workbench.comparing.decision import decide as choose
    from workbench.plan import Options, Scope
    from workbench.report.decide import decision_json, decision_lines

    limits = Limits(metric, floor, max_cost, max_latency)
    options = Options(Scope(limit, only or (), sample=sample), sends=False, looks_up=False)
    with open_experiment(target, options, tracking_uri, require_env=False) as opened:
        project = opened.project
        compared = compare_stored(opened.plan(), opened.store, prices=project.prices)
        decision = choose(compared, limits)
    lines = decision_lines(compared, decision, project.file.currency)
    print_result(decision_json(compared, decision) if as_json else lines)
    within_limits = any(not candidate.against for candidate in decision.candidates)
    return ExitCode.DONE if within_limits else ExitCode.GATE
