"""A call's experiment, opened as the command opens one.

with open_call(PythonCall("support"), Options()) as opened:
    opened.plan().to_send      # 300 requests
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.api.python_words import in_python_words
from workbench.api.task_files import write_task
from workbench.cli.output import REDACTOR
from workbench.cli.project_secrets import settings_secrets
from workbench.cli.setup import (
    OpenExperiment,
    keep_private,
    open_experiment,
    open_root,
    open_store,
)
from workbench.completing.context import Stop
from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment import build_experiment
from workbench.plan import Options
from workbench.plan.redact_rows import refuse_secret_in_file
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.resolvers import project_resolvers
from workbench.scoring.pool import shared_pool
from workbench.workers.garbage import paused_gc


@dataclass(frozen=True)
class PythonCall:
    """The experiment that a call names or describes.

    Attributes:
        task: of the project, or an experiment file; empty: the only one, or `keywords`.
        keywords: of an experiment; None: left out.
    """

    task: str | Path = ""
    keywords: Mapping[str, Any] = field(default_factory=dict)
    tracking_uri: str = ""


@contextmanager
def open_call(call: PythonCall, options: Options) -> Iterator[OpenExperiment]:
    """Open the experiment of a call.

    Raises:
        WorkbenchError: an argument or a file has an error, in the words of Python.
    """
    names = [name for name, value in call.keywords.items() if value is not None and name != "name"]
    with _private_files(), in_python_words():
        if not names:
            with open_experiment(call.task, options, call.tracking_uri) as opened:
                yield opened
            return
        if call.task:
            message = f"a task and {', '.join(f'{name}=' for name in names)} don't go together"
            fix = "leave the task out, or change its experiment.yaml"
            raise WorkbenchError(message, where="workbench.run", fix=fix)
        project = current_project(call.tracking_uri)
        keep_private(project, call.tracking_uri)
        try:
            document = write_task(call.keywords, project)
        except OSError as error:
            message, fix = f"the call can't be written: {error.strerror}", "choose another folder"
            where, code = str(project.store), ExitCode.STORAGE
            raise WorkbenchError(message, where=where, fix=fix, exit_code=code) from error
        with (
            in_python_words(document.path),
            shared_pool(),
            Renderer() as renderer,
            open_store(project) as store,
        ):
            REDACTOR.add(settings_secrets(document.content))
            refuse_secret_in_file(document.content, document.path, REDACTOR)
            document.save()
            with paused_gc():
                resolvers = project_resolvers(project, call.tracking_uri)
                rows = options.scope.rows
                experiment = build_experiment(document, project, renderer, resolvers, rows)
            parts = (experiment.priced(project), store, renderer, experiment, options)
            yield OpenExperiment(*parts, resolvers.registry)


def current_project(tracking_uri: str = "") -> Project:
    """The project around the current folder, or that folder where there is none."""
    here = Path.cwd().resolve()
    root = next((folder for folder in (here, *here.parents) if (folder / "prompts").is_dir()), here)
    return open_root(root, tracking_uri)


@contextmanager
def _private_files() -> Iterator[None]:
    """Restore the mode of new files, which `keep_private` changes for the process."""
    mask = os.umask(0o077)
    os.umask(mask)
    try:
        yield
    finally:
        os.umask(mask)


@contextmanager
def stop_on_interrupt(project: Project) -> Iterator[Stop]:
    """Let the calls in flight finish when the kernel is interrupted; twice: give them up."""
    stop = Stop(drain_s=project.file.drain_s)
    if threading.current_thread() is not threading.main_thread():  # gets no signals
        yield stop
        return
    before = signal.signal(signal.SIGINT, lambda number, _frame: stop.request(number))
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
