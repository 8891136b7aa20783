"""Settings of MLflow's client in this process: HTTP time-outs, retries, log levels.

patiently()                     once: 10 s for a reply, asked 3 times; at most 40 s for one call
with asking_once(): …           one try: what creates something is looked for before a second one
with hardly_waiting(): …        1 s, one try: tidying up after a call that has failed for good
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

RETRIES, TIMEOUT = "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"
# MLflow's own patience is four minutes a call, and whatever a server puts into Retry-After. What
# can't be recorded now, the next run or `workbench sync` records.
DEFAULTS = {
    RETRIES: "2",
    TIMEOUT: "10",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}


def patiently() -> None:
    """Sets what the user has not set; one call then waits for 3 × 10 s and some 4 s between."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


def timeout() -> float:
    """Seconds that a server has for a reply."""
    try:
        return float(os.environ.get(TIMEOUT, DEFAULTS[TIMEOUT]))
    except ValueError:
        return float(DEFAULTS[TIMEOUT])


@contextmanager
def asking_once() -> Iterator[None]:
    """MLflow's client repeats a request whose reply got lost, and then there are two of it."""
    with _set(RETRIES, "0"):
        yield


@contextmanager
def hardly_waiting() -> Iterator[None]:
    """For what may as well be left undone."""
    with _set(RETRIES, "0"), _set(TIMEOUT, "1"):
        yield


@contextmanager
def _set(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def silence() -> None:
    """Let only errors of MLflow and its libraries through.

    MLflow resets its log levels while it works, so this is called again after each of its calls.
    """
    for name in ("mlflow", "alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"mlflow\..*")
    warnings.filterwarnings("ignore", category=FutureWarning)
