"""MLflow's client without secrets, and its time-outs, retries and log levels.

{"headers": {"X-Key": "sk-…"}}  is logged as  {"headers": {"X-Key": "[secret KEY]"}}
MLFLOW_HTTP_REQUEST_TIMEOUT=10 MLFLOW_HTTP_REQUEST_MAX_RETRIES=2    at most 40 s for one call
"""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag

from workbench.canonical import JSON
from workbench.secrets import Redactor

RETRIES, TIMEOUT = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"
# MLflow's defaults allow four minutes per call, and any Retry-After of a server. The next run or
# `workbench sync` records what can't be recorded now.
DEFAULTS = {
    RETRIES: "2",
    TIMEOUT: "10",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
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
    """The client for everything but traces, whose rows are redacted before they get here."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def create_run(
        self, experiment_id: str, start_time: int, tags: dict[str, str], run_name: str
    ) -> Run:
        """See `MlflowClient`."""
        tags, run_name = self._redactor.redact_json(tags), self._redactor.redact(run_name)
        return super().create_run(experiment_id, start_time, tags, run_name=run_name)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Any] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """See `MlflowClient`."""
        redact = self._redactor.redact
        params = [Param(param.key, redact(str(param.value))) for param in params]
        tags = [RunTag(tag.key, redact(str(tag.value))) for tag in tags]
        super().log_batch(run_id, metrics, params, tags)

    def log_dict(self, run_id: str, dictionary: dict[str, JSON], artifact_file: str) -> None:
        """See `MlflowClient`."""
        super().log_dict(run_id, self._redactor.redact_json(dictionary), artifact_file)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """See `MlflowClient`."""
        super().log_text(run_id, self._redactor.redact(text), artifact_file)
