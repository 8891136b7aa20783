"""Real servers: MLflow on PostgreSQL, with authentication, without its files, and MLflow 2.

    make servers        a part of `make nightly`

What can be recorded is; what can't is named with its cure; no run stays at RUNNING.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import mlflow
import pytest
from bench import EXPERIMENT as PLAIN
from bench import Bench
from mlflow import MlflowClient
from recording import Recording
from test_storable_text import EXPERIMENT as ODD
from test_storable_text import write_odd_project

from workbench.errors import ExitCode
from workbench.prompt import Renderer
from workbench.run.summary import Invocation

pytestmark = [pytest.mark.nightly]
DEBIAN = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))
INITDB = DEBIAN[-1] if DEBIAN else shutil.which("initdb")
MLFLOW_2 = Path(__file__).parents[2] / ".venv-mlflow2" / "bin" / "python"
PATIENCE_S = 120
PASSWORD = "a-long-password-1"
AUTH = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""
TEAM = """\
name: team
dataset: {path: rows.jsonl, expected: label}
prompts: [free]
models: [echo:last]
evaluators: [exact_match]
"""


def needs(present: object, what: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not present, reason=f"{what} is not installed")


needs_postgres = needs(
    INITDB and importlib.util.find_spec("psycopg"), "PostgreSQL or the package psycopg"
)
needs_auth = needs(importlib.util.find_spec("flask_wtf"), "the package Flask-WTF")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def mlflow_server(
    folder: Path, *options: str, python: Path = Path(sys.executable), **variables: str
) -> Iterator[str]:
    """The address of a server with these options."""
    port, log = free_port(), folder / "server.log"
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_TRACKING")}
    off = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--workers", "1", *options],
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**clean, **off, **variables},
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE_S
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of an empty database of a PostgreSQL of its own."""
    assert INITDB
    folder, port = Path(f"/tmp/workbench-postgres-{os.getpid()}"), free_port()
    folder.mkdir(mode=0o700)
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data, programs = str(folder / "data"), Path(INITDB).parent
    start = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    run = [*user, str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    try:
        initdb = [*user, INITDB, "-D", data, "-A", "trust", "-E", "UTF8", "-U", "workbench"]
        subprocess.run([*initdb, "--no-sync"], check=True, capture_output=True, cwd="/")
        subprocess.run([*run, "-o", start, "start"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        yield f"postgresql://workbench@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*run, "-m", "immediate", "stop"], capture_output=True, cwd="/", check=False)
        shutil.rmtree(folder)


def record(bench: Bench, uri: str, text: str) -> tuple[Invocation, set[str], list[int]]:
    """An invocation, the statuses of its experiment's runs, and the traces of each variant."""
    recording = Recording(bench, bench.project, uri)
    done = recording.run(text)
    experiment = recording.client.get_experiment_by_name(done.plan.experiment.name)
    runs = recording.client.search_runs([experiment.experiment_id])
    variants = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    traces = [len(recording.traces(run)) for run in variants]
    return done, {run.info.status for run in runs}, traces


@needs_postgres
def test_postgres_keeps_text_that_it_cannot_take(postgres: str, tmp_path: Path) -> None:
    options = ("--backend-store-uri", postgres, "--artifacts-destination", str(tmp_path / "files"))
    with Renderer() as renderer, mlflow_server(tmp_path, *options) as url:
        for number, uri in enumerate((url, postgres)):  # through the server, and without it
            bench = Bench(tmp_path / f"project{number}", renderer)
            write_odd_project(bench)
            done, statuses, traces = record(
                bench, uri, ODD.replace("name: odd", f"name: o{number}")
            )
            assert (done.problems, statuses, traces) == ((), {"FINISHED"}, [3, 3])


@needs_auth
def test_a_member_who_may_edit_one_experiment_only(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "auth.ini"
    settings.write_text(AUTH.format(folder=tmp_path, password=PASSWORD))
    variables = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "secret",
    }
    options = ["--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db", "--app-name", "basic-auth"]
    options += ["--artifacts-destination", str(tmp_path / "files")]
    bench.write("rows.jsonl", '{"text": "one", "label": "1"}\n{"text": "two", "label": "2"}\n')
    for name in ("free", "taken", "model"):
        bench.write(f"{name}.jinja", f"user:\n{name} {{{{ text }}}}\n")
    with mlflow_server(tmp_path, *options, **variables) as url:
        prepare_team(url, monkeypatch)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
        done, statuses, traces = record(bench, url, TEAM)
        assert (done.problems, statuses, traces) == ((), {"FINISHED"}, [2])
        done, statuses, traces = record(bench, url, TEAM.replace("[free]", "[taken, model]"))
        assert [problem.message for problem in done.problems] == [
            "the prompt 'qa.taken' belongs to another user of the server",
            "'qa.model' is a registered model, and prompts share their names with models",
        ]
        assert all("registry_prefix" in problem.fix for problem in done.problems)
        assert (statuses, traces) == ({"FINISHED"}, [2, 2, 2])
        done, statuses, _ = record(bench, url, TEAM.replace("name: team", "name: other"))
        assert "ask for the permission EDIT on the experiment" in done.problems[0].fix
        assert (done.exit_code, statuses) == (ExitCode.NOT_RECORDED, set())


def prepare_team(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the administrator: a user, two experiments, a prompt and a model."""
    from mlflow.server.auth.client import AuthServiceClient

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    mlflow.set_tracking_uri(url)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client, users = MlflowClient(url, url), AuthServiceClient(url)
    users.create_user("ann", PASSWORD)
    users.grant_user_permission("ann", "experiment", client.create_experiment("team"), "EDIT")
    client.create_experiment("other")
    client.create_prompt("qa.taken")
    client.create_prompt_version("qa.taken", "hello")
    client.create_registered_model("qa.model")


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        (("--artifacts-destination", "/proc/nowhere"), "tell whoever runs the server"),
        pytest.param(
            ("--default-artifact-root", "s3://nowhere/mlflow"),
            "pip install boto3",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("boto3") is not None, reason="boto3 is installed"
            ),
        ),
    ],
)
def test_a_server_whose_files_cannot_be_written(
    bench: Bench, tmp_path: Path, options: tuple[str, ...], fix: str
) -> None:
    bench.write("rows.jsonl", '{"text": "one", "label": "1"}\n{"text": "two", "label": "2"}\n')
    text = TEAM.replace("[free]", "[plain]")
    store = ("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db")
    with mlflow_server(tmp_path, *store, *options) as url:
        for _ in range(2):
            done, statuses, traces = record(bench, url, text)
            assert [problem.fix.startswith(fix) for problem in done.problems] == [True]
            assert (statuses, traces) == ({"FINISHED"}, [2])


@pytest.mark.skipif(not MLFLOW_2.exists(), reason="MLflow 2 is not installed: make servers")
def test_a_server_of_mlflow_2(bench: Bench, tmp_path: Path) -> None:
    store = ("--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db")
    with mlflow_server(tmp_path, *store, python=MLFLOW_2) as url:
        done = Recording(bench, bench.project, url).run(PLAIN)
        assert "the server runs MLflow 2." in done.problems[0].message
        names = [experiment.name for experiment in MlflowClient(url, url).search_experiments()]
        assert names == ["Default"]
