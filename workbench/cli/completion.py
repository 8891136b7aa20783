"""Completion of arguments and options in the shell: names of this project.

$ workbench run sent<TAB>
sentiment

Every callback returns nothing where there is nothing to complete, and never raises.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import typer

from workbench.cli.project_names import ProjectNames

SHORTEST_ID = 2  # letters of a run's id that are typed before ids are listed


@dataclass(frozen=True)
class CommandLine:
    """A command line that is being typed.

    Attributes:
        names: the words of its arguments and options so far.
        incomplete: the beginning of the word that is completed.
    """

    project: ProjectNames
    names: list[str]
    incomplete: str

    @property
    def task(self) -> str:
        """The task that the line names; else the only one, or that of the folder; else empty."""
        tasks = self.project.tasks()
        named = [name for name in self.names if name in tasks]
        return named[0] if named else self.project.task_around(Path.cwd().resolve())

    @property
    def names_task(self) -> bool:
        """True if one of its words is a task."""
        return not set(self.names).isdisjoint(self.project.tasks())


Completer = Callable[[typer.Context, str], list[str]]


def _completer(source: Callable[[CommandLine], Iterable[str]]) -> Completer:
    """A callback for typer: the names of `source` that begin with the typed word."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        names: dict[str, None] = {}
        with suppress(Exception):  # a traceback would stand in the middle of the command line
            project = ProjectNames.find(Path.cwd().resolve())
            for name in source(CommandLine(project, _words(ctx), incomplete)):
                if name.startswith(incomplete) and name.isprintable() and " " not in name:
                    names[name] = None
        return list(names)

    return complete


def _words(ctx: typer.Context) -> list[str]:
    """The words before; behind an option without its value, arguments are in no parameter yet."""
    values = [*ctx.params.values(), ctx.args]
    words = [w for v in values for w in (v if isinstance(v, list | tuple) else [v])]
    return [word for word in words if isinstance(word, str)]


@_completer
def complete_task(line: CommandLine) -> Iterable[str]:
    """Tasks; the shell completes files."""
    return line.project.tasks()


@_completer
def complete_names(line: CommandLine) -> Iterator[str]:
    """Tasks, then prompts, models and runs of the task."""
    if not line.names_task:
        yield from line.project.tasks()
    if line.task:
        yield from line.project.prompts(line.task)
        with suppress(OSError):
            yield from line.project.labels(line.task)
    if len(line.incomplete) >= SHORTEST_ID:
        yield from line.project.run_ids()


@_completer
def complete_judge(line: CommandLine) -> Iterator[str]:
    """Tasks, then metrics of the task."""
    if not line.names_task:
        yield from line.project.tasks()
    yield from line.project.metrics(line.task)


@_completer
def complete_only(line: CommandLine) -> Iterator[str]:
    """Globs of variants, by prompt and by model."""
    if line.task:
        yield from (f"{prompt}*" for prompt in line.project.prompts(line.task))
        yield from (f"*{label}*" for label in line.project.labels(line.task))


@_completer
def complete_metric(line: CommandLine) -> Iterable[str]:
    """Metrics of the task."""
    return line.project.metrics(line.task)


@_completer
def complete_column(line: CommandLine) -> Iterable[str]:
    """Columns of the task's dataset."""
    return line.project.columns(line.task)


@_completer
def complete_labels(line: CommandLine) -> Iterator[str]:
    """Places of people's labels that are no files."""
    yield from ("store", "mlflow")
    yield from line.project.columns(line.task)


@_completer
def complete_prompt(line: CommandLine) -> Iterator[str]:
    """Prompts of the task, or of all tasks if the line names none."""
    for task in [line.task] if line.task else line.project.tasks():
        yield from line.project.prompts(task)


@_completer
def complete_model_of_task(line: CommandLine) -> Iterable[str]:
    """Models of the task, by their names in tables and in full."""
    return [*line.project.labels(line.task), *line.project.models(line.task)]


@_completer
def complete_shown_rows(_line: CommandLine) -> Iterable[str]:
    """Rows that `run --show` lists."""
    return ("wrong", "failed", "all")


@_completer
def complete_page(_line: CommandLine) -> Iterable[str]:
    """Pages of the documentation."""
    from workbench.catalog.bundled_files import bundled_folder

    return sorted(file.stem for file in bundled_folder("docs").glob("*.md"))


@_completer
def complete_starter(_line: CommandLine) -> Iterable[str]:
    """Projects to begin with: folders of the package."""
    projects = Path(__file__).parents[1] / "starters" / "projects"
    return sorted(folder.name for folder in projects.iterdir() if folder.is_dir())


@_completer
def complete_row(line: CommandLine) -> Iterable[str]:
    """Ids of the task's rows."""
    return line.project.row_ids(line.task)


@_completer
def complete_folder(line: CommandLine) -> Iterable[str]:
    """Tasks, and the judges."""
    return line.project.folders()


@_completer
def complete_reference(line: CommandLine) -> Iterable[str]:
    """`TASK/NAME` of prompts."""
    return line.project.references()


@_completer
def complete_model(line: CommandLine) -> Iterator[str]:
    """`provider:name` of the experiments' models, and of those in the store."""
    for task in line.project.tasks():
        with suppress(OSError):  # a task without an experiment file
            yield from line.project.models(task)
    yield from line.project.stored_models()


@_completer
def complete_old_model(line: CommandLine) -> Iterator[str]:
    """Models of the task, or of all tasks if the line names none."""
    for task in [line.task] if line.task else line.project.tasks():
        with suppress(OSError):  # a task without an experiment file
            yield from line.project.labels(task)
            yield from line.project.models(task)


@_completer
def complete_new_model(line: CommandLine) -> Iterator[str]:
    """`provider:name` of the experiments' models, and of OpenAI's with a published price."""
    from workbench.catalog.published_prices import OPENAI_HOST, read_published

    for task in line.project.tasks():
        with suppress(OSError):
            yield from line.project.models(task)
    yield from (f"openai:{name}" for name in read_published().names(OPENAI_HOST))


@_completer
def complete_evaluator(line: CommandLine) -> Iterator[str]:
    """Evaluators of the library, of the project and of plug-ins."""
    from workbench.evaluator.lookup import ENTRY_NAMES, list_evaluators

    yield from sorted({*list_evaluators(line.project.root), *ENTRY_NAMES})


@_completer
def complete_metric_of_any(line: CommandLine) -> Iterator[str]:
    """Metrics of all experiments."""
    for task in line.project.tasks():
        with suppress(OSError):
            yield from line.project.metrics(task)


@_completer
def complete_state(_line: CommandLine) -> Iterator[str]:
    """States of completions."""
    from workbench.model.types import State

    yield from get_args(State)


@_completer
def complete_data_set(_line: CommandLine) -> Iterator[str]:
    """Data sets of the catalogue."""
    from workbench.catalog.data import list_data

    yield from (each.name for each in list_data())


@_completer
def complete_local_model(_line: CommandLine) -> Iterator[str]:
    """Local models and encoders of the catalogue."""
    from workbench.catalog.encoders import list_encoders
    from workbench.catalog.models import list_models

    yield from (each.name for each in list_models())
    yield from (each.name for each in list_encoders())
