"""A server that refuses a part: the rest is recorded, and each part that is missing is named."""

import http.server
import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from bench import EXPERIMENT, Bench, refusal
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, RESOURCE_ALREADY_EXISTS
from mlflow_server import MLflowServer
from proxy import Proxy, Request
from recording import Recording

from workbench.errors import ExitCode
from workbench.project import Project, ProjectFile
from workbench.results.types import RecordedVariant
from workbench.run.summary import Invocation
from workbench.tracking.mlflow_client import edit_fix, lost_files_error
from workbench.tracking.mlflow_lookup import _results_error, recorded_variants
from workbench.tracking.recorded_runs import find_runs
from workbench.tracking.registry import RefusedPromptError, push_prompts, refusals

pytestmark = [pytest.mark.slow]
PREFIX = "set `registry_prefix:` in workbench.yaml, which gives it a name of your own"
RESUME = "the same command, or workbench sync, records what is missing"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")


class Member:
    """A member of a team: a project with a task of its own, recorded behind a proxy."""

    def __init__(self, bench: Bench, server: MLflowServer, proxy: Proxy) -> None:
        self.name = f"e{uuid4().hex[:8]}"
        self.proxy = proxy
        self.client = MlflowClient(server.store, server.store)
        self.recording = Recording(bench, bench.project, proxy.url)
        self.prompt = f"qa.{self.name}"
        bench.write(f"{self.name}.jinja", "user:\n{{ text }}\n")
        self.text = EXPERIMENT.replace("[plain]", f"[{self.name}]") + f"name: {self.name}\n"

    def run(self) -> Invocation:
        return self.recording.run(self.text)

    def recorded_variants(self, done: Invocation) -> list[RecordedVariant]:
        return recorded_variants(self.recording.project, self.proxy.url, done.parent_run_id)

    def set_prefix(self, prefix: str) -> None:
        project = Project(self.recording.project.root, ProjectFile(registry_prefix=prefix))
        self.recording = replace(self.recording, project=project)

    def recorded(self) -> tuple[set[str], list[float], list[int]]:
        """Statuses of the runs, their rows scored, and how many traces each variant has."""
        experiment = self.client.get_experiment_by_name(self.name)
        runs = self.client.search_runs([experiment.experiment_id])
        variants = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
        return (
            {run.info.status for run in runs},
            [float(run.data.params["rows"]) for run in variants],
            [len(self.recording.traces(run)) for run in variants],
        )


ALL_RECORDED = ({"FINISHED"}, [2.0], [2])


@pytest.fixture
def member(bench: Bench, mlflow_server: MLflowServer, proxy: Proxy) -> Member:
    return Member(bench, mlflow_server, proxy)


def problems(done: Invocation) -> list[tuple[str, str]]:
    return [(problem.message, problem.fix) for problem in done.problems]


def test_a_prompt_that_another_user_owns_loses_nothing_else(member: Member) -> None:
    member.proxy.fault = lambda request: "403" if "versions/create" in request.path else None
    done = member.run()
    assert (done.exit_code, member.recorded()) == (ExitCode.NOT_RECORDED, ALL_RECORDED)
    assert problems(done) == [
        (
            f"the prompt '{member.prompt}' belongs to another user of the server",
            f"{PREFIX}, or ask its owner for the permission EDIT on the registered model "
            f"'{member.prompt}'",
        )
    ]
    message = refusal(
        recorded_variants, member.recording.project, member.proxy.url, done.parent_run_id
    )
    assert "was not registered, so its text is not in MLflow" in message
    # Once it may be registered, the same command links the run and its traces to it.
    member.proxy.fault = lambda request: None
    again = member.run()
    assert (again.problems, member.recorded()) == ((), ALL_RECORDED)
    experiment = member.client.get_experiment_by_name(member.name)
    linked = member.client.search_traces(
        locations=[experiment.experiment_id], filter_string=f"prompt = '{member.prompt}/1'"
    )
    assert len(linked) == 2
    assert member.recorded_variants(again)


REFUSED = "API request to endpoint /api/2.0/mlflow/{} failed with error code 403 != 200."
OTHER_NAME = ", or give the experiment file the `name:` of one that you may edit"


@pytest.mark.parametrize(
    ("endpoint", "fix"),
    [
        ("experiments/create", "ask for the permission to create experiments" + OTHER_NAME),
        ("runs/create", f"ask for the permission EDIT on the experiment 'qa'{OTHER_NAME}"),
        ("runs/log-batch", f"ask for the permission EDIT on the experiment 'qa'{OTHER_NAME}"),
        ("traces/link-prompts", f"ask for the permission EDIT on the experiment 'qa'{OTHER_NAME}"),
    ],
)
def test_a_refused_recording_names_the_permission(endpoint: str, fix: str) -> None:
    error = MlflowException(REFUSED.format(endpoint), PERMISSION_DENIED)
    assert edit_fix(error, "qa") == fix
    assert edit_fix(MlflowException("disk full"), "qa") == ""


