"""`workbench show`: one row through all variants, from stored answers.

$ workbench show r1 sentiment
row 2, r1
text               The plot drags.
expected_response  negative

short · ok · 34 tokens in, 2 out · 0.4 s
  → positive
  exact_match  false
"""

from typing import Annotated

import typer

from workbench.cli.completion import complete_row, complete_task
from workbench.cli.output import print_result
from workbench.cli.run import AsJson, Only, TrackingUri
from workbench.cli.setup import open_experiment
from workbench.errors import ExitCode


def show(
    row: Annotated[
        str,
        typer.Argument(
            metavar="ROW",
            help="The row's id, or its number, the first being 1.",
            autocompletion=complete_row,
        ),
    ],
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK|FILE",
            help="A task or an experiment file, if several.",
            autocompletion=complete_task,
        ),
    ] = "",
    only: Only = None,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="Show the messages as they were sent.")
    ] = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Show one row, and the answer of each variant with its scores."""
    from workbench.plan import Options, Scope
    from workbench.report.row_answers import read_row, row_json, row_lines

    options = Options(Scope(None, only or ()), sends=False)
    with open_experiment(task, options, tracking_uri, require_env=False) as opened:
        answers = read_row(opened.plan(), opened.store, row)
    print_result(row_json(answers) if as_json else list(row_lines(answers, prompts=prompts)))
    return ExitCode.DONE
