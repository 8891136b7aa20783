"""`workbench try`: one row through one prompt, and its scores.

$ workbench try short --row 3
row 3, r3
text               The plot drags.
expected_response  negative

short · gpt-6-luna
  user: The plot drags. Positive or negative?
  → negative
  ok · 34 tokens in, 2 out · 0.4 s
  exact_match  true
"""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import (
    complete_model_of_task,
    complete_prompt,
    complete_row,
    complete_task,
)
from workbench.cli.output import REDACTOR, print_json, print_lines
from workbench.cli.run import AsJson, TrackingUri
from workbench.cli.setup import OpenExperiment, open_experiment, open_project
from workbench.cli.signals import handle_signals
from workbench.errors import WorkbenchError, list_first, unknown_name
from workbench.report.safe_text import escape_commands

if TYPE_CHECKING:
    from workbench.plan import Plan
    from workbench.project import Project
    from workbench.run.summary import Invocation


PromptName = Annotated[
    str,
    typer.Argument(
        metavar="PROMPT",
        help="A prompt, as in `prompts:`; also name@3.",
        autocompletion=complete_prompt,
    ),
]
Row = Annotated[
    str,
    typer.Option(
        metavar="ROW",
        help="The row's id, or its number, the first being 1.",
        autocompletion=complete_row,
    ),
]
Task = Annotated[
    str,
    typer.Option(
        metavar="TASK|FILE",
        help="Its task, if several have the prompt.",
        autocompletion=complete_task,
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        help="One of the experiment's models, or any provider:name.",
        autocompletion=complete_model_of_task,
    ),
]


def try_prompt(
    prompt: PromptName,
    row: Row = "1",
    task: Task = "",
    model: ModelName = "",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="Another value; also expected=VALUE."),
    ] = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Send one row through one prompt, and score the answer."""
    from workbench.plan import Options, Scope
    from workbench.run.single_row import (
        check_first_turn,
        choose_model,
        find_row,
        narrow,
        set_values,
    )

    target = task or _task_of(prompt, open_project(tracking_uri))
    with open_experiment(target, Options(Scope()), tracking_uri, [prompt]) as opened:
        number = find_row(opened.experiment.dataset.examples, row)
        check_first_turn(opened.experiment.dataset.examples[number])
        chosen = next(each for each in opened.experiment.prompts if each.ref == prompt)
        experiment = narrow(opened.experiment, chosen, choose_model(opened.experiment, model))
        if values:
            experiment = set_values(experiment, number, values)
        single = replace(opened, experiment=experiment)
        return _try(single, number, is_changed=bool(values), as_json=as_json)


def _try(opened: OpenExperiment, number: int, *, is_changed: bool, as_json: bool) -> int:
    """Complete and score the row, and print it."""
    from workbench.completing.context import RunContext
    from workbench.report.progress import Notes
    from workbench.report.try_prompt import head_lines, tail_lines, tried_json
    from workbench.run.single_row import plan_of_row
    from workbench.run.tried_row import try_row

    plan = opened.plan()
    _note_grid(plan)
    plan = plan_of_row(plan, 0 if is_changed else number)
    if not as_json:
        print_lines(head_lines(plan, number, is_changed=is_changed))
        sys.stdout.flush()
    text = StreamedText(quiet=as_json)
    with handle_signals(opened.project) as stop:
        context = RunContext(opened.project, opened.store, Notes(), stop, renderer=opened.renderer)
        tried = try_row(plan, context, text.show)
    if as_json:
        print_json(tried_json(tried, number, opened.project.file.currency))
    else:
        print_lines(tail_lines(tried, text.end(), opened.project.file.currency))
        _print_problems(tried.invocation)
    return tried.invocation.exit_code


class StreamedText:
    """Prints an answer as it comes, below an arrow.

    A word is printed once it is complete: a piece of one may be half of a secret, or of a command
    to the log of a CI job.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._text = ""
        self._line = self._printed = ""  # the last line, and what is printed of it

    def show(self, piece: str) -> None:
        """Print the words that the next piece completes."""
        if not self._quiet:
            if not self._text:
                sys.stdout.write("  → ")
            *lines, rest = (self._line + piece).split("\n")
            for line in lines:
                self._print(line)
                sys.stdout.write("\n    ")
                self._printed = ""
            self._line = rest
            complete = rest.rstrip() if rest[-1:].isspace() else rest.rpartition(" ")[0]
            self._print(complete)
            sys.stdout.flush()
        self._text += piece

    def end(self) -> str:
        """Print the last word and end the line; return the text that was printed."""
        if self._text and not self._quiet:
            self._print(self._line)
            sys.stdout.write("\n")
        return "" if self._quiet else self._text

    def _print(self, line: str) -> None:
        """Print the rest of a line; all of it anew if its beginning reads differently by now."""
        shown = escape_commands(REDACTOR.redact(line))
        again = "" if shown.startswith(self._printed) else "\n    "
        sys.stdout.write(again + (shown if again else shown[len(self._printed) :]))
        self._printed = shown


def _task_of(prompt: str, project: "Project") -> str:
    """The only task with a prompt of this name.

    Raises:
        WorkbenchError: none has it, or several.
    """
    from workbench.prompt import parse_reference
    from workbench.prompt.load import list_prompts

    name = parse_reference(prompt).name
    names = {task: list_prompts(project.prompts / task) for task in project.tasks()}
    tasks = [task for task, prompts in names.items() if name in prompts]
    if len(tasks) == 1:
        return tasks[0]
    if tasks:
        message = f"the tasks {list_first(tasks, 5)} have a prompt {name!r} each"
        raise WorkbenchError(message, fix=f"add --task {tasks[0]}")
    if len(names) == 1:  # a version may be left of a deleted file
        return next(iter(names))
    raise unknown_name("prompt", name, {each for prompts in names.values() for each in prompts})


def _note_grid(plan: "Plan") -> None:
    """Note that a grid has other points."""
    if len(plan.variants) > 1:
        others = list_first([variant.name for variant in plan.variants[1:]], 3)
        sys.stderr.write(f"note: of the grid the first point is tried, not {others}\n")


def _print_problems(invocation: "Invocation") -> None:
    for problem in invocation.problems:
        sys.stderr.write(f"error: {escape_commands(str(problem))}\n")