@pytest.mark.parametrize(
    ("error", "message", "fix"),
    [
        (
            MlflowException(REFUSED.format("registered-models/create"), PERMISSION_DENIED),
            "the prompt 'qa.x' is new, and the server lets you create none",
            "ask for the permission to create registered models, which prompts are",
        ),
        (
            MlflowException("Registered Model (name=qa.x) exists", RESOURCE_ALREADY_EXISTS),
            "the prompt 'qa.x' exists, and the server doesn't show it to you",
            f"{PREFIX}, or ask its owner for the permission EDIT on the registered model 'qa.x'",
        ),
    ],
)
def test_a_refused_prompt_names_the_permission(
    error: MlflowException, message: str, fix: str
) -> None:
    store = SimpleNamespace(masked_uri="http://server")
    with pytest.raises(RefusedPromptError) as refused, refusals(store, "qa.x"):
        raise error
    assert str(refused.value) == f"http://server: {message}\n  fix: {fix}"


def test_refused_files_name_the_permission() -> None:
    error = OSError("403 Client Error: Forbidden for url: http://server/mlflow-artifacts/x")
    run = SimpleNamespace(info=SimpleNamespace(artifact_uri="mlflow-artifacts:/1/a"))
    assert lost_files_error(error, run, "qa").fix == (
        f"ask for the permission EDIT on the experiment 'qa'; {RESUME}"
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError("403 Client Error: FORBIDDEN for url: http://server/mlflow-artifacts/results.json"),
        MlflowException("failures: ##### File results.json #####\n403 Client Error: FORBIDDEN"),
        MlflowException(REFUSED.format("get-artifact"), PERMISSION_DENIED),
    ],
)
def test_refused_results_name_the_permission(error: Exception) -> None:
    store = SimpleNamespace(masked_uri="http://server")
    run = SimpleNamespace(info=SimpleNamespace(run_id="r1"))
    assert str(_results_error(error, run, store)) == (
        "http://server: the results of run r1 can't be read: access denied\n"
        "  fix: ask for the permission READ on its experiment"
    )
    missing = _results_error(OSError("404 Client Error: NOT FOUND"), run, store)
    assert missing.message == "run r1 has no results: its recording was not completed"


@pytest.mark.nightly
def test_a_reader_is_told_the_permission(member: Member) -> None:
    done = member.run()
    project, url = member.recording.project, member.proxy.url
    version = member.text.replace(f"[{member.name}]", f"[{member.name}@1]")
    for path, entity, read in (
        ("mlflow/runs/get", "its experiment", lambda: member.recorded_variants(done)),
        ("results.json", "its experiment", lambda: member.recorded_variants(done)),
        (
            "by-name",
            f"the experiment '{member.name}'",
            lambda: find_runs(project, url, member.name, 1),
        ),
        (
            "model-versions",
            f"the registered model '{member.prompt}'",
            lambda: member.recording.run(version),
        ),
    ):
        member.proxy.fault = lambda request, path=path: "403" if path in request.path else None
        assert refusal(read).endswith(f"\n  fix: ask for the permission READ on {entity}")


@pytest.mark.nightly
def test_a_prompt_of_others_with_the_same_content_is_used_and_not_listed(member: Member) -> None:
    member.run()
    member.name, text = f"e{uuid4().hex[:8]}", member.text
    member.text = text.replace("name: ", f"name: {member.name}\n#")
    member.proxy.fault = lambda request: (
        "403" if "registered-models/set-tag" in request.path else None
    )
    done = member.run()
    assert (done.problems, member.recorded()) == ((), ALL_RECORDED)
    assert any(
        "not listed on the experiment's page" in note for note in member.recording.progress.notes
    )


def test_a_registered_model_of_the_same_name_loses_nothing_else(member: Member) -> None:
    member.client.create_registered_model(member.prompt)
    done = member.run()
    assert (done.exit_code, member.recorded()) == (ExitCode.NOT_RECORDED, ALL_RECORDED)
    assert problems(done) == [
        (
            f"'{member.prompt}' is a registered model, and prompts share their names with models",
            f"{PREFIX}, or rename the prompt or its task",
        )
    ]
    member.set_prefix("team.a")
    cured = member.run()
    assert (cured.problems, member.recorded()) == ((), ALL_RECORDED)
    versions = member.client.search_prompt_versions(f"team.a.{member.prompt}")
    assert [version.version for version in versions] == [1]


def test_push_registers_the_other_prompts_and_names_the_refused_one(member: Member) -> None:
    member.client.create_registered_model(member.prompt)
    bench, project = member.recording.bench, member.recording.project
    prompts = [bench.prompt(f"user:\n{{{{ text }}}} {n}\n", n) for n in (member.name, "free")]
    lines = push_prompts(project, member.proxy.url, prompts)
    assert next(lines).startswith("qa/free ")
    with pytest.raises(RefusedPromptError, match="is a registered model"):
        next(lines)


