"""`workbench doctor`: what it finds, and that it changes nothing."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command import invoke, write_task

from workbench.doctor.diagnosis import Diagnosis, exit_code
from workbench.doctor.http_probe import ProbeReply
from workbench.doctor.model_check import check_clock
from workbench.doctor.tracking_check import _open_server
from workbench.doctor.versions import TESTED_MLFLOW, newer_than_tested
from workbench.errors import ExitCode
from workbench.store import Store

ROOT = Path(__file__).parents[2]
KEY = "sk-canary-1234567890abcdef"
MODEL = """\
dataset: {path: rows.csv, expected: label}
prompts: [plain]
models:
  - openai:m: {base_url: "URL", api_key_env: LAB_KEY}
  - openai:n: {base_url: "URL", api_key_env: LAB_KEY}
evaluators: [exact_match]
"""
Answer = Callable[[str, dict[str, str]], tuple[int, str]]


class Server:
    """Answers GET on loopback as `answer` says; notes each path with its Authorization."""

    def __init__(self) -> None:
        self.answer: Answer = lambda path, headers: (200, "{}")
        self.gets: list[tuple[str, str]] = []
        self.released = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.gets.append((self.path, headers.get("authorization", "")))
                status, body = server.answer(self.path, headers)
                if not status:  # never answers
                    server.released.wait(60)
                    return
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *arguments: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def web() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.http.shutdown()
    server.http.server_close()


def examined(home: Path, **variables: str) -> tuple[int, list[dict[str, str]]]:
    """The exit code and the findings; no key is in them."""
    ended = invoke(home, "doctor", "--json", **variables)
    assert KEY not in ended.stdout + ended.stderr
    document = json.loads(ended.stdout)
    assert document["exit_code"] == ended.returncode
    return ended.returncode, document["findings"]


def problems(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(f["area"], f["message"]) for f in findings if f["status"] in ("warning", "error")]


def project(home: Path, url: str = "", **files: str) -> Path:
    write_task(home, *([MODEL.replace("URL", url)] if url else []))
    for name, content in files.items():
        (home / name.replace("__", ".")).write_text(content)
    return home


def test_a_folder_that_is_no_project_is_examined(tmp_path):
    code, findings = examined(tmp_path)
    assert (code, problems(findings)) == (0, [])
    assert [f["area"] for f in findings if f["status"] == "note"] == ["project"]
    assert "Python 3." in findings[0]["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_healthy_project_has_no_problem_and_is_not_changed(tmp_path):
    project(tmp_path)
    store = tmp_path / ".workbench"
    store.mkdir()
    Store(store).__exit__()
    sqlite3.connect(store / "mlflow.db").executescript(
        "CREATE TABLE alembic_version (version_num TEXT)"
    )
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    code, findings = examined(tmp_path)
    assert (code, problems(findings)) == (0, [])
    assert {"versions", "project", "store", "disk", "mlflow"} == {f["area"] for f in findings}
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_each_endpoint_is_asked_once_with_its_key(tmp_path, web):
    code, findings = examined(project(tmp_path, f"{web.url}/v1"), LAB_KEY=KEY)
    assert (code, problems(findings)) == (0, [])
    assert web.gets == [("/v1/models", f"Bearer {KEY}")]
    assert [f["message"] for f in findings if f["area"] == "endpoints"] == ["answers (of m, n)"]
    assert [f["message"] for f in findings if f["area"] == "keys"] == ["LAB_KEY is set"]


ENDPOINTS = {  # status of the reply, exit code, problems
    "wrong key": (401, 3, [("endpoints", "refuses the request: HTTP 401 (of m, n)")]),
    "server fault": (503, 0, [("endpoints", "answers with HTTP 503 (of m, n)")]),
    "no list of models": (404, 0, []),
    "redirects": (302, 0, []),
}


@pytest.mark.parametrize("case", ENDPOINTS)
def test_the_reply_of_an_endpoint_is_read(tmp_path, web, case):
    status, code, expected = ENDPOINTS[case]
    web.answer = lambda path, headers: (status, "")
    examined_code, findings = examined(project(tmp_path, f"{web.url}/v1"), LAB_KEY=KEY)
    assert (examined_code, problems(findings)) == (code, expected)
    assert len(web.gets) == 1


def test_an_endpoint_that_is_gone_and_a_missing_key_are_errors(tmp_path):
    code, findings = examined(project(tmp_path, "http://127.0.0.1:9/v1"))
    key, endpoint = problems(findings)
    assert key == ("keys", "LAB_KEY is not set")
    assert endpoint[1].startswith("can't be reached: [Errno 111]")
    assert code == ExitCode.USER


BROKEN = {
    "workbench.yaml": ({"workbench__yaml": "drain: 3\n"}, "project", 2),
    "no YAML": ({"workbench__yaml": "a: [\n"}, "project", 2),
    ".env": ({"__env": "LAB_KEY='\n"}, "project", 2),
    "an experiment": ({"prompts/qa/experiment__yaml": "models: 3\n"}, "models", 2),
    "a model": (
        {
            "prompts/qa/experiment__yaml": "dataset: {path: rows.csv}\nprompts: [plain]\n"
            "models: [echo:lost]\nevaluators: [exact_match]\n"
        },
        "models",
        2,
    ),
    "a tracking address": ({"workbench__yaml": "tracking_uri: ftp://a\n"}, "mlflow", 2),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_a_finding_and_the_rest_is_examined(tmp_path, case):
    files, area, code = BROKEN[case]
    examined_code, findings = examined(project(tmp_path, **files))
    assert [name for name, _ in problems(findings)] == [area]
    assert examined_code == code
    assert {"versions", "store", "disk", "mlflow"} <= {finding["area"] for finding in findings}
    assert all(f["fix"] for f in findings if f["status"] == "error")


STORES = {
    "damaged": (b"\0" * 8192, 5),
    "empty, but was not": (b"", 5),
    "no store": (b"SQLite" * 1000, 5),
}


@pytest.mark.parametrize("case", STORES)
def test_a_damaged_store_is_an_error_and_stays_as_it_is(tmp_path, case):
    content, code = STORES[case]
    store = project(tmp_path) / ".workbench"
    store.mkdir()
    with Store(store) as opened:
        opened.database.write([("INSERT INTO calls VALUES (1,'k','m','o','r',0,'now')", [()])])
    for log in store.glob("store.db-*"):
        log.unlink()
    (store / "store.db").write_bytes(content)
    names = sorted(path.name for path in store.iterdir())
    examined_code, findings = examined(tmp_path)
    assert (examined_code, [area for area, _ in problems(findings)]) == (code, ["store"])
    assert sorted(path.name for path in store.iterdir()) == names
    assert (store / "store.db").read_bytes() == content


def test_a_store_of_a_later_version_is_an_error(tmp_path):
    store = project(tmp_path) / ".workbench"
    store.mkdir()
    Store(store).__exit__()
    with sqlite3.connect(store / "store.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    code, findings = examined(tmp_path)
    assert code == ExitCode.USER
    assert problems(findings)[0][1].startswith("the store has format 99")


def guarded(path: str, headers: dict[str, str]) -> tuple[int, str]:
    if path in ("/health", "/version"):
        return 200, "3.17.2"
    return (200, "{}") if headers.get("authorization") == "Basic YW5uOnB3" else (401, "")


OPEN = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pw"}
TRACKING = {  # answer, variables, exit code, problems
    "without a password, here": (lambda path, headers: (200, "3.17.2"), {}, 0, []),
    "with a password": (guarded, OPEN, 0, []),
    "a wrong password": (
        guarded,
        {**OPEN, "MLFLOW_TRACKING_PASSWORD": "no"},
        6,
        ["the server refuses the credentials: HTTP 401"],
    ),
    "no password": (guarded, {}, 6, ["the server asks for credentials, and none are set"]),
    "another server": (
        lambda path, headers: (404, ""),
        {},
        6,
        ["no MLflow server answers: HTTP 404"],
    ),
    "an old one": (
        lambda path, headers: (200, "2.9.1"),
        {},
        6,
        ["the server runs MLflow 2.9.1, and Workbench needs 3.4 or later"],
    ),
    "a dead one": (lambda path, headers: (502, ""), {}, 6, ["the server doesn't answer: HTTP 502"]),
}


@pytest.mark.parametrize("case", TRACKING)
def test_the_tracking_server_is_examined(tmp_path, web, case):
    answer, variables, code, messages = TRACKING[case]
    web.answer = answer
    variables = {**variables, "MLFLOW_TRACKING_URI": web.url}
    examined_code, findings = examined(project(tmp_path), **variables)
    assert (examined_code, [m for _, m in problems(findings)]) == (code, messages)
    assert not (tmp_path / ".workbench").exists()


def test_an_address_with_a_password_is_shown_without(tmp_path, web):
    web.answer = guarded
    address = web.url.replace("//", "//ann:pw@")
    code, findings = examined(project(tmp_path, workbench__yaml=f"tracking_uri: {address}\n"))
    assert (code, problems(findings)) == (0, [])
    assert [f["where"] for f in findings if f["area"] == "mlflow"] == [web.url]


def test_a_server_that_hangs_is_given_up(tmp_path, web, monkeypatch):
    monkeypatch.setattr("workbench.doctor.examination.NETWORK_S", 0.2)
    web.answer = lambda path, headers: (0, "")
    home = project(tmp_path, f"{web.url}/v1")
    code, findings = examined(home, LAB_KEY=KEY, MLFLOW_TRACKING_URI=web.url)
    assert [area for area, _ in problems(findings)] == ["endpoints", "mlflow"]
    assert code == ExitCode.FAILED_ROWS


def test_a_server_of_other_machines_without_a_password_is_a_warning():
    assert _open_server("https://mlflow.example.org").status == "warning"
    assert _open_server("http://127.0.0.1:5000").status == "ok"


def test_a_clock_that_is_wrong_is_a_warning():
    (finding,) = check_clock(ProbeReply(200, date="Sun, 29 Nov 2020 12:00:00 GMT"), "https://api")
    assert finding.status == "warning"
    assert "minutes ahead of the server's" in finding.message
    assert [*check_clock(ProbeReply(200, date="now"), ""), *check_clock(ProbeReply(), "")] == []


def test_a_newer_mlflow_than_the_tested_version_is_a_warning():
    pinned = re.search(r"^mlflow==(\d+)\.(\d+)", (ROOT / "constraints.txt").read_text(), re.M)
    assert pinned
    assert (int(pinned[1]), int(pinned[2])) == TESTED_MLFLOW
    assert newer_than_tested(f"{pinned[1]}.{pinned[2]}.9", "MLflow") is None
    newer = newer_than_tested(f"{pinned[1]}.{int(pinned[2]) + 1}.0", "MLflow")
    assert newer
    assert newer.status == "warning"


def test_the_exit_code_is_that_of_what_a_run_meets_first():
    endpoint = Diagnosis("endpoints", "error", "", exit_code=ExitCode.FAILED_ROWS)
    tracking = Diagnosis("mlflow", "error", "", exit_code=ExitCode.NOT_RECORDED)
    file = Diagnosis("project", "error", "")
    store = Diagnosis("store", "error", "", exit_code=ExitCode.STORAGE)
    codes = [
        exit_code(findings) for findings in ([tracking, endpoint], [endpoint, file], [file, store])
    ]
    assert codes == [ExitCode.FAILED_ROWS, ExitCode.USER, ExitCode.STORAGE]
    assert (
        exit_code([Diagnosis("disk", "warning", "", exit_code=ExitCode.STORAGE)]) == ExitCode.DONE
    )


IMPORTED = """
import sys
from workbench.cli import main
sys.argv = ["workbench", "doctor"]
try:
    main()
