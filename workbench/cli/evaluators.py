"""`workbench evaluators`: list, show, try and begin evaluators.

$ workbench evaluators try contains --output "It is in Paris." --expected Paris
contains: 1 (pass)
"""

from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_evaluator
from workbench.cli.output import REDACTOR, print_json, print_lines, print_styled
from workbench.cli.run import AsJson
from workbench.cli.setup import open_project
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.canonical import JSON
    from workbench.evaluator import Score
    from workbench.evaluator.description import Description
    from workbench.project import Project

app = typer.Typer(help="List, show, try and begin evaluators.")

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A name from the list.", autocompletion=complete_evaluator),
]
FUNCTION = '''\
"""Evaluator: {name}."""

from workbench.evaluator import Score, evaluator


@evaluator(kind="pass")
def {name}(outputs: str, expectations: dict, *, ignore_case: bool = True) -> Score:
    """True if the answer is the expected one.

    Args:
        outputs: the answer.
        expectations: of the row: `expected_response`.
        ignore_case: `YES` is `yes`.
    """
    answer, expected = outputs.strip(), str(expectations["expected_response"]).strip()
    if ignore_case:
        answer, expected = answer.casefold(), expected.casefold()
    return Score(answer == expected, f"{{answer!r}}, expected {{expected!r}}")
'''
TEST = '''\
"""{name}: what passes, and what fails."""

import pytest

from evaluators.{name} import {name}


@pytest.mark.parametrize(
    ("output", "expected", "passes"),
    [("Yes", "yes", True), ("no", "yes", False), ("", "yes", False)],
)
def test_{name}(output: str, expected: str, passes: bool) -> None:
    assert {name}(output, {{"expected_response": expected}}).value is passes
'''


@app.callback(invoke_without_command=True)
def list_all(context: typer.Context, as_json: AsJson = False) -> None:
    """List, show, try and begin evaluators; alone: list them."""
    if context.invoked_subcommand:
        return
    from dataclasses import asdict

    from workbench.report.tables import new_table

    described = list(_descriptions().values())
    if as_json:
        print_json({"evaluators": [asdict(each) for each in described]})
        return
    table = new_table(("evaluator", "what it gives", "from"), no_wrap=("evaluator",))
    for each in described:
        table.add_row(each.name, each.summary, each.origin)
    print_styled(table)


def _descriptions() -> "dict[str, Description]":
    """The evaluators and the other entries of `evaluators:`, by name."""
    from workbench.evaluator.description import describe_all
    from workbench.experiment.entry_descriptions import describe_entries

    evaluators = {each.name: each for each in describe_all(open_project().root)}
    return dict(sorted({**describe_entries(), **evaluators}.items()))


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one evaluator: what it gives, what it takes, and its settings."""
    from dataclasses import asdict

    from workbench.errors import unknown_name
    from workbench.report.evaluators import description_lines

    descriptions = _descriptions()
    if name not in descriptions:
        raise unknown_name("evaluator", name, descriptions, where="workbench evaluators")
    described = descriptions[name]
    if as_json:
        print_json(asdict(described))
    else:
        print_lines(description_lines(described))


@app.command("try")
def try_out(
    name: Name,
    output: Annotated[str, typer.Option(help="The answer to judge.")],
    expected: Annotated[
        str | None, typer.Option(help="The expected answer, as YAML: Paris, 4, [a, b].")
    ] = None,
    settings: Annotated[
        str, typer.Option(metavar="YAML", help="Its settings: '{labels: [yes, no]}'.")
    ] = "",
    inputs: Annotated[str, typer.Option(metavar="YAML", help="The row's columns.")] = "",
    system: Annotated[str, typer.Option(help="The system message that was sent.")] = "",
    as_json: AsJson = False,
) -> int:
    """Judge one answer, and show the score; nothing is stored."""
    from dataclasses import asdict

    from workbench.report.evaluators import score_lines

    row = {
        "expectations": {}
        if expected is None
        else {"expected_response": _yaml(expected, "--expected")},
        "inputs": _mapping(inputs, "--inputs"),
        "prompt": [{"role": "system", "content": system}] if system else [],
    }
    score = _judge(open_project(), name, _mapping(settings, "--settings"), output, row)
    if as_json:
        print_json(asdict(score))
    else:
        print_lines(score_lines(name, score))
    return ExitCode.USER if score.error else ExitCode.DONE


@app.command("new")
def new(name: Annotated[str, typer.Argument(metavar="NAME", help="A new name.")]) -> None:
    """Begin an evaluator: a function and its test, to be edited."""
    root = open_project().root
    if not name.isidentifier() or name.startswith("_"):
        fix = "use letters, digits and _, as in names_the_team"
        raise WorkbenchError(f"{name!r} is no name of a function", where="NAME", fix=fix)
    if described := _descriptions().get(name):
        fix = "choose another name"
        if described.arguments:
            fix += ", or write the file by hand to replace it"
        message = f"there is an evaluator {name!r} ({described.origin})"
        raise WorkbenchError(message, where="NAME", fix=fix)
    files = {
        root / "evaluators" / f"{name}.py": FUNCTION,
        root / "tests" / f"test_{name}.py": TEST,
    }
    for file in files:
        if file.exists():
            raise WorkbenchError("is there already", where=str(file), fix="choose another name")
    for file, text in files.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format(name=name), "utf-8")
    shown = [str(file.relative_to(root)) for file in files]
    print_lines([*shown, f"try it: workbench evaluators try {name} --output Yes --expected yes"])


def _judge(
    project: "Project",
    name: str,
    settings: "dict[str, JSON]",
    output: str,
    row: "dict[str, JSON]",
) -> "Score":
    """The score of one answer, in the evaluator's own process."""
    from dataclasses import replace

    from workbench.errors import not_stopped
    from workbench.evaluator import list_evaluators
    from workbench.evaluator.spec import read_spec
    from workbench.experiment.entry_descriptions import describe_entries
    from workbench.model import Completion
    from workbench.scoring.pool import shared_pool
    from workbench.store import completion_json

    if name in describe_entries() and name not in list_evaluators(project.root):
        raise WorkbenchError(
            f"{name} judges no answer by itself",
            fix="put it under evaluators: in an experiment, and run that",
        )
    completion = Completion("", "ok", output)
    data = {**row, "outputs": output, "completion": completion_json(completion)}
    with shared_pool() as pool:
        evaluator = pool.find(read_spec(name, settings, project.root))
        if evaluator.traits.by_column:
            raise WorkbenchError(
                f"{name} is a metric of a whole run, and a single answer has no value of it",
                fix="put it under evaluators: in an experiment, and run that",
            )
        arguments = {each: data[each] for each in evaluator.arguments}
        (score,) = pool.judge(evaluator, [arguments], not_stopped)
    redact = REDACTOR.redact
    return replace(score, reason=redact(score.reason), error=redact(score.error))


def _yaml(text: str, option: str) -> "JSON":
    from workbench.document import parse_document

    return parse_document(text, option).content


def _mapping(text: str, option: str) -> "dict[str, JSON]":
    value = _yaml(text, option) if text else {}
    if not isinstance(value, dict):
        raise WorkbenchError(f"{text!r} is no mapping", where=option, fix="write {name: value}")
    return value
