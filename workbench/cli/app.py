"""The app: its commands in groups, its errors and exit codes.

$ workbench run sentimant
error: prompts: unknown task 'sentimant'
  fix: did you mean 'sentiment'? known: arithmetic, boolq, sentiment
$ echo $?
2
"""

import os
import sys
import traceback
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from workbench import __version__
from workbench.cli import (
    catalog,
    compare,
    decide,
    docs,
    doctor,
    evaluators,
    gate,
    history,
    import_command,
    init,
    judge,
    package,
    promote,
    prompts,
    review,
    run,
    schema,
    serve,
    show,
    store,
    switch,
    sync,
    try_prompt,
    view,
)
from workbench.cli.environment import environment_error, internal_error, raise_file_limit
from workbench.cli.output import REDACTOR, guard_streams, print_json
from workbench.cli.setup import UnnamedTaskError
from workbench.cli.signals import note_on_stderr
from workbench.cli.unrecorded import read_notes, unrecorded_lines
from workbench.errors import ExitCode, WorkbenchError
from workbench.proxies import exempt_loopback
from workbench.report.safe_text import escape_commands
from workbench.secrets import find_secrets, mask_url
from workbench.workers.model_code import refuse_model_code

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
    from typer._click.core import Command, Parameter

INTERRUPTED = "Interrupted. Run the same command to continue.\n"
GROUPS = {
    "Begin": ("init", "import", "docs"),
    "Run": ("run", "try", "plan", "sync"),
    "Compare and decide": ("compare", "show", "view", "decide", "gate", "history", "switch"),
    "Judges and people": ("judge", "labels", "review"),
    "Production": ("promote", "rollback", "promotions", "package", "serve"),
    "Prompts": ("prompts", "schema"),
    "Data and models": ("data", "models", "evaluators"),
    "Store and MLflow": ("store", "ui", "doctor"),
}


class CommandGroup(TyperGroup):
    """Help that lists commands in groups, each with its whole first sentence."""

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write a section per group."""
        groups = {"Commands": tuple(self.commands)} if ctx.parent else GROUPS
        width = max(len(name) for name in self.commands)
        for group, names in groups.items():
            helps = (self.commands[name].get_short_help_str(limit=1_000) for name in names)
            with formatter.section(group):
                padded = [name.ljust(width) for name in names]
                formatter.write_dl(list(zip(padded, helps, strict=True)))


class SingleCommand(TyperCommand):
    """A command that refuses an option of one value if it is given twice, and knows its name."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            WorkbenchError: an option that keeps only its last value is given again.
        """
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for option in {each for each in order if order.count(each) > 1}:
            if option.param_type_name == "option" and not (option.multiple or _is_flag(option)):
                raise WorkbenchError(
                    f"{option.opts[-1]} is given {order.count(option)} times; it takes one value",
                    fix=f"give {option.opts[-1]} once",
                )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: "Context") -> Any:
        """Run the command, and name it in an error that says how to call it."""
        try:
            return super().invoke(ctx)
        except UnnamedTaskError as error:
            error.fix = f"{ctx.command_path} {error.fix}"
            raise


def _is_flag(option: "Parameter") -> bool:
    return bool(getattr(option, "is_flag", False))


app = typer.Typer(
    name="workbench",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("docs")(docs.docs)
app.command("run")(run.run)
app.command("try")(try_prompt.try_prompt)
app.command("plan")(run.plan)
app.command("sync")(sync.sync)
app.command("compare")(compare.compare)
app.command("show")(show.show)
app.command("view")(view.view)
app.command("decide")(decide.decide)
app.command("gate")(gate.gate)
app.command("history")(history.history)
app.command("switch")(switch.switch)
app.add_typer(judge.app, name="judge", cls=CommandGroup)
app.add_typer(judge.labels, name="labels", cls=CommandGroup)
app.add_typer(review.app, name="review", cls=CommandGroup)
app.command("promote")(promote.promote)
app.command("rollback")(promote.rollback)
app.command("promotions")(promote.promotions)
app.command("package")(package.package)
app.command("serve")(serve.serve)
app.add_typer(prompts.app, name="prompts", cls=CommandGroup)
app.command("schema")(schema.schema)
app.command("import")(import_command.import_source)
app.add_typer(catalog.data, name="data", cls=CommandGroup)
app.add_typer(catalog.models, name="models", cls=CommandGroup)
app.add_typer(evaluators.app, name="evaluators", cls=CommandGroup)
app.add_typer(store.app, name="store", cls=CommandGroup)
app.command("ui")(run.ui)
app.command("doctor")(doctor.doctor)
for commands in (
    app,
    prompts.app,
    judge.app,
    judge.labels,
    review.app,
    catalog.data,
    catalog.models,
    evaluators.app,
    store.app,
):
    for command in commands.registered_commands:
        command.cls = SingleCommand


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"workbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Run prompt templates against language models, score and compare them."""


def main() -> NoReturn:
    """Run the command `workbench` and end the process with an exit code of errors.py."""
    REDACTOR.add(find_secrets(os.environ))
    exempt_loopback()
    refuse_model_code()
    stdout = guard_streams()
    notes = read_notes()
    code = _exit_code()
    sys.stdout.flush()
    for line in unrecorded_lines(notes):
        note_on_stderr(line)
    if stdout.lost:
        sys.stderr.write(f"error: stdout can't be written: {stdout.lost.strerror}\n")
        code = code or ExitCode.STORAGE
    if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        sys.stderr.flush()
        os._exit(code)  # threads whose work is given up may still be running
    sys.exit(code)


@cache
def _command() -> "Command":  # typer builds all commands with their options
    return get_command(app)


def _exit_code() -> int:
    try:
        raise_file_limit()
        code = _command()(prog_name="workbench", standalone_mode=False)
        if code == ExitCode.INTERRUPTED:  # before any request
            raise KeyboardInterrupt
        return code if isinstance(code, int) else ExitCode.DONE
    except WorkbenchError as error:
        _print_error(error)
        return error.exit_code
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(error.format_message() + "\n")
            return ExitCode.USER
        fix = "workbench --help lists the commands and options"
        _print_error(WorkbenchError(_without_passwords(error.format_message()), fix=fix))
        return ExitCode.USER
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write(INTERRUPTED)
        return ExitCode.INTERRUPTED
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # during an import
            sys.stderr.write(INTERRUPTED)
            return ExitCode.INTERRUPTED
        if os.environ.get("WORKBENCH_DEBUG"):
            traceback.print_exc()
        if problem := environment_error(error):
            _print_error(problem)
            return problem.exit_code
        sys.stderr.write(internal_error(error))
        return ExitCode.INTERNAL


def _without_passwords(message: str) -> str:
    """The message about the command line, in which addresses have no passwords."""
    for argument in sys.argv[1:]:
        address = argument.partition("=")[2] if argument[:1] == "-" else argument
        if "@" in address:
            message = message.replace(address, mask_url(address))
    return message


def _print_error(error: WorkbenchError) -> None:
    """Print the error on stderr, or with --json as one object on stdout."""
    if "--json" in sys.argv:
        print_json({"error": error.as_json(), "exit_code": int(error.exit_code)})
    else:
        sys.stderr.write(f"error: {escape_commands(str(error))}\n")
