"""The user's project: the folder that contains `prompts/`, at or above the current folder.

project = find_project(Path.cwd())
project.store      # <root>/.workbench, created if missing
"""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench.document import read_document
from workbench.document.environment_file import load_environment
from workbench.errors import FORBIDDEN, WorkbenchError, unknown_name
from workbench.model.types import JUDGES
from workbench.project.project_file import Price, ProjectFile
from workbench.proxies import DATABASES, exempt_loopback
from workbench.secrets import mask_url

VARIABLE = "MLFLOW_TRACKING_URI"
PYTHON_TASKS = "python"  # in the store's folder: tasks that Python code wrote
NO_TRACKING = "none"  # the address that turns tracking off
SERVERS = ("http://", "https://", "databricks")


@dataclass(frozen=True)
class Project:
    """A project's root and its `workbench.yaml`.

    Attributes:
        published: prices that come with Workbench, of models without one in the file.
    """

    root: Path
    file: ProjectFile = field(default_factory=ProjectFile)
    published: Mapping[str, Price] = field(default_factory=dict)

    @property
    def prices(self) -> Mapping[str, Price]:
        """Price by `provider:name`; those of the file come first."""
        return {**self.published, **self.file.prices}

    def registered_name(self, task: str, name: str) -> str:
        """Name in MLflow's registry; see `Prompt.registered_name`."""
        return ".".join(filter(None, (self.file.registry_prefix, task, name)))

    @property
    def prompts(self) -> Path:
        """The folder of tasks."""
        return self.root / "prompts"

    @property
    def store(self) -> Path:
        """The folder of the stores, readable by its owner only and ignored by git.

        It is created if missing, unless the project can only be read.
        """
        folder = self.root / ".workbench"
        ignore = folder / ".gitignore"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError as error:  # of another kind
            kind = "a link to no folder" if folder.is_symlink() else "not a folder"
            message, fix = f"is {kind}", "rename or remove it: the store's folder gets its name"
            raise WorkbenchError(message, where=str(folder), fix=fix) from error
        except OSError as error:
            if error.errno in FORBIDDEN:
                return folder
            message, fix = f"can't create the store: {error.strerror}", "check the disk"
            raise WorkbenchError(message, where=str(folder), fix=fix) from error
        if not ignore.exists():
            with suppress(OSError):  # a full disk, or a folder that can't be written
                ignore.touch(mode=0o600)
                ignore.write_text("*\n")
        return folder

    def tracking_uri(self, flag: str = "") -> str:
        """Address of the MLflow store, by default the project's own.

        The flag comes before MLFLOW_TRACKING_URI, which comes before workbench.yaml.

        Raises:
            WorkbenchError: the address is not one of an MLflow store.
        """
        uri = flag or os.environ.get(VARIABLE) or self.file.tracking_uri
        if uri and uri != NO_TRACKING and not uri.startswith(SERVERS + DATABASES):
            raise WorkbenchError(
                f"{mask_url(uri)!r} is not an MLflow tracking store",
                fix="use http://127.0.0.1:5000 for a server, sqlite:////absolute/path.db for a "
                "file, none to record nothing",
            )
        if self._is_completions(uri):
            variable = (
                f"{VARIABLE} (of the environment or .env)" if os.environ.get(VARIABLE) else ""
            )
            source = "--tracking-uri" if flag else variable or "tracking_uri: in workbench.yaml"
            raise WorkbenchError(
                f"{mask_url(uri)!r} is this project's store of completions, not an MLflow store",
                fix=f"leave {source} out: the project has an MLflow store, mlflow.db beside it; "
                "or name another file",
            )
        return uri or f"sqlite:///{self.store / 'mlflow.db'}"

    def _is_completions(self, uri: str) -> bool:
        """True if an address names the file of `.workbench/store.db` or one that belongs to it."""
        match = re.match(r"sqlite:///(?:file:)?([^?]*)", uri)
        path = os.path.realpath(match[1] if match else "")
        names = ("store.db", "store.db-wal", "store.db-shm", "store.db-journal")
        ours = [self.root / ".workbench" / name for name in names]
        with suppress(OSError, ValueError):  # a path that no file can have
            return any(
                path == str(file) or (Path(path).exists() and file.exists() and file.samefile(path))
                for file in ours
            )
        return False

    def tracks(self, flag: str = "") -> bool:
        """Return False if tracking is turned off: nothing is recorded and MLflow not imported.

        Raises:
            WorkbenchError: MLflow can't open the project's own store, because of its path.
        """
        uri = self.tracking_uri(flag)
        path = str(self.root)
        is_odd = re.search(r"\?|%[0-9A-Fa-f]{2}", path) or {"'", '"'} <= set(path)
        if is_odd and uri.startswith("sqlite:") and path in uri:
            raise WorkbenchError(
                "MLflow can't open a file whose path has a ?, %20 or both kinds of quotes",
                where=path,
                fix="rename the folder, or name another store: tracking_uri: in workbench.yaml",
            )
        return uri != NO_TRACKING

    def require_tracking(self, flag: str, purpose: str) -> None:
        """Refuse what needs an MLflow store where tracking is turned off.

        Raises:
            WorkbenchError: tracking is turned off; `purpose` begins the message.
        """
        if not self.tracks(flag):
            raise WorkbenchError(
                f"{purpose} needs an MLflow store, and tracking is off (tracking_uri: none)",
                fix="name a store: --tracking-uri, MLFLOW_TRACKING_URI, or tracking_uri: in "
                "workbench.yaml; without any of them the project has its own",
            )

    def display_path(self, path: Path) -> str:
        """`path` in messages: relative to the root if it is below it."""
        resolved = path.resolve()
        below = resolved.is_relative_to(self.root)
        return str(resolved.relative_to(self.root) if below else path)

    def prompts_beside(self, folder: Path) -> Path:
        """The folder of tasks for an experiment in `folder`: its parent if Python code wrote it."""
        folder = folder.resolve()
        from_python = folder.is_relative_to(self.root / ".workbench" / PYTHON_TASKS)
        return folder.parent if from_python else self.prompts

    def tasks(self) -> list[str]:
        """Names of the folders in `prompts/` that contain a template or an experiment.

        That of the judges is no task.
        """
        return sorted(
            folder.name
            for folder in self.prompts.glob("*")
            if folder.is_dir()
            and folder.name != JUDGES
            and (any(folder.glob("*.jinja")) or (folder / "experiment.yaml").is_file())
        )

    def prompt_folders(self, name: str = "") -> list[str]:
        """The tasks, and the judges if there are any; only the one that is named.

        Raises:
            WorkbenchError: there is none of that name.
        """
        judges = [JUDGES] if any((self.prompts / JUDGES).glob("*.jinja")) else []
        if name in judges:
            return judges
        return [self.task_folder(name).name] if name else [*self.tasks(), *judges]

    def task_folder(self, task: str) -> Path:
        """The folder of `task`.

        Raises:
            WorkbenchError: there is none; lists the tasks, nearest first.
        """
        if task == JUDGES and (self.prompts / JUDGES).is_dir():
            raise WorkbenchError(
                f"{JUDGES!r} is no task: it holds judges",
                where=f"prompts/{JUDGES}",
                fix="name a task; its experiment file names judges under `evaluators:`",
            )
        if task not in self.tasks():
            raise unknown_name("task", task, self.tasks(), where=self.prompts.name)
        return self.prompts / task


def find_root(start: Path) -> Path:
    """The folder of the project that contains `start`.

    Raises:
        WorkbenchError: no folder at or above `start` contains `prompts/`, or calls from Python.
    """
    here = start.resolve()
    names = ("prompts", f".workbench/{PYTHON_TASKS}")
    folders = (here, *here.parents)
    folder = next((f for name in names for f in folders if (f / name).is_dir()), None)
    if folder is None:
        message = "not a project: no folder `prompts` here or above"
        fix = "workbench init writes a small project that runs at once"
        raise WorkbenchError(message, where=str(here), fix=fix)
    return folder


def find_project(start: Path) -> Project:
    """The project that contains `start`; see `read_project`."""
    return read_project(find_root(start))


def read_project(folder: Path) -> Project:
    """The project in `folder`, with its `.env` loaded (the environment wins).

    Raises:
        WorkbenchError: its `.env` or `workbench.yaml` has an error.
    """
    load_environment(folder / ".env")
    exempt_loopback()
    settings = folder / "workbench.yaml"
    if not os.path.lexists(settings):
        return Project(folder)
    document = read_document(settings, display_name="workbench.yaml")
    is_empty = document.content is None
    return Project(folder) if is_empty else Project(folder, document.check(ProjectFile))
