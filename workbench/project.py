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
from typing import Annotated, Literal
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from workbench.document import InvalidValueError, read_document
from workbench.document.environment_file import load_environment
from workbench.errors import FORBIDDEN, WorkbenchError, unknown_name
from workbench.proxies import DATABASES, exempt_loopback
from workbench.secrets import mask_url

VARIABLE = "MLFLOW_TRACKING_URI"
PYTHON_TASKS = "python"  # in the store's folder: tasks that Python code wrote
NO_TRACKING = "none"  # the address that turns tracking off
SERVERS = ("http://", "https://", "databricks")
PREFIX_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"


def _check_cached(price: float, info: ValidationInfo) -> float:
    """A budget reserves the price of fresh input, which is the most that a call costs."""
    if price > info.data.get("input", price):
        raise InvalidValueError(
            "is above `input`", fix="the price of cached input is the lower one"
        )
    return price


class Price(BaseModel):
    """Price of a million tokens, in the currency of the user's bill.

    Attributes:
        cached_input: of input from the provider's cache; None: as `input`.
    """

    model_config = ConfigDict(extra="forbid")
    input: Annotated[float, Field(ge=0, le=1e9)]
    output: Annotated[float, Field(ge=0, le=1e9)]
    cached_input: Annotated[float, Field(ge=0), AfterValidator(_check_cached)] | None = None

    def input_cost(self, input_tokens: float, cached_tokens: float = 0) -> float:
        """Cost of the input; `cached_tokens` are those of it that came from a cache."""
        return self.cost(input_tokens, 0, cached_tokens)

    def cost(self, input_tokens: float, output_tokens: float, cached_tokens: float = 0) -> float:
        """Cost of these numbers of tokens."""
        full = input_tokens * self.input + output_tokens * self.output
        saved = 0.0 if self.cached_input is None else self.input - self.cached_input
        return (full - min(cached_tokens, input_tokens) * saved) / 1e6


def _check_currency(currency: str) -> str:
    """Table headings show it, so only letters and currency signs are allowed."""
    kinds = {category(letter) for letter in currency}
    if not 0 < len(currency) <= 12 or any(kind[0] != "L" and kind != "Sc" for kind in kinds):
        raise InvalidValueError("is not a currency", fix="write its letters or its sign: USD, €")
    return currency


def _check_prefix(prefix: str) -> str:
    """The characters that MLflow allows in a prompt's name; a dot at the end is left out."""
    if prefix and not re.fullmatch(PREFIX_PATTERN, prefix):
        fix = "use up to 64 letters, digits, _ . and -, as in: registry_prefix: team_a"
        raise InvalidValueError("is not a prefix of prompt names", fix=fix)
    return prefix.rstrip(".")


class ProjectFile(BaseModel):
    """The shape of `workbench.yaml`; every key is optional.

    Attributes:
        drain_s: seconds for calls in flight to finish after the first Ctrl-C.
        registry_prefix: before every prompt's name in MLflow's registry, with a dot between.
        traces: most rows of a variant that get a trace in MLflow, beside the failed ones; of
            more rows a fixed sample does. An artifact holds all rows.
        mlflow_metrics: the figures of a variant that are metrics of its run in MLflow, beside its
            evaluators; None: the first that is known.
    """

    model_config = ConfigDict(extra="forbid")
    tracking_uri: str = ""
    registry_prefix: Annotated[str, AfterValidator(_check_prefix)] = ""
    currency: Annotated[str, AfterValidator(_check_currency)] = "USD"
    prices: dict[str, Price] = Field(default_factory=dict)
    drain_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    traces: Annotated[int, Field(ge=0)] = 5_000
    mlflow_metrics: list[Literal["cost", "latency_s", "tokens"]] | None = None


@dataclass(frozen=True)
class Project:
    """A project's root and its `workbench.yaml`."""

    root: Path
    file: ProjectFile = field(default_factory=ProjectFile)

    @property
    def prices(self) -> Mapping[str, Price]:
        """Price by `provider:name`."""
        return self.file.prices

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
        """Names of the folders in `prompts/` that contain a template or an experiment."""
        return sorted(
            folder.name
            for folder in self.prompts.glob("*")
            if folder.is_dir()
            and (any(folder.glob("*.jinja")) or (folder / "experiment.yaml").is_file())
        )

    def task_folder(self, task: str) -> Path:
        """The folder of `task`.

        Raises:
            WorkbenchError: there is none; lists the tasks, nearest first.
        """
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
        fix = "mkdir -p prompts/my_task, then add a template and an experiment.yaml"
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
