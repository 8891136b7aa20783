"""`workbench serve` as a process: a package's folder, from the start to the end."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from command import WORKBENCH, environment
from packages import write_package

from workbench.prompt import Renderer
from workbench.serving.token_file import add_token

pytestmark = pytest.mark.command
FRESH = [sys.executable, "-m", "workbench.serving"]
TEMPLATE = "system:\nRoute it.\n\nuser:\nTicket: {{ ticket | upper }}\n"


@contextmanager
def serving(
    command: list[str], folder: Path, *words: str
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The process, and the address that it announces."""
    with subprocess.Popen(
        [*command, str(folder / "package"), "--port", "0", *words],
        cwd=folder,
        env=environment(WORKBENCH_CACHE=str(folder / "cache")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith("plain · echo:last answers on http://127.0.0.1:"), (
                process.stderr and process.stderr.read()
            )
            yield process, line.split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("command", [[*WORKBENCH, "serve"], FRESH], ids=["project", "fresh"])
def test_a_package_is_served_from_its_folder(
    tmp_path: Path, renderer: Renderer, command: list[str]
) -> None:
    write_package(tmp_path / "package", TEMPLATE, renderer)
    token = add_token(tmp_path / "tokens.txt", "search")
    with serving(command, tmp_path, "--tokens", "tokens.txt") as (process, url):
        with httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"}) as client:
            body = {"inputs": {"ticket": "late"}}
            answer = client.post("/v1/chat/completions", json=body).json()
            assert answer["choices"][0]["message"]["content"] == "Ticket: LATE"
            rows = {"dataframe_records": [{"ticket": "late"}, {"ticket": "lost"}]}
            predictions = {"predictions": ["Ticket: LATE", "Ticket: LOST"]}
            assert client.post("/invocations", json=rows).json() == predictions
            missing = client.post("/v1/chat/completions", json={"inputs": {"text": "late"}})
            assert "lack the variable 'ticket'" in missing.json()["error"]["message"]
            odd = client.post("/v1/chat/completions", json={"inputs": {"ticket": {"a": [1]}}})
            assert odd.status_code == 200
            assert client.post("/feedback", json=body).status_code == 404  # there is no MLflow
            assert httpx2.post(f"{url}/invocations", json=rows).status_code == 401
        process.send_signal(signal.SIGTERM)
        output, log = process.communicate(timeout=60)
        assert (process.returncode, output) == (0, "")
    assert " search POST /invocations 200 " in log
    assert "late" not in log.lower()
    assert token not in log


def test_the_server_imports_neither_mlflow_nor_what_an_evaluation_needs() -> None:
    """It costs a second of the start, and a fresh environment doesn't have it."""
    code = (
        "import json, sys\n"
        "import workbench.serving.serve_command, workbench.serving.__main__\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    heavy = {"mlflow", "pandas", "numpy", "typer", "torch", "transformers", "pyarrow", "datasets"}
    assert heavy.intersection(json.loads(output)) == set()


def test_a_package_that_cannot_be_served_ends_it_with_2(tmp_path: Path, renderer: Renderer) -> None:
    package = write_package(tmp_path / "package", TEMPLATE, renderer)
    next(package.rglob("*.jinja")).write_text("user:\n{{ ticket }}!\n")
    command = [*FRESH, str(package), "--port", "0"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("error: ")
    assert "Traceback" not in process.stderr
