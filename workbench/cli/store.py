"""`workbench store`: what is kept, why something is asked again, and keeping the file well."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from workbench.cli.setup import open_plan, open_project, open_store
from workbench.errors import WorkbenchError, unknown_name

if TYPE_CHECKING:
    from workbench.plan import Plan
    from workbench.report.explain import Answered
    from workbench.store import Store
    from workbench.store.selection import Selection

app = typer.Typer(no_args_is_help=True, help="Inspect, prune, repair and export the store.")

SHORTEST = 6  # digits of a key
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ModelGlob = Annotated[
    str, typer.Option("--model", help="Only models that match, as in 'openai:*'.")
]
States = Annotated[list[str], typer.Option("--state", help="Only this state; can be repeated.")]


@app.command("stats")
def stats(as_json: AsJson = False) -> None:
    """Count completions, tokens and cost by model.

    Also scores, calls without an answer, and processes that use the store.
    """
    from workbench.report.store import statistics_json, statistics_lines, statistics_tables
    from workbench.store.statistics import statistics

    project = open_project()
    currency = project.file.currency
    with open_store(project) as store:
        found = statistics(store, project.prices)
    if as_json:
        _print_json(statistics_json(found, currency))
        return
    for table in statistics_tables(found, currency):
        _print_table(table)
    _print_lines(statistics_lines(found, currency))


@app.command("explain")
def explain(
    key: Annotated[
        str,
        typer.Argument(metavar="KEY|ROW", help="A key or its first digits; with --task, a row."),
    ],
    task: Annotated[
        str, typer.Option("--task", help="Explain a row of this task or experiment file.")
    ] = "",
    only: Annotated[str, typer.Option(help="Only variants whose name matches.")] = "",
    tracking_uri: Annotated[
        str, typer.Option("--tracking-uri", help="The MLflow store of its prompts and dataset.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show a stored request, or why a row is not stored.

    With --task, each variant's row and the nearest stored request.
    """
    from workbench.plan import Options, Scope
    from workbench.report.explain import known_json, known_lines, row_json, row_lines
    from workbench.store.explain import explain_key

    if task:
        options = Options(Scope(None, only))
        with open_plan(task, options, tracking_uri) as (project, store, made):
            cells = _cells(key, store, made)
        if as_json:
            _print_json(row_json(key, cells))
        else:
            _print_lines(row_lines(key, cells, project.file.currency))
        return
    if only:
        raise WorkbenchError("--only goes with --task", fix="--task TASK ROW --only GLOB")
    project = open_project()
    with open_store(project) as store:
        known = explain_key(store, _whole(store, key))
    if as_json:
        _print_json({"schema_version": 1, **known_json(known)})
    else:
        _print_lines(known_lines(known, project.file.currency))


