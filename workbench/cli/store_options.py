"""Arguments and options of `workbench store`.

--model 'openai:*' --state failed --older-than 30d
"""

from typing import Annotated

import typer

from workbench.cli.completion import (
    complete_metric_of_any,
    complete_model,
    complete_row,
    complete_state,
    complete_task,
)

ModelGlobs = Annotated[
    list[str],
    typer.Option(
        "--model",
        help="Only models that match, as in 'openai:*'; can be repeated.",
        autocompletion=complete_model,
    ),
]
States = Annotated[
    list[str],
    typer.Option(
        "--state", help="Only this state; can be repeated.", autocompletion=complete_state
    ),
]
Age = Annotated[str, typer.Option(help="Older than this: 12h, 30d or 4w.")]
Scores = Annotated[bool, typer.Option("--scores", help="Remove scores instead of completions.")]
EvaluatorGlobs = Annotated[
    list[str],
    typer.Option(
        help="With --scores: only evaluators that match; can be repeated.",
        autocompletion=complete_metric_of_any,
    ),
]
Ratings = Annotated[bool, typer.Option("--ratings", help="Remove ratings instead of completions.")]
PersonGlobs = Annotated[
    list[str], typer.Option(help="With --ratings: only persons that match; can be repeated.")
]
KeyOrRow = Annotated[
    str,
    typer.Argument(
        metavar="KEY|ROW",
        help="A key or its first digits; with --task, a row.",
        autocompletion=complete_row,
    ),
]
RowTask = Annotated[
    str,
    typer.Option(
        "--task",
        help="Explain a row of this task or experiment file.",
        autocompletion=complete_task,
    ),
]
