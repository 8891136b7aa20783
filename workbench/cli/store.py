"""`workbench store`: statistics, explanations, removal, repair and export of completions.

$ workbench store prune --older-than 30d
would remove 2 completions, 1.9 kB: 14 tokens in, 4 out
--yes removes them
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workbench.cli.output import print_export, print_json, print_lines, print_result, print_styled
from workbench.cli.output_file import UNKNOWN, OutputFile
from workbench.cli.run import AsJson, Only
from workbench.cli.setup import open_experiment, open_project, open_store
from workbench.cli.signals import note_on_stderr
from workbench.cli.store_options import (
    Age,
    EvaluatorGlobs,
    KeyOrRow,
    ModelGlobs,
    PersonGlobs,
    Ratings,
    RowTask,
    Scores,
    States,
)
from workbench.errors import WorkbenchError, list_first, unknown_name

if TYPE_CHECKING:
    from workbench.plan import Plan
    from workbench.prompt import Renderer
    from workbench.store import Store
    from workbench.store.selection import Selection, Table

app = typer.Typer(no_args_is_help=True, help="Inspect, prune, repair and export the store.")

MIN_DIGITS = 6  # of a key


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
        totals = statistics(store, project.prices)
    if as_json:
        print_json(statistics_json(totals, currency))
        return
    for table in statistics_tables(totals, currency):
        print_styled(table)
        print_lines([""])
    print_lines(statistics_lines(totals, currency))


@app.command("explain")
def explain(
    key: KeyOrRow,
    task: RowTask = "",
    only: Only = None,
    tracking_uri: Annotated[
        str, typer.Option("--tracking-uri", help="The MLflow store of its prompts and dataset.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show a stored request, or why a row is not stored.

    With --task, each variant's row and the nearest stored request, and the calls of judges.
    A key with --task also names its row, variant and judge.
    """
    from workbench.experiment.load import models_by_ref
    from workbench.plan import Options, Scope
    from workbench.report.explain import key_json, key_lines, row_json, row_lines
    from workbench.report.explained_cells import explain_row
    from workbench.store.explain import explain_key

    if task:
        options = Options(Scope(None, only or ()), sends=False)
        with open_experiment(task, options, tracking_uri) as opened:
            plan, store, currency = opened.plan(), opened.store, opened.project.file.currency
            if places := _places(key, store, plan, opened.renderer):
                models = models_by_ref(opened.project)
                report = explain_key(store, _find_key(store, key), models)
                lines = key_lines(report, currency, places)
                print_result(key_json(report, places) if as_json else lines)
                return
            cells = explain_row(key, plan, store, opened.renderer)
        print_result(row_json(key, cells) if as_json else row_lines(key, cells, currency))
        return
    if only:
        raise WorkbenchError("--only goes with --task", fix="--task TASK ROW --only GLOB")
    project = open_project()
    with open_store(project) as store:
        report = explain_key(store, _find_key(store, key), models_by_ref(project))
    print_result(key_json(report) if as_json else key_lines(report, project.file.currency))