@app.command("prune")
def prune(
    older_than: Annotated[str, typer.Option(help="Older than this: 12h, 30d or 4w.")] = "",
    model: ModelGlob = "",
    state: States = [],  # noqa: B006  typer's way to say: none
    scores: Annotated[
        bool, typer.Option("--scores", help="Remove scores instead of completions.")
    ] = False,
    evaluator: Annotated[str, typer.Option(help="With --scores: only evaluators that match.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove them; without it, only show them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove completions or scores.

    Without --yes, show what would be removed, and what it would cost to buy again.
    """
    from workbench.report.store import removal_json, removal_lines
    from workbench.store.prune import cutoff_time, preview_removal, remove
    from workbench.store.selection import ScoreSelection

    before = cutoff_time(older_than) if older_than else ""
    _check_conditions(bool(evaluator), bool(model or state), before=bool(before), scores=scores)
    completions = _selection(model, state, before)
    selection = ScoreSelection(evaluator, before) if scores else completions
    project = open_project()
    with open_store(project) as store:
        found = preview_removal(store, selection, project.prices)
        freed = remove(store, selection) if yes else None
    if as_json:
        _print_json(removal_json(found, project.file.currency, freed))
        return
    lines = removal_lines(found, project.file.currency, scores=scores)
    head = "would remove " if freed is None else "removed "
    last = "--yes removes them" if freed is None else f"{_bytes(freed)} are free again"
    _print_lines([head + lines[0], *lines[1:], last])


@app.command("repair")
def repair(as_json: AsJson = False) -> None:
    """Rebuild a damaged store from its readable rows.

    The damaged file is kept.
    """
    from workbench.report.store import repair_json, repair_lines
    from workbench.store.repair import repair as repaired

    done = repaired(open_project().store)
    if as_json:
        _print_json(repair_json(done))
    else:
        _print_lines(repair_lines(done))


@app.command("export")
def export(
    form: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="csv cells are never formulas.")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="The file to write; default: stdout.")] = None,
    model: ModelGlob = "",
    state: States = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write completions as JSON Lines or CSV.

    JSON Lines are lossless; CSV is for a spreadsheet.
    """
    from workbench.report.export import csv_lines, json_lines, new_file
    from workbench.store.selection import select_completions

    selection = _selection(model, state, "")
    with open_store(open_project()) as store:
        kept = select_completions(store, selection)
        written = csv_lines(kept) if form == "csv" else json_lines(kept)
        lines = (store.redactor.redact(line.decode()).encode() for line in written)
        if out is None:
            _write(lines, sys.stdout.buffer)
            return
        with new_file(out, force=force) as file:
            _write(lines, file)
    if as_json:
        _print_json({"schema_version": 1, "file": str(out), "bytes": out.stat().st_size})
    else:
        typer.echo(f"{out}: {_bytes(out.stat().st_size)}")


def _cells(row: str, store: "Store", made: "Plan") -> "list[Answered]":
    """Each variant's cells of a row, as the store knows them."""
    from workbench.report.explain import Answered
    from workbench.store.explain import explain_key, explain_missing

    found: list[Answered] = []
    for variant, cells in zip(made.variants, made.cells, strict=True):
        for cell in cells:
            if cell.example.id == row:
                known = explain_key(store, cell.key)
                said = known.stored or known.calls or known.owner
                missing = None if said else explain_missing(store, made.bodies[cell.key])
                found.append(Answered(variant.name, cell.repeat, known, missing))
    if not found:
        raise unknown_name("row", row, [example.id for example in made.examples])
    return found


def _whole(store: "Store", key: str) -> str:
    """The key that begins so; one that nothing is known of as it is."""
    from workbench.store.explain import find_keys

    prefix = key.strip().lower()
    if len(prefix) < SHORTEST or len(prefix) > 64 or set(prefix) - set("0123456789abcdef"):
        raise WorkbenchError(
            f"{key!r} is no key and no beginning of one",
            fix=f"at least {SHORTEST} of its 64 hex digits; a row: --task TASK ROW",
        )
    found = find_keys(store, prefix)
    if len(found) > 1:
        listed = ", ".join(found[:12]) + (", …" if len(found) > 12 else "")
        raise WorkbenchError(f"{len(found)} keys begin with {prefix}", fix=f"one of {listed}")
    return found[0] if found else prefix


def _check_conditions(evaluator: bool, answers: bool, *, before: bool, scores: bool) -> None:
    """That something is named, and nothing that doesn't go together."""
    if evaluator and not scores:
        raise WorkbenchError("--evaluator goes with --scores", fix="add --scores")
    if answers and scores:
        raise WorkbenchError(
            "--model and --state are of answers, --scores is of scores",
            fix="--scores --evaluator GLOB, or without --scores",
        )
    if not (evaluator or answers or before):
        raise WorkbenchError(
            "which ones?",
            fix="--evaluator GLOB or --older-than 30d"
            if scores
            else "--older-than 30d, --model GLOB or --state STATE",
        )


def _selection(model: str, states: list[str], before: str) -> "Selection":
    from typing import get_args

    from workbench.model import State
    from workbench.store.selection import Selection

    known = [one for one in get_args(State) if one != "failed"]
    for state in states:
        if state not in known:
            raise unknown_name("state", state, known)
    return Selection(model, tuple(states), before)


def _write(lines: Iterable[bytes], file: IO[bytes]) -> None:
    for line in lines:
        file.write(line)
    file.flush()


def _bytes(size: int) -> str:
    from workbench.report.store import bytes_text

    return bytes_text(size)


def _print_json(said: object) -> None:
    from workbench.report.safe_text import json_line

    typer.echo(json_line(said))


def _print_table(table: object) -> None:
    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table)
    console.print()


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
