"""The tracking store: the project's own SQLite file, made if missing, or what the user names.

sqlite:///…/.workbench/mlflow.db, artifacts in .workbench/artifacts
unless --tracking-uri, MLFLOW_TRACKING_URI or `tracking_uri:` in workbench.yaml says otherwise
"""

import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import mlflow
import sqlalchemy
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _initialize_tables

from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Project
from workbench.secrets import Redactor, mask_url
from workbench.tracking.client_settings import patiently, silence
from workbench.tracking.mlflow_schema import check_schema
from workbench.tracking.redacting_client import RedactingClient

PROBE = 3.0  # seconds a server has to answer
HTTP_FAULT = 500  # from here on a status says that the server is at fault
LOCK = 60.0  # seconds a second process has for finding and making
SQLITE = "sqlite:///"
VARIABLE = "MLFLOW_TRACKING_URI"
KIND = {"mlflow.experimentKind": "genai_development"}  # which of MLflow's pages open first

patiently()


@dataclass(frozen=True)
class TrackingStore:
    """A tracking store that answers.

    Attributes:
        artifacts: where a new experiment's artifacts go; None: the server decides.
        lock: held while something is looked for and made if missing.
    """

    uri: str
    client: MlflowClient
    artifacts: Path | None
    lock: Path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps a second process out; on a server only those of the same project.

        Raises:
            OSError: it has not come out for a minute.
        """
        with FileLock(self.lock, timeout=LOCK):
            yield

    @property
    def shown(self) -> str:
        """The address without its password."""
        return mask_url(self.uri)

    def experiment(self, name: str) -> str:
        """The id of the experiment `name`, made if it is missing."""
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = (self.artifacts / name).as_uri() if self.artifacts else None
            try:
                self.client.create_experiment(name, location, tags=KIND)
            except MlflowException:  # a second process may have been quicker
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
            found = self.client.get_experiment_by_name(name)
        if found.lifecycle_stage != "active":
            raise WorkbenchError(
                f"the MLflow experiment {name!r} is deleted",
                where=self.shown,
                fix=f"mlflow experiments restore --experiment-id {found.experiment_id}, "
                "or `name:` another one in the experiment file",
                exit_code=ExitCode.NOT_RECORDED,
            )
        mlflow.set_experiment(experiment_id=found.experiment_id)  # prompts are filed under it
        return str(found.experiment_id)


def connect(
    project: Project, given: str, *, wait: float = PROBE, redactor: Redactor | None = None
) -> TrackingStore:
    """The store, made if it is a file that is missing, known to answer if it is a server.

    Args:
        project: whose store it is.
        given: the address on the command line, if there was one.
        wait: seconds a server has for its first reply.
        redactor: takes secrets out of what is written there.

    Raises:
        WorkbenchError: it doesn't answer, or is none (exit code 6: what is paid for is safe).
    """
    uri = project.tracking_uri(given)
    artifacts, lock = None, project.store / "registry.lock"
    if uri.startswith(SQLITE):
        file = Path(uri.removeprefix(SQLITE))
        artifacts, lock = file.resolve().parent / "artifacts", _lock(file)
        _make(file)
    elif uri.startswith(("http://", "https://")):
        _probe(uri, wait)
    _use(uri)
    silence()
    return TrackingStore(uri, _opened(uri, redactor or Redactor()), artifacts, lock)


def _opened(uri: str, redactor: Redactor) -> MlflowClient:
    """A client that has been answered once."""
    try:
        if not uri.startswith(("http://", "https://", "databricks")):
            check_schema(uri)
        client = RedactingClient(redactor)
        client.search_experiments(max_results=1)
    except WorkbenchError:
        raise
    except Exception as error:  # MLflow, SQLAlchemy, alembic, a missing driver
        if "database is locked" in str(error):
            raise _unusable(Path(uri.removeprefix(SQLITE)), error) from error
        said = str(error).strip().split("\n")[0] or type(error).__name__
        raise WorkbenchError(
            f"the MLflow store can't be used: {said[:300]}",
            where=mask_url(uri),
            fix="see that it works: mlflow experiments search; or name another --tracking-uri",
            exit_code=ExitCode.NOT_RECORDED,
        ) from error
    return client


def _use(uri: str) -> None:
    """Points mlflow at the store, without the variable that it sets for processes it starts.

    The variable is the user's word; left there, it would name this store for the next project.
    """
    said = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    os.environ.pop(VARIABLE, None)
    if said is not None:
        os.environ[VARIABLE] = said


def _make(file: Path) -> None:
    """A store at `file` with MLflow's tables; made aside, so that a kill leaves none half made."""
    if file.exists():
        _check(file)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(file, error) from error
    with FileLock(_lock(file), timeout=LOCK):
        if file.exists():
            return
        aside = file.with_suffix(f".new-{os.getpid()}")
        engine = sqlalchemy.create_engine(f"{SQLITE}{aside}")
        try:
            silence()
            _initialize_tables(engine)
            engine.dispose()
            with sqlite3.connect(aside) as db:
                db.execute("PRAGMA journal_mode=WAL")  # readers don't block; it stays in the file
            db.close()
            aside.chmod(0o600)
            aside.rename(file)
        except (OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError) as error:
            raise _unusable(file, error) from error


def _lock(file: Path) -> Path:
    return file.with_suffix(".lock")


def _check(file: Path) -> None:
    """Opened by SQLite itself first: MLflow tries a file that can't be opened for minutes."""
    try:
        with closing(sqlite3.connect(file, timeout=5)) as db:
            db.execute("PRAGMA schema_version").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise _unusable(file, error) from error


def _unusable(file: Path, error: Exception) -> WorkbenchError:
    if "locked" in str(error):
        return WorkbenchError(
            "another process keeps the MLflow store locked",
            where=str(file),
            fix="end what else writes there (`fuser -v` names it); then the same command",
            exit_code=ExitCode.NOT_RECORDED,
        )
    return WorkbenchError(
        f"the MLflow store can't be opened or made: {error}",
        where=str(file),
        fix="name a file in a folder that can be written, or leave --tracking-uri out",
        exit_code=ExitCode.NOT_RECORDED,
    )


def _probe(uri: str, wait: float) -> None:
    parts = urlsplit(uri)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))  # who, it asks later
    try:
        with urllib.request.urlopen(f"{bare.rstrip('/')}/health", timeout=wait):  # noqa: S310
            return
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code < HTTP_FAULT:
            return  # it answers; whether it lets us in is seen later
        raise WorkbenchError(
            f"the MLflow server doesn't answer: {error}",
            where=mask_url(uri),
            fix="start it, or leave --tracking-uri and MLFLOW_TRACKING_URI out",
            exit_code=ExitCode.NOT_RECORDED,
        ) from error
