"""The app itself: its commands, and what becomes of an error.

$ workbench run sentimant
error: prompts: unknown task 'sentimant'
  fix: did you mean 'sentiment'? known: arithmetic, boolq, sentiment
$ echo $?
2
"""

import os
import sys
import traceback
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from workbench import __version__
from workbench.cli import catalog, compare, decide, gate, prompts, run, store, sync
from workbench.cli.output import REDACTOR, guard_streams
from workbench.errors import ExitCode, WorkbenchError
from workbench.secrets import find_secrets

GOES_ON = "interrupted; the same command goes on where it was\n"

app = typer.Typer(
    name="workbench",
    help="Run prompt templates against several language models, score and compare in MLflow.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("plan")(run.plan)
app.command("compare")(compare.compare)
app.command("decide")(decide.decide)
app.command("gate")(gate.gate)
app.command("sync")(sync.sync)
app.command("ui")(run.ui)
app.add_typer(prompts.app, name="prompts")
app.add_typer(catalog.models, name="models")
app.add_typer(catalog.data, name="data")
app.add_typer(store.app, name="store")
app.command("evaluators")(catalog.evaluators)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"workbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Run prompt templates against several language models, score and compare in MLflow."""


def main() -> NoReturn:
    """The command `workbench`; ends the process with an exit code of errors.py."""
    REDACTOR.add(find_secrets(os.environ))
    stdout = guard_streams()
    code = _exit_code()
    sys.stdout.flush()
    if stdout.lost:
        sys.stderr.write(f"error: stdout can't be written: {stdout.lost.strerror}\n")
        code = code or ExitCode.STORAGE
    if code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        sys.stderr.flush()
        os._exit(code)  # threads may still be at what nobody waits for any more
    sys.exit(code)


def _exit_code() -> int:
    try:
        code = app(standalone_mode=False)
        if code == ExitCode.INTERRUPTED:  # while nothing was under way yet
            raise KeyboardInterrupt
        return code if isinstance(code, int) else ExitCode.DONE
    except WorkbenchError as error:
        _tell(error)
        return error.exit_code
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stdout.write(error.format_message() + "\n")
            return ExitCode.USER
        _tell(WorkbenchError(error.format_message(), fix="workbench --help lists what there is"))
        return ExitCode.USER
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write(GOES_ON)
        return ExitCode.INTERRUPTED
    except Exception as error:  # a fault of ours: said shortly, whole with WORKBENCH_DEBUG
        if isinstance(error.__cause__, KeyboardInterrupt):  # in the middle of an import
            sys.stderr.write(GOES_ON)
            return ExitCode.INTERRUPTED
        if os.environ.get("WORKBENCH_DEBUG"):
            traceback.print_exc()
        sys.stderr.write(
            f"workbench failed: {type(error).__name__}: {_plain(str(error))}\n"
            "  this is a fault of workbench; WORKBENCH_DEBUG=1 shows where\n"
        )
        return ExitCode.INTERNAL


def _plain(text: str) -> str:
    from workbench.report.safe_text import escape_commands

    return escape_commands(text)


def _tell(error: WorkbenchError) -> None:
    """The error on stderr, or with --json as one object on stdout."""
    if "--json" in sys.argv:
        from workbench.report.safe_text import json_line

        said = {"where": error.where, "message": error.message, "fix": error.fix}
        whole = {"schema_version": 1, "error": said, "exit_code": int(error.exit_code)}
        sys.stdout.write(json_line(whole) + "\n")
    else:
        sys.stderr.write(f"error: {_plain(str(error))}\n")