def test_a_prefix_is_before_the_names_of_a_project(member: Member) -> None:
    member.set_prefix("team.a.")
    member.run()
    full_name = f"team.a.{member.prompt}"
    member.client.set_prompt_alias(full_name, "production", 1)
    member.recording.bench.write(f"{member.name}.jinja", "user:\nnow {{ text }}\n")
    references = f"[{member.name}@1, {member.name}, {member.name}@production]"
    done = member.recording.run(member.text.replace(f"[{member.name}]", references))
    assert [variant.variant.prompt.version for variant in done.variants] == [1, 2]
    assert [v.version for v in member.client.search_prompt_versions(full_name)] == [2, 1]
    assert member.client.search_prompts(f"name = '{member.prompt}'") == []
    (_, old) = recorded_variants(member.recording.project, member.proxy.url, done.parent_run_id)[
        ::-1
    ]
    assert (old.task, old.prompt) == ("qa", f"{member.name}@1")


def test_a_server_with_authentication_refuses_to_look_up_a_trace_that_is_missing(
    member: Member,
) -> None:
    """MLflow's basic-auth answers 403 to such a request of anybody but an administrator."""
    written: list[Request] = []

    def fault(request: Request) -> str | None:
        if request.path == "/v1/traces":
            written.append(request)
        return "403" if "batchGetInfos" in request.path and not written else None

    member.proxy.fault = fault
    done = member.run()
    assert (done.problems, member.recorded()) == ((), ALL_RECORDED)
    assert member.run().recorded_before


def test_artifacts_that_a_server_cannot_write_lose_nothing_else(member: Member) -> None:
    member.proxy.fault = lambda request: "500" if "/mlflow-artifacts/" in request.path else None
    done = member.run()
    assert (done.exit_code, member.recorded()) == (ExitCode.NOT_RECORDED, ALL_RECORDED)
    ((message, fix),) = problems(done)
    assert message.startswith("the files of the runs (tables, results.json) are not recorded: ")
    assert fix == (
        "tell whoever runs the server: its --artifacts-destination can't be written to; " + RESUME
    )
    member.proxy.fault = lambda request: None
    again = member.run()
    assert (again.problems, member.recorded()) == ((), ALL_RECORDED)
    (run_id,) = [variant.run_id for variant in again.variants]
    assert {"experiment.yaml", "results.json", "eval_results_table.json"} <= {
        file.path for file in member.recording.client.list_artifacts(run_id)
    }


@pytest.mark.parametrize(
    ("root", "fix"),
    [
        pytest.param(
            "s3://nowhere/mlflow",
            "pip install boto3",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("boto3") is not None, reason="boto3 is installed"
            ),
        ),
        (
            "file:///proc/nowhere",
            "make the folder writable, or let the server pass files on: --serve-artifacts",
        ),
    ],
)
def test_an_artifact_root_that_cannot_be_reached_loses_nothing_else(
    member: Member, root: str, fix: str
) -> None:
    member.client.create_experiment(member.name, f"{root}/{member.name}")
    done = member.run()
    assert (done.exit_code, member.recorded()) == (ExitCode.NOT_RECORDED, ALL_RECORDED)
    assert [fix for _, fix in problems(done)] == [f"{fix}; {RESUME}"]


class OldServer(http.server.BaseHTTPRequestHandler):
    """An MLflow 2 server: it knows experiments, and answers HTML to what MLflow 3 added."""

    written: list[str]

    def do_GET(self) -> None:
        answers = {"/health": (200, "OK"), "/version": (200, "2.22.5")}
        html = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>"
        self._answer(*answers.get(self.path, (404, html)))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/experiments/search"):
            self._answer(200, "{}")
        else:
            self.written.append(self.path)
            self._answer(404, "<!doctype html>")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None: ...


@contextmanager
def old_server() -> Iterator[tuple[str, list[str]]]:
    OldServer.written = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OldServer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", OldServer.written
        server.shutdown()


def test_a_server_of_mlflow_2_is_named_before_anything_is_written(bench: Bench) -> None:
    with old_server() as (url, written):
        done = Recording(bench, bench.project, url).run(EXPERIMENT)
        message = refusal(
            Recording(bench, bench.project, url).run, EXPERIMENT.replace("plain", "plain@1")
        )
    assert done.exit_code == ExitCode.NOT_RECORDED
    assert str(done.problems[0]) == (
        f"{url}: the server runs MLflow 2.22.5, and Workbench needs MLflow 3.4 or later\n"
        "  fix: upgrade it: pip install --upgrade mlflow, then mlflow db upgrade on its database; "
        "or name another --tracking-uri"
    )
    assert "the server runs MLflow 2.22.5" in message
    assert written == []


def test_a_prefix_is_checked(tmp_path: Path) -> None:
    from workbench.project import find_project

    (tmp_path / "prompts").mkdir()
    (tmp_path / "workbench.yaml").write_text("registry_prefix: 'team/a'\n")
    assert refusal(find_project, tmp_path) == (
        "workbench.yaml:1:1: registry_prefix: 'team/a' is not a prefix of prompt names\n"
        "  fix: use up to 64 letters, digits, _ . and -, as in: registry_prefix: team_a"
    )
