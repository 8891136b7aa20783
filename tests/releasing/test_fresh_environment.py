"""A package in an environment that has nothing but its requirements: same bodies, same texts."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench import Bench
from command import environment, invoke
from openai_server import say, serve
from processes import reserve_port, wait_for
from test_package import INPUTS, KEY, pack

from workbench.prompt import Renderer
from workbench.releasing.variant_package import open_package, save_package
from workbench.secrets import Redactor
from workbench.store import Store

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1_200)]
MOST_MB = 250
ROWS = [INPUTS[0] | {"text": "film 0 [secret LAB_KEY]"}, *INPUTS[1:]]
PREDICT = """
import json, sys
import mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
texts = model.predict(json.load(open(sys.argv[2])))
names = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(json.dumps({"texts": texts, "modules": sorted(names)}))
"""
# Distributions of the full installation that no package of an API model needs.
NOT_REQUIRED = {"alembic", "datasets", "filelock", "flask", "matplotlib", "platformdirs", "pyarrow"}
NOT_REQUIRED |= {"rich", "scipy", "sklearn", "sqlalchemy", "torch", "transformers", "typer"}
LOCAL = """\
dataset: rows.jsonl
prompts: [plain]
models: [transformers:smollm2-135m-instruct: {dtype: float32}]
parameters: {max_tokens: 8}
evaluators: [output_tokens]
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """An environment with the requirements of a package, and the package."""
    root = tmp_path_factory.mktemp("fresh").resolve()
    with Renderer() as renderer, serve() as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_KEY", KEY)
        api.script = lambda path, body, nth: say(body["messages"][0]["content"].upper())
        package = pack(Bench(root / "project", renderer), root / "package", api.url)
        (root / "rows.json").write_text(json.dumps(ROWS))
        subprocess.run([sys.executable, "-m", "venv", root / "venv"], check=True)
        pip = [root / "venv/bin/python", "-m", "pip", "install", "-q", "--no-compile"]
        subprocess.run([*pip, "-r", "requirements.txt"], check=True, cwd=package)
        yield root, api


@pytest.fixture(scope="module")
def evaluated(fresh):
    """The evaluation's texts by row, and the bodies that it sent."""
    root, api = fresh
    ran = invoke(root / "project", "run", "--tracking-uri", "none", LAB_KEY=KEY)
    assert ran.returncode == 0, ran.stderr
    bodies = {received.raw for received in api.requests}
    assert len(bodies) == len(ROWS)
    return [
        f"FILM {row['text'][5:].upper()} HAS {row['stars']} STARS, A, {n}"
        for n, row in enumerate(ROWS)
    ], bodies


def taken(api) -> set[bytes]:
    bodies = {received.raw for received in api.requests}
    api.requests.clear()
    return bodies


def test_package_loads_what_it_requires_and_nothing_else(fresh, evaluated):
    root, api = fresh
    taken(api)
    command = [root / "venv/bin/python", "-c", PREDICT, root / "package", root / "rows.json"]
    ran = subprocess.run(
        command, cwd=root, env=environment(LAB_KEY=KEY), capture_output=True, text=True, check=True
    )
    shown = json.loads(ran.stdout)
    texts, bodies = evaluated
    assert (shown["texts"], taken(api)) == (texts, bodies)
    assert NOT_REQUIRED.intersection(shown["modules"]) == set()


def test_the_wheel_alone_serves_the_same_texts_and_is_small(fresh, evaluated):
    root, api = fresh
    place = root / "server"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    (wheel,) = (root / "package/wheels").iterdir()
    subprocess.run([place / "bin/python", "-m", "pip", "install", "-q", wheel], check=True)
    command = [place / "bin/workbench-serve", root / "package", "--port", "0"]
    taken(api)
    with subprocess.Popen(
        command,
        cwd=root,
        env=environment(LAB_KEY=KEY, WORKBENCH_CACHE=str(root / "cache")),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout
            address = server.stdout.readline().split()[-1]
            predictions = predictions_of(f"{address}/invocations", ROWS)
        finally:
            server.terminate()
    texts, bodies = evaluated
    assert (predictions, taken(api)) == (texts, bodies)
    sizes = [file.lstat().st_size for file in place.rglob("*") if not file.is_dir()]
    assert sum(sizes) < MOST_MB * 1_000_000, sum(sizes)


@contextmanager
def mlflow_serving(place: Path, package: Path, **variables: str) -> Iterator[str]:
    """`mlflow models serve` in the virtual environment `place`; the address of its invocations."""
    with reserve_port() as reserved:
        port = str(reserved.getsockname()[1])
    variables = environment(PATH=f"{place / 'bin'}:{os.environ['PATH']}", **variables)
    command = [place / "bin/mlflow", "models", "serve", "-m", package]
    command += ["--env-manager", "local", "-h", "127.0.0.1", "-p", port]
    log_file = package.with_name("serve.log")
    with log_file.open("w") as log:
        server = subprocess.Popen(
            command, env=variables, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        assert server.poll() is None, log_file.read_text()
        try:
            return urllib.request.urlopen(f"{address}/ping").status == 200
        except OSError:
            return False

    try:
        wait_for(is_up)
        yield f"{address}/invocations"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def predictions_of(address: str, rows: list[dict[str, Any]]) -> list[str]:
    body = json.dumps({"inputs": rows}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        texts: list[str] = json.load(reply)["predictions"]
    return texts


def test_mlflow_serves_the_same_texts(fresh, evaluated):
    root, api = fresh
    with mlflow_serving(root / "venv", root / "package", LAB_KEY=KEY) as address:
        taken(api)
        predictions = predictions_of(address, ROWS)
        texts, bodies = evaluated
        assert (predictions, taken(api)) == (texts, bodies)


@pytest.mark.local_model
def test_local_model_in_float32_answers_the_same_texts(tmp_path, renderer):
    bench = Bench((tmp_path / "project").resolve(), renderer)
    bench.write("plain.jinja", "user:\nName a colour for {{ text }}.\n")
    rows = [{"id": f"r{n}", "text": f"film {n}"} for n in range(50)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("experiment.yaml", LOCAL)
    ran = invoke(bench.root, "run", "--tracking-uri", "none")
    assert ran.returncode == 0, ran.stderr
    plan = bench.plan(LOCAL)
    with Store(bench.root / ".workbench", Redactor()) as store:
        completions = store.completions([cell.key for cell in plan.cells[0]])
        texts = [completions[cell.key].text for cell in plan.cells[0]]
        with open_package(plan, 0, store, renderer) as package:
            save_package(package, tmp_path / "package")
    (wheel,) = (tmp_path / "package/wheels").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    inputs = [{"text": row["text"]} for row in rows]
    (tmp_path / "rows.json").write_text(json.dumps(inputs))
    first = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
    )
    command = [sys.executable, "-c", first + PREDICT, tmp_path / "package", tmp_path / "rows.json"]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["texts"] == texts