@app.command("prune")
def prune(
    older_than: Age = "",
    model: ModelGlobs = [],  # noqa: B006
    state: States = [],  # noqa: B006  typer's default of no value
    scores: Scores = False,
    evaluator: EvaluatorGlobs = [],  # noqa: B006
    ratings: Ratings = False,
    person: PersonGlobs = [],  # noqa: B006
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove them; without it, only show them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove completions, scores or ratings.

    Without --yes, show what would be removed, and what it would cost to buy again.
    """
    from workbench.errors import bytes_text
    from workbench.report.store import removal_json, removal_lines
    from workbench.store.prune import cutoff_time, preview_removal, remove
    from workbench.store.selection import Selection
    from workbench.tracking.live_recordings import wait_for_recordings

    before = cutoff_time(older_than) if older_than else ""
    if scores and ratings:
        raise WorkbenchError("--scores and --ratings exclude each other", fix="use one of them")
    table: Table = "scores" if scores else "ratings" if ratings else "completions"
    _check_conditions(table, {"scores": evaluator, "ratings": person}, [*model, *state], before)
    selection = _selection(model, state, before)
    if table != "completions":
        selection = Selection(evaluator or person, before=before, table=table)
    project = open_project()
    if yes:  # a recording that goes on in the background reads the store
        wait_for_recordings(project, note_on_stderr)
    with open_store(project) as store:
        removal = preview_removal(store, selection, project.prices)
        freed = remove(store, selection) if yes else None
    if as_json:
        print_json(removal_json(removal, project.file.currency, freed))
        return
    lines = removal_lines(removal, project.file.currency, table)
    head = "would remove " if freed is None else "removed "
    last = "--yes removes them" if freed is None else f"freed {bytes_text(freed)}"
    print_lines([head + lines[0], *lines[1:], last])


@app.command("repair")
def repair(as_json: AsJson = False) -> None:
    """Rebuild a damaged store from its readable rows.

    The damaged file is kept.
    """
    from workbench.report.store import repair_json, repair_lines
    from workbench.store.repair import repair as repair_store
    from workbench.tracking.live_recordings import wait_for_recordings

    project = open_project()
    wait_for_recordings(project, note_on_stderr)
    result = repair_store(project.store)
    print_result(repair_json(result) if as_json else repair_lines(result))


@app.command("export")
def export(
    form: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="csv cells are never formulas.")
    ] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="The file to write; default: stdout.")] = None,
    model: ModelGlobs = [],  # noqa: B006
    state: States = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write completions as JSON Lines or CSV.

    JSON Lines are lossless; CSV is for a spreadsheet.
    """
    from workbench.errors import bytes_text
    from workbench.experiment.load import models_by_ref
    from workbench.report.export import csv_lines, json_lines
    from workbench.store.selection import select_completions

    selection, project = _selection(model, state, ""), open_project()
    target = OutputFile(out, project, UNKNOWN, force=force) if out else None
    target = None if target and target.is_stdout else target
    with open_store(project) as store:
        completions = select_completions(store, selection, models_by_ref(project))
        exported = csv_lines(completions) if form == "csv" else json_lines(completions)
        lines = (store.redactor.redact(line.decode()).encode() for line in exported)
        if target:
            with target.writer(0o600) as file:
                file.writelines(lines)
        else:
            print_export(lines, as_json=form == "jsonl")
    if out and target:
        size = out.stat().st_size
        text = [f"{out}: {bytes_text(size)}"]
        print_result({"file": str(out), "bytes": size} if as_json else text)


def _places(key: str, store: "Store", plan: "Plan", renderer: "Renderer") -> list[str]:
    """The places of a key in a plan, if the text may be a key and is no row."""
    from workbench.report.explained_cells import key_places

    prefix = key.strip().lower()
    if any(example.id == key for example in plan.examples) or not _is_key(prefix):
        return []
    return key_places(prefix, plan, store, renderer)


def _is_key(text: str) -> bool:
    return MIN_DIGITS <= len(text) <= 64 and not set(text) - set("0123456789abcdef")


def _find_key(store: "Store", text: str) -> str:
    """The full key that begins with `text`; `text` itself if there is none."""
    from workbench.store.explain import find_keys

    prefix = text.strip().lower()
    if not _is_key(prefix):
        raise WorkbenchError(
            f"{text!r} is not a key or its first digits",
            fix=f"at least {MIN_DIGITS} of its 64 hex digits; for a row: --task TASK ROW",
        )
    keys = find_keys(store, prefix)
    if len(keys) > 1:
        fix = f"one of {list_first(keys, 12)}"
        raise WorkbenchError(f"{len(keys)} keys begin with {prefix}", fix=fix)
    return keys[0] if keys else prefix


def _check_conditions(
    table: str, globs: dict[str, list[str]], completions: list[str], before: str
) -> None:
    """Raise if no condition is given, or conditions of another table than `table`."""
    options = {"scores": "--evaluator", "ratings": "--person"}
    for name in globs:
        if globs[name] and name != table:
            raise WorkbenchError(f"{options[name]} goes with --{name}", fix=f"add --{name}")
    if completions and table in options:
        raise WorkbenchError(
            f"--model and --state select completions, --{table} removes {table}",
            fix=f"--{table} {options[table]} GLOB, or without --{table}",
        )
    if not (globs.get(table) or completions or before):
        option = f"{options[table]} GLOB" if table in options else "--model GLOB or --state STATE"
        raise WorkbenchError(
            "no condition selects what to remove", fix=f"--older-than 30d, {option}"
        )


def _selection(model: list[str], states: list[str], before: str) -> "Selection":
    from typing import get_args

    from workbench.model import State
    from workbench.store.selection import Selection

    stored_states = [state for state in get_args(State) if state != "failed"]
    for state in states:
        if state not in stored_states:
            raise unknown_name("state", state, stored_states)
    return Selection(model, tuple(states), before)
