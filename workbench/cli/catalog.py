"""`workbench models`, `data` and `evaluators`: what there is, and fetching it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from workbench.cli.setup import open_project

models = typer.Typer(no_args_is_help=True, help="Local models that can be fetched by name.")
data = typer.Typer(no_args_is_help=True, help="Data sets that can be fetched by name.")

Names = Annotated[list[str], typer.Argument(help="One name or several.")]


@models.command("list")
def list_models() -> None:
    """List the local models and whether they are on this machine."""
    from workbench.catalog.models import list_models as listed

    rows = [
        (one.name, "here" if one.added else f"{one.size_mb} MB", one.license, one.description)
        for one in listed()
    ]
    _print_table(("model", "fetch", "licence", "what it is"), rows)


@models.command("add")
def add_models(
    names: Names,
    accept_license: Annotated[
        bool, typer.Option("--accept-license", help="Accept the terms of models that have some.")
    ] = False,
) -> None:
    """Fetch local models: weights only, checked, converted once."""
    from workbench.catalog.models import add_model

    for name in names:
        add_model(name, accept_license=accept_license, report=typer.echo)


@data.command("list")
def list_data_sets() -> None:
    """List the data sets and where their rows go; licences are shown when they are fetched."""
    from workbench.catalog.data import list_data

    rows = [(one.name, one.target, one.about) for one in list_data()]
    _print_table(("data set", "goes to", "what it is"), rows)


@data.command("add")
def add_data_sets(names: Names) -> None:
    """Fetch data sets into this project."""
    from workbench.catalog.data import add_data

    root = open_project().root
    for name in names:
        add_data(name, root, typer.echo)


def evaluators() -> None:
    """List the evaluators that an experiment can name, and where each comes from."""
    from workbench.evaluator import list_evaluators

    found = list_evaluators(open_project().root)
    _print_table(("evaluator", "from"), sorted(found.items()))


def _print_table(header: tuple[str, ...], rows: "Sequence[tuple[str, ...]]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, name in enumerate(header):
        table.add_column(name, no_wrap=number < len(header) - 1)
    for row in rows:
        table.add_row(*row)
    Console().print(table, markup=False)
