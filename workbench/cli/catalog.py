"""`workbench data` and `models`: list and download data sets and local models.

$ workbench data list
data set        goes to                                what it is
boolq           prompts/boolq/questions.fetched.jsonl  Questions people asked a search engine, …
hostile-inputs  prompts/hostile/inputs.fetched.jsonl   57 messages of users who attack a prompt, …
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.completion import complete_data_set, complete_local_model
from workbench.cli.output import print_styled
from workbench.cli.setup import open_project

models = typer.Typer(no_args_is_help=True, help="List and download local models.")
data = typer.Typer(no_args_is_help=True, help="List and download data sets.")

DataSets = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Names from the list.", autocompletion=complete_data_set),
]
LocalModels = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME", help="Names from the list.", autocompletion=complete_local_model
    ),
]


@models.command("list")
def list_local_models() -> None:
    """List local models and encoders, and which are on this machine."""
    from workbench.catalog.encoders import CatalogEncoder, list_encoders
    from workbench.catalog.models import CatalogModel, list_models

    entries: list[CatalogModel | CatalogEncoder] = [*list_models(), *list_encoders()]
    rows = [
        (
            entry.name,
            "here" if entry.added else f"{entry.size_mb} MB",
            entry.license,
            entry.description,
        )
        for entry in entries
    ]
    _print_table(("model", "fetch", "licence", "what it is"), rows)


@models.command("add")
def add_models(
    names: LocalModels,
    accept_license: Annotated[
        bool,
        typer.Option(
            "--accept-license",
            help="Accept the licence terms of the models and, where that is said, their origin.",
        ),
    ] = False,
) -> None:
    """Download models and encoders (weights only) and check their digests."""
    from workbench.catalog.add_model import add_model

    for name in names:
        add_model(name, accept_license=accept_license, report=typer.echo)


@data.command("list")
def list_data_sets() -> None:
    """List the data sets, and the files that they are written to."""
    from workbench.catalog.data import list_data

    rows = [(data_set.name, data_set.target, data_set.about) for data_set in list_data()]
    _print_table(("data set", "goes to", "what it is"), rows)


@data.command("add")
def add_data_sets(
    names: DataSets,
    raters: Annotated[
        bool,
        typer.Option(
            "--raters",
            help="Also write the labels that several people gave to each row, beside the rows as "
            "`.labels.csv`: id, person, label, rating. A rating in the middle of the scale is no "
            "label. `judge calibrate --labels` reads the file.",
        ),
    ] = False,
) -> None:
    """Write data sets, and their tasks, into this project."""
    from workbench.catalog.data import add_data, add_task

    root = _project_root()
    for name in names:
        add_data(name, root, typer.echo, raters=raters)
        add_task(name, root, typer.echo)


def _project_root() -> Path:
    """The project's root; the current folder, where no project is."""
    from workbench.errors import WorkbenchError
    from workbench.project import find_root

    try:
        find_root(Path.cwd())
    except WorkbenchError:
        return Path.cwd()
    return open_project().root


def _print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from workbench.report.tables import new_table

    table = new_table(header, no_wrap=header[:-1])
    for row in rows:
        table.add_row(*row)
    print_styled(table)