finally:
    print(sorted({"torch", "mlflow", "openai", "transformers", "datasets"} & sys.modules.keys()))
"""


def test_no_large_package_is_imported(tmp_path):
    command = [sys.executable, "-c", IMPORTED]
    home = project(tmp_path)
    ended = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_folder_that_cannot_be_written_is_examined(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)  # root may write all
    code, findings = examined(project(tmp_path))
    assert code == 0
    (message,) = [m for area, m in problems(findings) if area == "disk"]
    assert message.startswith("the folder can't be written")


LISTED = '{"data": [{"id": "models/m"}, {"id": "nova"}]}'
UNLISTED = ("endpoints", "'n' is not in the endpoint's list of models")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (LISTED, [UNLISTED]),
        ('{"data": [{"id": "m"}, {"id": "n"}]}', []),
        ('{"data": []}', []),
        ('{"data": [{"name": "m"}]}', []),
        ("[1]", []),
        ("a page", []),
    ],
)
def test_a_model_that_the_endpoint_doesn_t_list_is_a_warning(
    tmp_path: Path, web: Server, body: str, expected: list[tuple[str, str]]
) -> None:
    web.answer = lambda path, headers: (200, body)
    code, findings = examined(project(tmp_path, f"{web.url}/v1"), LAB_KEY=KEY)
    assert (code, problems(findings)) == (0, expected)
