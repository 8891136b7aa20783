"""The MLflow tracking store: the project's own SQLite file, created if missing, or the user's.

sqlite:///…/.workbench/mlflow.db with artifacts in .workbench/artifacts, unless --tracking-uri,
MLFLOW_TRACKING_URI or `tracking_uri:` in workbench.yaml names another store.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import mlflow
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_alembic_config

from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Project
from workbench.secrets import Redactor, mask_url
from workbench.tracking.mlflow_client import (
    RedactingClient,
    access_fix,
    first_line,
    no_retries,
    set_http_defaults,
    silence,
)
from workbench.tracking.moved_store import update_addresses
from workbench.tracking.protocol import not_recorded_error
from workbench.tracking.server import PROBE_S, check_answer, check_version
from workbench.tracking.store_file import LOCK_S, SQLITE, create_file, readable_file
from workbench.tracking.trace_index import TraceIndex

VARIABLE = "MLFLOW_TRACKING_URI"
MLFLOW_TABLES = {"experiments", "runs", "metrics", "params", "tags"}  # since MLflow 1.0
KIND = {"mlflow.experimentKind": "genai_development"}  # decides which page MLflow opens first
REFUSALS = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "PERMISSION_DENIED", "UNAUTHENTICATED"}
T = TypeVar("T")

set_http_defaults()


@dataclass(frozen=True)
class TrackingStore:
    """A tracking store that answers.

    Attributes:
        artifacts: the folder for artifacts of new experiments; None: the server decides.
        lock: a file, locked while something is looked up and created if missing.
        traces: notes the traces of answers for other commands.
    """

    uri: str
    client: RedactingClient
    artifacts: Path | None
    lock: Path
    traces: TraceIndex

    def exclusive(self) -> FileLock:
        """A lock that keeps other processes out; on a server only those of the same project.

        Raises:
            OSError: on entering, if another process kept the lock for a minute.
        """
        return FileLock(self.lock, timeout=LOCK_S)

    @property
    def is_server(self) -> bool:
        """True if requests go to a server, which may take several at a time."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def masked_uri(self) -> str:
        """The address without its password."""
        return mask_url(self.uri)

    def experiment(self, name: str) -> str:
        """The id of the experiment `name`, created if missing; new prompts appear there."""
        experiment_id = self.find_experiment(name, KIND)
        mlflow.set_experiment(experiment_id=experiment_id)
        return experiment_id

    def find_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """The id of the experiment `name`, created with these tags if missing.

        Raises:
            WorkbenchError: it is deleted.
        """
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            location = (self.artifacts / name).as_uri() if self.artifacts else None
            try:
                self.client.create_experiment(name, location, tags=dict(tags))
            except MlflowException:  # perhaps another process created it first
                if self.client.get_experiment_by_name(name) is None:
                    raise
            experiment = self.client.get_experiment_by_name(name)
        if experiment.lifecycle_stage != "active":
            raise not_recorded_error(
                f"the MLflow experiment {name!r} is deleted",
                where=self.masked_uri,
                fix=f"mlflow experiments restore --experiment-id {experiment.experiment_id}, "
                "or `name:` another one in the experiment file",
            )
        return str(experiment.experiment_id)


def read_pages(read_page: Callable[[str | None], Any]) -> Iterator[Any]:
    """All results of a paged search of MLflow; the token of the first page is None."""
    token = None
    while True:
        page = read_page(token)
        yield from page
        token = page.token
        if not token:
            return


def create_and_find(create: Callable[[], object], find: Callable[[], T], attempts: int = 3) -> T:
    """Create something in MLflow, and return what `find` finds.

    A reply may get lost on the way, or another process may create it first.

    Raises:
        MlflowException: the last attempt failed or was refused, and `find` found nothing.
    """
    for _ in range(attempts):
        error = MlflowException("MLflow can't find what it created")
        try:
            with no_retries():
                create()
        except MlflowException as reply:
            error = reply
        if result := find():
            return result
        if error.error_code == "PERMISSION_DENIED":
            break
    raise error


def is_refusal(error: MlflowException) -> bool:
    """True if the store understood a request and refuses it, so that repeating it is no use."""
    return error.error_code in REFUSALS


def connect_to_read(project: Project, tracking_uri: str) -> TrackingStore:
    """The store of a project, as `connect`; nothing has been sent yet, so errors have exit code 2.

    Raises:
        WorkbenchError: it doesn't answer or is no tracking store.
    """
    uri, copy = project.tracking_uri(tracking_uri), None
    try:
        if uri.startswith(SQLITE):
            file = Path(uri.removeprefix(SQLITE))
            with _unusable(file):
                copy = readable_file(file)
        return connect(project, tracking_uri, file=copy)
    except WorkbenchError as error:
        error.exit_code = ExitCode.USER
        raise


