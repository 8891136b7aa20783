"""An MLflow server before anything is written: it answers, and its version is known.

GET /health   200
GET /version  3.17.2
"""

import re
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit, urlunsplit

from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from workbench.secrets import mask_url
from workbench.tracking.protocol import not_recorded_error

PROBE_S = 3.0  # a server's time to answer
OK = 200
SERVER_FAULT = 500  # from this HTTP status on
OLDEST = (3, 4)  # of MLflow's versions: registered prompts, traces by row, spans


def check_answer(uri: str, timeout_s: float) -> None:
    """Wait `timeout_s` seconds for the server's first reply.

    Raises:
        WorkbenchError: it doesn't answer.
    """
    parts = urlsplit(uri)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))  # no password yet
    try:
        with urllib.request.urlopen(f"{bare.rstrip('/')}/health", timeout=timeout_s):  # noqa: S310
            return
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code < SERVER_FAULT:
            return  # it answers; the first call shows if it accepts the credentials
        raise not_recorded_error(
            f"the MLflow server doesn't answer: {error}",
            where=mask_url(uri),
            fix="start it, or leave --tracking-uri and MLFLOW_TRACKING_URI out",
        ) from error


def check_version(uri: str) -> None:
    """Refuse a server of an MLflow that lacks what a record needs; accept one that hides it.

    Its answer to a call that it doesn't know is a page of HTML.

    Raises:
        WorkbenchError: its version is too old.
    """
    try:
        credentials = get_default_host_creds(uri)
        reply = http_request(credentials, "/version", "GET", max_retries=0)
    except MlflowException:
        return
    version = re.match(r"(\d+)\.(\d+)[\w.]{0,20}", reply.text)
    if reply.status_code == OK and version and (int(version[1]), int(version[2])) < OLDEST:
        raise not_recorded_error(
            f"the server runs MLflow {version[0]}, and Workbench needs MLflow 3.4 or later",
            where=mask_url(uri),
            fix="upgrade it: pip install --upgrade mlflow, then mlflow db upgrade on its database; "
            "or name another --tracking-uri",
        )
