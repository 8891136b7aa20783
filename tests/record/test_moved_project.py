"""A project folder that is moved or copied: everything is written where it is now."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bench import Bench
from command import EXPERIMENT, invoke, write_task
from mlflow import MlflowClient
from recording import Recording

from workbench.prompt import Renderer

BASELINE = EXPERIMENT + "baseline: plain\n"


@pytest.fixture
def record(renderer: Renderer) -> Callable[[Path], None]:
    """Run a project and record it in its own store."""

    def run(home: Path) -> None:
        bench = Bench(home, renderer)
        assert Recording(bench, bench.project, uri="").run(BASELINE).problems == ()

    return run


@pytest.fixture
def home(tmp_path: Path, empty_store: Path, record: Callable[[Path], None]) -> Path:
    """A project with one recorded run, in a folder whose name needs quoting."""
    home = tmp_path / "my project #1"
    write_task(home)
    (home / ".workbench").mkdir(mode=0o700)
    shutil.copy(empty_store, home / ".workbench" / "mlflow.db")
    record(home)
    return home


def client_of(home: Path) -> MlflowClient:
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    return MlflowClient(uri, uri)


def files_below(folder: Path) -> set[tuple[str, float]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {(str(path.relative_to(folder)), path.stat().st_mtime) for path in files}


def assert_recorded_in(home: Path, *, runs: int) -> None:
    """Every run's artifacts are read, and lie in this project."""
    client = client_of(home)
    experiment = client.get_experiment_by_name("qa")
    folder = home / ".workbench" / "artifacts" / "qa"
    assert experiment.artifact_location == folder.as_uri()
    every_run = client.search_runs([experiment.experiment_id])
    assert len(every_run) == runs
    for run in every_run:
        assert run.info.artifact_uri == (folder / run.info.run_id / "artifacts").as_uri()
        assert "experiment.yaml" in {file.path for file in client.list_artifacts(run.info.run_id)}
    for trace in client.search_traces(locations=[experiment.experiment_id]):
        location = trace.info.tags["mlflow.artifactLocation"]
        assert location == (folder / "traces" / trace.info.trace_id / "artifacts").as_uri()


@pytest.mark.parametrize("copied", [False, True])
def test_a_moved_and_a_copied_project_are_written_where_they_are(
    home: Path, record: Callable[[Path], None], copied: bool
) -> None:
    elsewhere = home.parent / "elsewhere"
    if copied:
        shutil.copytree(home, elsewhere, copy_function=shutil.copy2)
    else:
        home.rename(elsewhere)
    before = files_below(home)
    (elsewhere / "prompts/qa/loud.jinja").write_text("user:\n{{ text | upper }}!\n")
    record(elsewhere)
    assert_recorded_in(elsewhere, runs=6)
    assert files_below(home) == before
    assert home.exists() == copied
    assert invoke(elsewhere, "history", "qa").returncode == 0
    if copied:
        assert_recorded_in(home, runs=3)


def test_a_copy_of_the_database_alone_gets_the_artifacts_too(
    home: Path, record: Callable[[Path], None]
) -> None:
    other = home.parent / "other"
    other.mkdir()
    shutil.copytree(home / "prompts", other / "prompts")
    (other / ".workbench").mkdir()
    shutil.copy(home / ".workbench" / "mlflow.db", other / ".workbench")
    before = files_below(home / ".workbench" / "artifacts")
    record(other)
    assert_recorded_in(other, runs=3)
    assert files_below(home / ".workbench" / "artifacts") == before


def test_an_address_that_somebody_chose_stays(home: Path, record: Callable[[Path], None]) -> None:
    chosen = home.parent / "big disk" / "artifacts" / "mine"
    chosen.mkdir(parents=True)
    client = client_of(home)
    client.create_experiment("mine", chosen.as_uri())
    client.create_experiment("bucket", "s3://bucket/artifacts/bucket")
    elsewhere = home.rename(home.parent / "elsewhere")
    record(elsewhere)
    client = client_of(elsewhere)
    assert client.get_experiment_by_name("mine").artifact_location == chosen.as_uri()
    location = client.get_experiment_by_name("bucket").artifact_location
    assert location == "s3://bucket/artifacts/bucket"


def test_git_ignores_the_store(tmp_path: Path) -> None:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.csv").write_text("text\nyes\n")
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(
        "dataset: rows.csv\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [output_tokens]\n"
    )
    assert invoke(tmp_path, "plan").returncode == 0
    ignore = tmp_path / ".workbench" / ".gitignore"
    assert (ignore.read_text(), ignore.stat().st_mode & 0o777) == ("*\n", 0o600)
