"""`workbench sync`, as a user types it: what MLflow could not take is recorded, nothing is sent."""

import json
import shutil
from pathlib import Path

import pytest
from command import add_mlflow_store, invoke, write_task
from mlflow import MlflowClient

from workbench.store import Store

DEAD = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def unrecorded(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A project that has run while its server was down, its own store empty."""
    home = tmp_path_factory.mktemp("unrecorded")
    write_task(home)
    add_mlflow_store(home, empty_store)
    done = invoke(home, "run", MLFLOW_TRACKING_URI=DEAD)
    assert done.returncode == 6
    assert done.stderr.splitlines()[-2:] == [
        f"error: {DEAD}: 4 of 4 rows are not recorded in MLflow",
        "  fix: the answers and scores are safe; the same command, or workbench sync, "
        "records what is missing",
    ]
    return home


@pytest.fixture
def home(unrecorded: Path, tmp_path: Path) -> Path:
    """A copy of that project."""
    return Path(shutil.copytree(unrecorded, tmp_path / "project"))


def notes(home: Path) -> list[dict]:
    return [json.loads(f.read_text()) for f in (home / ".workbench/unrecorded").iterdir()]


def test_what_could_not_be_recorded_is_noted_and_synced(home: Path) -> None:
    (note,) = notes(home)
    (file,) = (home / ".workbench/unrecorded").iterdir()
    assert (file.stem, file.stat().st_mode & 0o777) == (note["plan"][:16], 0o600)
    assert (note["experiment"], note["scope"], note["tracking_uri"]) == (
        "prompts/qa/experiment.yaml",
        {},
        "",
    )

    still = invoke(home, "sync", MLFLOW_TRACKING_URI=DEAD)
    assert (still.returncode, still.stdout.splitlines()) == (
        6,
        ["prompts/qa/experiment.yaml  left: 4 rows", "1 left"],
    )

    done = invoke(home, "sync", "qa", "--json")
    document = json.loads(done.stdout)
    run = document["invocations"][0].pop("parent_run_id")
    assert (done.returncode, document) == (
        0,
        {
            "schema_version": 2,
            "recorded": 1,
            "edited": 0,
            "left": 0,
            "forgotten": 0,
            "ratings": 0,
            "invocations": [
                {
                    "experiment": "prompts/qa/experiment.yaml",
                    "plan_digest": note["plan"],
                    "scope": {},
                    "noted_at": document["invocations"][0]["noted_at"],
                    "state": "recorded",
                    "rows": 4,
                    "problems": [],
                }
            ],
            "exit_code": 0,
        },
    )
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    assert MlflowClient(uri, uri).get_run(run).data.tags["workbench.recorded"] == "yes"
    assert notes(home) == []

    none = invoke(home, "sync")
    assert (none.returncode, none.stdout) == (0, "nothing to record: MLflow is up to date\n")

    with Store(home / ".workbench") as store:
        ((key,),) = store.database.read("SELECT min(key) FROM completions")
        store.ratings.add(store.completions([key])[key], "ann", good=True, comment="")
    down = invoke(home, "sync", MLFLOW_TRACKING_URI=DEAD)
    assert (down.returncode, down.stdout) == (6, "ratings left\n")
    assert invoke(home, "sync").stdout.endswith("rating recorded\n")


def test_what_was_edited_since_is_named_and_kept_until_it_is_dropped(home: Path) -> None:
    (home / "prompts/qa/loud.jinja").write_text("user:\n{{ text | upper }}!\n")
    done = invoke(home, "sync")
    at = notes(home)[0]["noted_at"]
    assert (done.returncode, done.stdout.splitlines(), done.stderr.splitlines()) == (
        6,
        ["prompts/qa/experiment.yaml  edited", "1 edited"],
        [
            f"error: prompts/qa/experiment.yaml: edited since {at}, so the run of then can't be "
            "recorded",
            "  fix: `workbench run` records the experiment as it is now, with the stored outputs; "
            "`workbench sync --forget` drops this note",
        ],
    )
    dropped = invoke(home, "sync", "--forget")
    assert (dropped.returncode, notes(home)) == (0, [])


def test_rows_whose_answers_are_gone_are_recorded_as_not_run(home: Path) -> None:
    for file in (home / ".workbench").glob("store.db*"):
        file.unlink()
    done = invoke(home, "sync")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 recorded")
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name("qa").experiment_id
    children = client.search_runs([experiment], "tags.`mlflow.parentRunId` != ''")
    assert [run.data.metrics["rows/not_run"] for run in children] == [2.0, 2.0]


def test_a_store_with_a_password_is_named_without_it_and_asked_for(home: Path) -> None:
    secret = "http://me:hunter2@127.0.0.1:9"
    assert invoke(home, "run", "--tracking-uri", secret).returncode == 6
    uris = {note["tracking_uri"] for note in notes(home)}
    assert uris == {"", "http://me:***@127.0.0.1:9"}
    done = invoke(home, "sync")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (6, "1 recorded, 1 left")
    assert done.stderr.splitlines()[-2:] == [
        "error: prompts/qa/experiment.yaml: the password of http://me:***@127.0.0.1:9 is not "
        "stored",
        "  fix: workbench sync --tracking-uri with the full address",
    ]
    store = f"sqlite:///{home / '.workbench' / 'mlflow.db'}"
    assert invoke(home, "sync", "--tracking-uri", store).returncode == 0
    assert notes(home) == []
