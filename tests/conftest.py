"""The project that most tests work in, and the tiers: which tests `make quick` leaves out.

A test that needs MLflow, a local model, a browser, a kill or the whole command is marked here, by
its folder, by its fixtures, or because its module imports mlflow; `slow` is written at the test.
All others are quick:

    pytest -m quick                 make quick
    pytest -m "not nightly"         make test
    WORKBENCH_KILLS=10000 pytest    make nightly
"""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from bench import Bench
from hypothesis import HealthCheck, settings
from openai_server import OpenAIServer, serve

from workbench.project import Project
from workbench.prompt import Renderer

TESTS = Path(__file__).parent
MEMORY_DISK = Path("/dev/shm")  # where Linux keeps files in memory
MAX_TEMPORARY = 4 << 30  # bytes that all tests together need at most
MAX_DRAWS_BY_DAY = 400  # without WORKBENCH_DRAWS; `make test` takes 200
TRACKING_URI = "MLFLOW_TRACKING_URI"
MARKS_OF_FOLDERS = {
    "browser": "browser",
    "cli": "command",
    "endpoints": "nightly",
    "faults": "kills",
    "providers/local": "local",
    "record": "mlflow",
    "scoring": "kills",
    "secrecy": "command",
}
MARKS_OF_FIXTURES = {
    "chromium": "browser",
    "empty_store": "mlflow",
    "forge": "kills",
    "recording": "mlflow",
    "tiny": "local",
    "tiny_base": "local",
    "tiny_sliding": "local",
}
NOT_QUICK = {
    "slow",
    "nightly",
    "local_model",
    *MARKS_OF_FOLDERS.values(),
    *MARKS_OF_FIXTURES.values(),
}


def folder_marks(path: Path) -> set[str]:
    """The marks that the folders of a file under tests/ give its tests."""
    folder = path.relative_to(TESTS).as_posix() + "/"
    return {mark for name, mark in MARKS_OF_FOLDERS.items() if folder.startswith(f"{name}/")}


# Else each worker and each process that a test starts compiles workbench and the tests again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_configure() -> None:
    # A busy machine may take a second for any example. Each run has the same ones but at night.
    at_length = int(os.environ.get("WORKBENCH_DRAWS", "0")) > MAX_DRAWS_BY_DAY
    settings.register_profile(
        "suite",
        deadline=None,
        derandomize=not at_length,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    settings.load_profile("suite")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch and numpy: the cores have a test each
    if MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > MAX_TEMPORARY:
        # SQLite waits for the disk at each commit, MLflow's store some 200 times a test.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m quick` doesn't even import MLflow, torch or a browser."""
    if config.option.markexpr.startswith("quick"):
        marks = folder_marks(collection_path)
        if marks and not any(mark in config.option.markexpr for mark in marks):
            return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marks = folder_marks(item.path) | {
            mark for name, mark in MARKS_OF_FIXTURES.items() if name in item.fixturenames
        }
        if imports_mlflow(item.module):
            marks.add("mlflow")
        for mark in marks:
            item.add_marker(mark)
        if not NOT_QUICK.intersection(mark.name for mark in item.iter_markers()):
            item.add_marker("quick")


def pytest_collection_finish() -> None:
    """What was imported stays: no garbage is looked for in it (statsmodels does at each call).

    A test's own modules get no bytecode, which would hide a change within the same second.
    """
    sys.dont_write_bytecode = True
    gc.collect()
    gc.freeze()


def imports_mlflow(module: ModuleType) -> bool:
    origins = {getattr(value, "__module__", None) for value in vars(module).values()}
    origins |= {value.__name__ for value in vars(module).values() if isinstance(value, ModuleType)}
    return any(str(origin).startswith(("mlflow", "workbench.tracking")) for origin in origins)


@pytest.fixture(autouse=True)
def process_state() -> Iterator[None]:
    """Projects leave the path with the test: each look-up of a provider searches all of it.

    So does the store that `mlflow.set_tracking_uri` names to every later test of this process, and
    the mode of new files, which most commands change.
    """
    path, tracking_uri = list(sys.path), os.environ.get(TRACKING_URI)
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)
    sys.path[:] = path
    if os.environ.get(TRACKING_URI) != tracking_uri:
        os.environ.pop(TRACKING_URI)
        os.environ.update({} if tracking_uri is None else {TRACKING_URI: tracking_uri})


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    """One process for all tests: a template can't leave anything behind in it."""
    with Renderer() as started:
        yield started


@pytest.fixture
def bench(tmp_path: Path, renderer: Renderer) -> Bench:
    """A project that works as it is."""
    made = Bench(tmp_path.resolve(), renderer)
    made.write("plain.jinja", "user:\n{{ text }}\n")
    made.write("rows.jsonl", '{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
    return made


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """An OpenAI-compatible API on loopback, told by the test what to answer."""
    with serve() as running:
        yield running


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, to be copied: they take seconds to make."""
    from workbench.tracking.tracking_store import connect

    root = tmp_path_factory.mktemp("store")
    (root / "prompts").mkdir()
    connect(Project(root), f"sqlite:///{root / 'mlflow.db'}")
    return root / "mlflow.db"
