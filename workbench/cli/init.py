"""`workbench init`: a small project that runs at once.

$ workbench init demo
Wrote 6 files into demo: support tickets, each for one of three teams.
  prompts/support/experiment.yaml
  prompts/support/triage.jinja
  …
Next:
  cd demo
  workbench run support
"""

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.completion import complete_starter
from workbench.cli.output import print_json
from workbench.cli.run import AsJson
from workbench.errors import ExitCode, WorkbenchError, pluralize

DEFAULT = "support"
MODEL = re.compile(r"[A-Za-z0-9_-]+:[A-Za-z0-9_./:@+-]*[A-Za-z0-9_./@+-]")


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The project's folder; default: this one.")
    ] = Path(),
    starter: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="NAME",
            help="support, sentiment, extraction, rag or judge.",
            autocompletion=complete_starter,
        ),
    ] = DEFAULT,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="PROVIDER:NAME",
            help="A model instead of the recorded answers; may be given several times.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Write a small project that runs at once, without a key."""
    from workbench.schemas import write_schemas
    from workbench.starters import find_starter, write_starter

    _check_models(models or [])
    chosen = find_starter(starter)
    written = write_starter(chosen, folder, models or ())
    write_schemas(folder.resolve())
    if as_json:
        print_json({"folder": str(folder), "task": chosen.task, "files": written})
        return ExitCode.DONE
    typer.echo("\n".join(_lines(folder, written, chosen.task, chosen.about, models or ())))
    return ExitCode.DONE


def _check_models(models: list[str]) -> None:
    from workbench.model import check_provider

    for number, model in enumerate(models):
        if not MODEL.fullmatch(model):
            fix = "write provider:name, as openai:gpt-6-luna or transformers:smollm2-135m-instruct"
            raise WorkbenchError(f"--model {model!r} is not the name of a model", fix=fix)
        check_provider(model.partition(":")[0], where=f"--model {model}")
        if model in models[:number]:
            raise WorkbenchError(f"--model {model} is given twice", fix="give each model once")


def _lines(
    folder: Path, written: list[str], task: str, about: str, models: list[str] | tuple[()]
) -> list[str]:
    place = "this folder" if folder == Path() else str(folder)
    head = f"Wrote {pluralize(len(written), 'file')} into {place}: {about}."
    if not written:
        head = f"All files are in {place} already."
    enter = [] if folder == Path() else [f"  cd {shlex.quote(str(folder))}"]
    answers = "" if models else "   two models, by recorded answers: no key, no download"
    plan = [f"  workbench plan {task}   shows what would be sent, and a missing key"]
    return [
        head,
        *(f"  {path}" for path in written),
        "Next:",
        *enter,
        *(plan if models else ()),
        f"  workbench run {task}{answers}",
        f"Lines to change are marked `# change:` in prompts/{task}/experiment.yaml.",
    ]
