"""A prompt as an application uses it: loaded by name, rendered to the messages that a run sends.

    workbench.load_prompt("sentiment.few_shot@production").messages(text="A dull film.")
    [{"role": "user", "content": "Label this review …"}]

MLflow's own client formats a template with roles in a loop to one text, and renders a template
without `{% %}` by other rules; this one renders every version as `workbench run` does.
"""

import atexit
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.images import ImageReader
from workbench.images.request_images import with_data_urls
from workbench.project import Project, find_project
from workbench.prompt import (
    Prompt,
    Reference,
    Renderer,
    folder_reader,
    list_prompts,
    parse_reference,
)
from workbench.prompt import load_prompt as load_template
from workbench.prompt.reference import NAME_PATTERN
from workbench.prompt.write import template_text
from workbench.tracking.mlflow_client import access_fix
from workbench.tracking.mlflow_lookup import find_registered
from workbench.tracking.tracking_store import TrackingStore, connect_to_read, read_pages

URI = re.compile(r"prompts:/+(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>.+))?")
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
QUIET = ("mlflow", "alembic", "sqlalchemy")


@dataclass(frozen=True, repr=False)
class LoadedPrompt:
    """One version of a prompt, ready to render.

    Attributes:
        root: the project's folder, where paths of images begin.

    >>> prompt = wb.load_prompt("notebook.short")
    >>> prompt.version, prompt.variables
    (1, ('text',))
    """

    prompt: Prompt
    root: Path = Path()

    def __repr__(self) -> str:
        version = "a file" if self.version is None else f"version {self.version}"
        return f"{self.prompt.task}/{self.prompt.name}, {version}\n\n{template_text(self.prompt)}"

    @property
    def version(self) -> int | None:
        """Its number in the registry; None: a file."""
        return self.prompt.version

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that `messages` takes."""
        return tuple(self.prompt.variables)

    @property
    def settings(self) -> Mapping[str, JSON]:
        """The front matter without its defaults: parameters, stop, choices, tools."""
        return self.prompt.settings.as_json()

    def messages(self, **variables: JSON) -> list[dict[str, JSON]] | str:
        """The messages that a run would send for these variables, files of images as data URLs.

        A prompt with `chat: false` is one text. A last message of the assistant begins the answer.

        Raises:
            WorkbenchError: a variable is missing or unknown, the template can't be rendered, or an
                image can't be read.
        """
        names, where = self.prompt.variables, self.prompt.where()
        for name in variables.keys() - names.keys():
            raise unknown_name("variable", name, names, where=where)
        try:
            images = ImageReader(self.root, self.root)
            (conversation,) = self.prompt.render(_renderer(), [variables], [""], images)
        except WorkbenchError as error:
            if missing := [name for name in names if name not in variables]:
                listed = ", ".join(missing)
                fix = f"pass {', '.join(f'{name}=…' for name in missing)}"
                raise WorkbenchError(
                    f"missing variables: {listed}", where=where, fix=fix
                ) from error
            raise
        if conversation.text is not None:
            return conversation.text
        body = {"messages": [message.as_json() for message in conversation.messages]}
        messages: list[dict[str, JSON]] = with_data_urls(body, images.files.sources)["messages"]
        return messages


def load_prompt(name_or_uri: str, *, tracking_uri: str = "") -> LoadedPrompt:
    """A prompt of the registry, or of the project's files.

    Args:
        name_or_uri: `task.name` (the newest version), `task.name@3`, `task.name@alias`,
            `prompts:/task.name/3`, `prompts:/task.name@alias`; or a file of the project,
            `task/name`, also with `@3` or `@alias`. A name may leave out `registry_prefix:`.
        tracking_uri: of the MLflow store; empty: what `mlflow.set_tracking_uri` was called with,
            else MLFLOW_TRACKING_URI, else the project's.

    Raises:
        WorkbenchError: there is none; the message names the nearest one.

    >>> wb.load_prompt("notebook.short").messages(text="A fun ride.")
    [{'role': 'user', 'content': 'A fun ride.'}]
    """
    if not isinstance(name_or_uri, str):
        message, fix = f"{type(name_or_uri).__name__} is no name of a prompt", "'task.name@3'"
        raise WorkbenchError(message, where="load_prompt", fix=fix)
    project = _project()
    if "/" in name_or_uri and not name_or_uri.startswith("prompts:"):
        task, _, ref = name_or_uri.partition("/")
        reference = parse_reference(ref)
        if reference.kind == "working":
            return LoadedPrompt(_read_file(project, task, reference), project.root)
        name = project.registered_name(task, reference.name)
    else:
        name, reference = _parse(name_or_uri)
    with _mlflow_unchanged():
        if not tracking_uri and mlflow.is_tracking_uri_set():
            tracking_uri = mlflow.get_tracking_uri()
        project.require_tracking(tracking_uri, f"the prompt {name_or_uri!r}")
        store = connect_to_read(project, tracking_uri)
        prefix = project.file.registry_prefix
        names = _registered_names(store)
        full_name = name if name in names or not prefix else f"{prefix}.{name}"
        if full_name not in names:
            raise unknown_name("prompt", name, names, where=store.masked_uri)
        prompt = find_registered(store, full_name, reference, _renderer())
        return LoadedPrompt(prompt, project.root)


def _parse(text: str) -> tuple[str, Reference]:
    """The registered name, and a reference to one of its versions."""
    if uri := URI.fullmatch(text):
        name, suffix = uri["name"], uri["version"] or uri["alias"] or ""
    else:
        name, _, suffix = text.partition("@")
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise WorkbenchError(
            f"{text!r} is not the name of a prompt",
            fix="write task.name, task.name@3, task.name@alias, prompts:/task.name/3 or task/name",
        )
    if not suffix or suffix == "latest":
        return name, Reference(name)
    last = name.rpartition(".")[2]
    last = last if re.fullmatch(NAME_PATTERN, last) else "name"
    return name, parse_reference(f"{last}@{suffix}")


def _registered_names(store: TrackingStore) -> list[str]:
    try:
        pages = read_pages(
            lambda token: store.client.search_prompts(max_results=1000, page_token=token)
        )
        return [prompt.name for prompt in pages]
    except MlflowException as error:
        message = f"the prompts can't be looked up: {error.message}"
        fix = access_fix(error, "the prompts (registered models)")
        raise WorkbenchError(message, where=store.masked_uri, fix=fix) from error


def _read_file(project: Project, task: str, reference: Reference) -> Prompt:
    names = list_prompts(project.task_folder(task))
    if reference.name not in names:
        raise unknown_name(f"prompt of task {task!r}:", reference.name, names)
    return load_template(task, reference.name, folder_reader(project.prompts), _renderer())


def _project() -> Project:
    """The project of this folder; outside of one, a store is named elsewhere."""
    try:
        return find_project(Path.cwd())
    except WorkbenchError:
        if not mlflow.is_tracking_uri_set() and "MLFLOW_TRACKING_URI" not in os.environ:
            raise
        return Project(Path.cwd())


@cache
def _renderer() -> Renderer:
    """The child process that renders; it ends with this process."""
    renderer = Renderer()
    atexit.register(renderer.end)
    return renderer


@contextmanager
def _mlflow_unchanged() -> Iterator[None]:
    """Leave the application's settings of MLflow, log levels and warnings as they were."""
    uri = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    registry_uri = mlflow.get_registry_uri() if uri else None
    variables = {name: os.environ.get(name) for name in VARIABLES}
    levels = {name: logging.getLogger(name).level for name in QUIET}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(registry_uri if registry_uri != uri else None)
        for name, value in variables.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