def connect(
    project: Project,
    tracking_uri: str,
    *,
    timeout_s: float = PROBE_S,
    redactor: Redactor | None = None,
    file: Path | None = None,
) -> TrackingStore:
    """The tracking store of a project: a file is created if missing, a server must answer.

    Args:
        project: owner of the default store.
        tracking_uri: from the command line; empty: the project's.
        timeout_s: for a server's first reply.
        redactor: removes secrets from everything that is logged; None: from nothing.
        file: an SQLite store's, or a copy of it; None: the one that the address names.

    Raises:
        WorkbenchError: it doesn't answer or is no tracking store (exit code 6: the results in the
            project's own store are safe), or its file can't be written (exit code 5).
    """
    uri = address = project.tracking_uri(tracking_uri)
    artifacts, lock = None, project.store / "registry.lock"
    if uri.startswith(SQLITE):
        original = Path(uri.removeprefix(SQLITE))
        artifacts, lock = original.resolve().parent / "artifacts", original.with_suffix(".lock")
        file = file or original
        address = f"{SQLITE}{file}"
        with _unusable(original):
            create_file(file)
    elif uri.startswith(("http://", "https://")):
        check_answer(uri, timeout_s)
    _point_mlflow_to(address)
    silence()
    client = _open_client(address, redactor or Redactor())
    if file and artifacts:
        with _unusable(original):
            update_addresses(file, artifacts)
    return TrackingStore(uri, client, artifacts, lock, TraceIndex(project, uri))


def _open_client(uri: str, redactor: Redactor) -> MlflowClient:
    """A client that has answered once."""
    try:
        if not uri.startswith(("http://", "https://", "databricks")):
            _check_schema(uri)  # first, because MLflow retries for minutes to open a bad file
        client = RedactingClient(redactor)
        client.search_experiments(max_results=1)
        if uri.startswith(("http://", "https://")):
            check_version(uri)
    except WorkbenchError:
        raise
    except Exception as error:  # MLflow, SQLAlchemy, alembic, a missing driver
        if uri.startswith(SQLITE):
            raise _unusable_error(Path(uri.removeprefix(SQLITE)), error) from error
        raise not_recorded_error(
            f"the MLflow store can't be used: {first_line(error)}",
            where=mask_url(uri),
            fix=access_fix(error)
            or "see that it works: mlflow experiments search; or name another --tracking-uri",
        ) from error
    return client


def _check_schema(uri: str) -> None:
    """Refuse a database that this version of MLflow can't use; accept an empty one.

    Otherwise MLflow would create its tables in any database, and upgrade an older store, which may
    break other programs that use that store.
    """
    engine = sqlalchemy.create_engine(uri)
    try:
        with closing(engine.connect()) as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
            if not tables:
                return
            revision = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    scripts = _migration_scripts()
    if not tables >= MLFLOW_TABLES or revision is None:
        names = ", ".join(sorted(tables)[:5]) + (", …" if len(tables) > 5 else "")
        message = f"this is no MLflow store: it holds the tables {names}"
        fix = "name another file or database, or leave --tracking-uri out"
    elif revision in scripts.get_heads():
        return
    elif revision in {script.revision for script in scripts.walk_revisions()}:
        message = f"an older MLflow made this store (schema {revision})"
        fix = f"keep a copy of it, then: mlflow db upgrade {mask_url(uri)}"
    else:
        message = f"a newer MLflow made this store (schema {revision})"
        fix = "pip install --upgrade mlflow, or name another --tracking-uri"
    raise not_recorded_error(message, where=mask_url(uri), fix=fix)


@cache
def _migration_scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_get_alembic_config(""))


def _point_mlflow_to(uri: str) -> None:
    """Set MLflow's URIs, and restore the variable that it sets for child processes.

    The variable is the user's setting; changed, it would name this store for the next project.
    """
    before = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    os.environ.pop(VARIABLE, None)
    if before is not None:
        os.environ[VARIABLE] = before


@contextmanager
def _unusable(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError) as error:
        raise _unusable_error(file, error) from error


def _unusable_error(file: Path, error: Exception) -> WorkbenchError:
    message = f"the MLflow store can't be opened or created: {first_line(error)}"
    fix = "name a file in a writable folder, or leave --tracking-uri out"
    if "locked" in str(error):
        message = "another process keeps the MLflow store locked"
        fix = "stop the other process (`fuser -v` names it), then repeat the command"
    return not_recorded_error(message, where=str(file), fix=fix)
