"""The MLflow store: whether it answers, its version, and who may read it. MLflow isn't imported."""

import base64
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from workbench.doctor.diagnosis import Diagnosis
from workbench.doctor.http_probe import ProbeReply, probe
from workbench.doctor.model_check import check_clock
from workbench.doctor.versions import newer_than_tested
from workbench.errors import ExitCode, WorkbenchError
from workbench.project import NO_TRACKING, VARIABLE, Project
from workbench.proxies import is_loopback
from workbench.secrets import mask_url
from workbench.store.read_only import connect_unchanged

AREA = "mlflow"
LOST = ExitCode.NOT_RECORDED
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"
OLDEST = (3, 4)  # of a server
BUSY_S = 1.0
SQLITE = "sqlite:///"
PROTECT = "put authentication in front of it, or let only trusted machines reach it"


def check_tracking(project: Project) -> Iterator[Diagnosis]:
    """Yield the state of the project's tracking store."""
    try:
        named = os.environ.get(VARIABLE) or project.file.tracking_uri
        default = f"{SQLITE}{project.root / '.workbench' / 'mlflow.db'}"
        uri = project.tracking_uri(named) if named else default
    except WorkbenchError as error:
        yield Diagnosis.of_error(AREA, error)
        return
    if uri == NO_TRACKING:
        yield Diagnosis(AREA, "ok", "tracking is off: nothing is recorded")
    elif uri.startswith(SQLITE):
        yield _file_finding(Path(uri.removeprefix(SQLITE)))
    elif uri.startswith(("http://", "https://")):
        yield from _check_server(uri)
    else:
        yield Diagnosis(AREA, "note", "this kind of store is not examined", mask_url(uri))


def _file_finding(file: Path) -> Diagnosis:
    if not file.exists():
        return Diagnosis(AREA, "ok", "there is no store yet; the first run creates it", str(file))
    try:
        with closing(connect_unchanged(file, BUSY_S)) as connection:
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, OSError) as error:
        fix = "name another store with tracking_uri:, or move the file away"
        return Diagnosis(AREA, "error", f"can't be read: {error}", str(file), fix, LOST)
    return Diagnosis(AREA, "ok", "the store can be read", str(file))


def _check_server(uri: str) -> Iterator[Diagnosis]:
    """A server: first without a password, so that its guard is seen, then with it."""
    parts = urlsplit(uri)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
    health = probe(f"{bare}/health")
    if not health.status or health.status >= 500:
        message = f"the server doesn't answer: {health.error or f'HTTP {health.status}'}"
        fix = "start it, or leave MLFLOW_TRACKING_URI and tracking_uri: out"
        yield Diagnosis(AREA, "error", message, bare, fix, LOST)
        return
    yield from check_clock(health, bare)
    credentials = _credentials(uri)
    version = probe(f"{bare}/version", credentials)
    yield from _check_version(version, bare)
    stranger = probe(f"{bare}{SEARCH}")
    if stranger.status == 200:
        yield _open_server(bare)
        return
    reply = probe(f"{bare}{SEARCH}", credentials) if credentials else stranger
    if reply.status == 200:
        yield Diagnosis(AREA, "ok", "the server answers, and asks for credentials", bare)
    elif reply.status in (401, 403):
        fix = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        message = f"the server refuses the credentials: HTTP {reply.status}"
        message = message if credentials else "the server asks for credentials, and none are set"
        yield Diagnosis(AREA, "error", message, bare, fix, LOST)
    else:
        message = f"no MLflow server answers: {reply.error or f'HTTP {reply.status}'}"
        yield Diagnosis(AREA, "error", message, bare, "correct the address", LOST)


def _open_server(bare: str) -> Diagnosis:
    if is_loopback(urlsplit(bare).hostname or ""):
        return Diagnosis(AREA, "ok", "the server answers, to this machine without a password", bare)
    message = "the server answers without credentials: whoever reaches it reads and changes it"
    return Diagnosis(AREA, "warning", message, bare, PROTECT)


def _check_version(reply: ProbeReply, bare: str) -> Iterator[Diagnosis]:
    match = re.match(r"(\d+)\.(\d+)[\w.]{0,20}", reply.body) if reply.status == 200 else None
    if match and (int(match[1]), int(match[2])) < OLDEST:
        message = f"the server runs MLflow {match[0]}, and Workbench needs 3.4 or later"
        yield Diagnosis(AREA, "error", message, bare, "upgrade the server", LOST)
    elif match and (finding := newer_than_tested(match[0], f"{bare}: the server's MLflow")):
        yield finding


def _credentials(uri: str) -> Mapping[str, str]:
    """The header that MLflow's client would send."""
    parts = urlsplit(uri)
    user = unquote(parts.username or "") or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = unquote(parts.password or "") or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if user or password:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}
