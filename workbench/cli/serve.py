"""`workbench serve`: a packaged variant over HTTP.

$ workbench serve support@production
support~variant@production answers on http://127.0.0.1:5200
"""

import os
from functools import partial
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.setup import open_project
from workbench.errors import WorkbenchError
from workbench.serving.serve_options import (
    HELP,
    PATHS,
    REPEATED,
    default,
    flag,
    read_options,
)

if TYPE_CHECKING:
    from workbench.project import Project


def serve(**values: Any) -> None:
    """Serve a packaged variant over HTTP.

    It takes OpenAI's chat completions and MLflow's invocations. SIGTERM and Ctrl-C let the requests
    in flight finish.
    """
    # They take a second to import.
    from workbench.serving.serve_command import make_token
    from workbench.serving.serve_command import serve as serve_package
    from workbench.serving.served_names import registered_model_name

    if values["new_token"]:
        typer.echo(make_token(values["tokens"], values["new_token"]))
        return
    uri = values["tracking_uri"]
    if project := _project_here(uri):
        uri, prefix = project.tracking_uri(uri), project.file.registry_prefix
    else:
        uri, prefix = uri or os.environ.get("MLFLOW_TRACKING_URI", ""), ""
    serve_package(read_options(values, uri), partial(registered_model_name, prefix=prefix))


def _project_here(tracking_uri: str) -> "Project | None":
    """The project around the current folder; a package can be served without one."""
    from workbench.project import find_root

    try:
        find_root(Path.cwd())
    except WorkbenchError:
        return None
    return open_project(tracking_uri)


def _add_options(command: Any) -> None:
    """Give a command the parameters of the table, from which typer makes its options."""
    parameters = []
    for name, text in HELP.items():
        value: Any = default(name)
        kind: Any = Annotated[type(value), typer.Option(flag(name), help=text)]
        metavar = PATHS.get(name)
        if name == "source":
            kind = Annotated[str, typer.Argument(help=text, show_default=False)]
        elif name == REPEATED:
            kind = Annotated[list[str] | None, typer.Option(flag(name), help=text, metavar="NAME")]
        elif name in PATHS:
            kind = Annotated[Path | None, typer.Option(flag(name), help=text, metavar=metavar)]
        value = None if name == REPEATED else value
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=value, annotation=kind))
    command.__signature__ = Signature(parameters)
    command.__annotations__ = {each.name: each.annotation for each in parameters}


_add_options(serve)
