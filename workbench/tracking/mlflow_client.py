"""MLflow's client without secrets and unstorable text, and its time-outs, retries and log levels.

{"headers": {"X-Key": "sk-…"}}  is logged as  {"headers": {"X-Key": "[secret KEY]"}}
MLFLOW_HTTP_REQUEST_TIMEOUT=10 MLFLOW_HTTP_REQUEST_MAX_RETRIES=2    at most 40 s for one call
"""

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.secrets import Redactor, mask_url
from workbench.storable_text import (
    MAX_NAME,
    MAX_TAG,
    shorten,
    storable_json,
    storable_text,
)
from workbench.tracking.protocol import RESUME, not_recorded_error
from workbench.tracking.server import PROBE_S, check_answer

MAX_PARAM = 6_000  # characters
MAX_RUN_NAME = 248  # room for a mark before it
UNNAMEABLE = re.compile(r"[^/\w.\- :]")  # in names of tags and parameters
RETRIES, TIMEOUT = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"
# MLflow's defaults allow four minutes per call, and any Retry-After of a server. The next run or
# `workbench sync` records what can't be recorded now.
DEFAULTS = {
    RETRIES: "2",
    TIMEOUT: "10",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def set_http_defaults() -> None:
    """Set the variables that the user has not set; a call then takes 3 × 10 s and 4 s of pauses."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


def reply_timeout_s() -> float:
    """Seconds that a server has to reply."""
    try:
        return float(os.environ.get(TIMEOUT, DEFAULTS[TIMEOUT]))
    except ValueError:
        return float(DEFAULTS[TIMEOUT])


def no_retries() -> AbstractContextManager[None]:
    """Send each request once: repeating one whose reply got lost would create a duplicate."""
    return _environment({RETRIES: "0"})


def short_timeout() -> AbstractContextManager[None]:
    """Send each request once and wait 1 s: for optional clean-up after a failure."""
    return _environment({RETRIES: "0", TIMEOUT: "1"})


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name)
            if name in before:
                os.environ[name] = before[name]


def silence() -> None:
    """Let only errors of MLflow and its libraries through.

    MLflow resets its log levels while it works, so call this again after each of its calls.
    """
    for name in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"mlflow\..*")
    warnings.filterwarnings("ignore", category=FutureWarning)


class RedactingClient(MlflowClient):  # type: ignore[misc]
    """The client for everything but traces: no secrets, and text that every store takes.

    Attributes:
        artifact_error: the reason why files can't be written; None: nothing is known against it.
            After the first error no other file is tried.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor
        self.artifact_error: Exception | None = None

    def create_run(
        self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> Run:
        """See `MlflowClient`."""
        tags = {key: self._storable(value, MAX_TAG) for key, value in tags.items()}
        run_name = self._storable(run_name, MAX_RUN_NAME)
        return super().create_run(experiment_id, start_time, tags, run_name=run_name)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Any] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """See `MlflowClient`."""
        params = [
            Param(_storable_key(p.key), self._storable(str(p.value), MAX_PARAM)) for p in params
        ]
        tags = [RunTag(_storable_key(t.key), self._storable(str(t.value), MAX_TAG)) for t in tags]
        super().log_batch(run_id, metrics, params, tags)

    def log_dict(self, run_id: str, dictionary: dict[str, JSON], artifact_file: str) -> None:
        """See `MlflowClient`."""
        storable = storable_json(self._redactor.redact_json(dictionary))
        super().log_dict(run_id, storable, artifact_file)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """See `MlflowClient`."""
        super().log_text(run_id, storable_text(self._redactor.redact(text)), artifact_file)

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """See `MlflowClient`, whose other methods that write files call this one."""
        self._write_file(partial(super().log_artifact, run_id, local_path, artifact_path))

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """See `MlflowClient`."""
        self._write_file(partial(super().log_artifacts, run_id, local_dir, artifact_path))

    def _write_file(self, write: Callable[[], None]) -> None:
        """Write an artifact; an error is kept, unless the server is gone."""
        if self.artifact_error:
            return
        try:
            write()
        except Exception as error:  # of MLflow, of requests, of a storage's own package
            if self.tracking_uri.startswith(("http://", "https://")):
                try:
                    check_answer(self.tracking_uri, PROBE_S)
                except WorkbenchError:
                    raise error from None
            self.artifact_error = error

    def storable_tag(self, text: str) -> str:
        """The value of a tag as it is stored."""
        return self._storable(text, MAX_TAG)

    def _storable(self, text: str, length: int) -> str:
        return shorten(storable_text(self._redactor.redact(text)), length)


def lost_files_error(error: Exception, run: Run, experiment: str) -> WorkbenchError:
    """The error for a run of an experiment whose files can't be written."""
    address = run.info.artifact_uri
    fix = "see that the storage is there, and that you may write to it"
    if refused := access_fix(error, f"the experiment {experiment!r}", permission="EDIT"):
        fix = refused
    elif isinstance(error, ImportError):
        fix = f"pip install {error.name or 'the package of this storage'}"
    elif address.startswith("mlflow-artifacts:"):
        fix = "tell whoever runs the server: its --artifacts-destination can't be written to"
    elif isinstance(error, OSError):
        fix = "make the folder writable, or let the server pass files on: --serve-artifacts"
    return not_recorded_error(
        f"the files of the runs (tables, results.json) are not recorded: {first_line(error)}",
        where=mask_url(address),
        fix=f"{fix}; {RESUME}",
    )


def access_fix(error: Exception, entity: str = "", *, permission: str = "READ") -> str:
    """The fix for a server that refuses a user; empty for another error.

    `entity` is what the request is about, `the experiment 'qa'`; empty: the server as a whole.
    """
    if (status := _refusal_status(error)) == 401:
        return "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    if status == 403 and "/experiments/create" in str(error):
        return "ask for the permission to create experiments"
    return f"ask for the permission {permission} on {entity or 'this server'}" if status else ""


def edit_fix(error: Exception, experiment: str) -> str:
    """The fix for a server that refuses to record in an experiment; empty for another error."""
    fix = access_fix(error, f"the experiment {experiment!r}", permission="EDIT")
    if _refusal_status(error) == 403:
        fix += ", or give the experiment file the `name:` of one that you may edit"
    return fix


def _refusal_status(error: Exception) -> int:
    """401 or 403 if a server refuses a user or a permission; else 0."""
    codes = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403}
    if isinstance(error, MlflowException) and error.error_code in codes:
        return codes[error.error_code]
    match = re.search(r"\b(40[13]) Client Error\b", str(error))  # of requests, for files
    return int(match[1]) if match else 0


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 300 characters."""
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:300]


def _storable_key(key: str) -> str:
    return shorten(UNNAMEABLE.sub("_", key), MAX_NAME)
