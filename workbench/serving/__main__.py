"""`python -m workbench.serving`, or `workbench-serve`: the server of a fresh environment.

$ workbench-serve packages/triage
triage~variant/3 answers on http://127.0.0.1:5200
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.serving.serve_options import (
    HELP,
    PATHS,
    REPEATED,
    SWITCHES,
    default,
    flag,
    read_options,
)

TRACKING_URI = "MLFLOW_TRACKING_URI"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and end the process with an exit code of workbench/errors.py."""
    try:
        _run(vars(make_parser().parse_args(arguments)))
    except WorkbenchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    sys.exit(0)


def _run(values: dict[str, Any]) -> None:
    # They take a second to import, and --help doesn't need them.
    from workbench.serving.serve_command import make_token, serve

    if values["new_token"]:
        sys.stdout.write(make_token(values["tokens"], values["new_token"]) + "\n")
        return
    serve(read_options(values, values["tracking_uri"] or os.environ.get(TRACKING_URI, "")))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser("workbench-serve", description="Serve a packaged variant.")
    parser.add_argument("--version", action="version", version=__version__)
    for name, text in HELP.items():
        value = default(name)
        if name == "source":
            parser.add_argument(name, nargs="?", default=value, help=text)
        elif name in SWITCHES:
            parser.add_argument(flag(name), action="store_true", help=text)
        elif name == REPEATED:
            parser.add_argument(flag(name), action="append", metavar="NAME", help=text)
        elif name in PATHS:
            parser.add_argument(flag(name), type=Path, metavar=PATHS[name], help=text)
        else:
            shown = f"  [default: {value}]" if value else ""
            kind = type(value)
            metavar = {int: "N", float: "NUMBER"}.get(kind, "TEXT")
            parser.add_argument(
                flag(name), type=kind, default=value, metavar=metavar, help=text + shown
            )
    return parser


if __name__ == "__main__":
    main()
