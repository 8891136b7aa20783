"""`workbench docs`: the documentation, offline.

$ workbench docs
architecture   Architecture
comparison     The comparison page
…
$ workbench docs comparison
"""

import sys
from typing import Annotated

import typer

from workbench.cli.completion import complete_page
from workbench.cli.output import print_styled
from workbench.errors import ExitCode, unknown_name


def docs(
    page: Annotated[
        str, typer.Argument(metavar="PAGE", help="A page's name.", autocompletion=complete_page)
    ] = "",
) -> int:
    """Read the documentation of this version."""
    from workbench.catalog.bundled_files import bundled_folder
    from workbench.report.tables import new_table

    pages = {file.stem: file for file in sorted(bundled_folder("docs").glob("*.md"))}
    name = page.removeprefix("docs/").removesuffix(".md")
    if not name:
        table = new_table(("page", "about"))
        for stem, file in pages.items():
            with file.open(encoding="utf-8") as lines:
                table.add_row(stem, next(lines, "").lstrip("# ").strip())
        print_styled(table)
    elif name not in pages:
        raise unknown_name("page", page, pages)
    else:
        text = pages[name].read_text(encoding="utf-8")
        if sys.stdout.isatty():
            from rich.console import Console
            from rich.markdown import Markdown

            Console().print(Markdown(text))
        else:
            typer.echo(text, nl=False)
    return ExitCode.DONE
