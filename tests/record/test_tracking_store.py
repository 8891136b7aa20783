"""The tracking store: how it is created, and the errors of one that doesn't work."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from bench import refusal
from recording import Recording

from workbench.project import Project
from workbench.tracking.tracking_store import connect

# Forks for every line it reads: MLflow takes seconds to import.
MAKE = """
import os, sys
from pathlib import Path
from workbench.project import Project
from workbench.tracking.tracking_store import connect
for line in sys.stdin:
    process = os.fork()
    if not process:
        connect(Project(Path(line.strip())), "")
        os._exit(0)
    print(process, flush=True)
    print(os.waitpid(process, 0)[1], flush=True)
"""
EXPERIMENT = "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [latency]\n"


def test_a_kill_while_the_store_is_made_leaves_none_half_made(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdin
        assert maker.stdout
        for delay in (0.05, 0.3, 0.6, 0.9):
            folder = tmp_path / str(delay)
            folder.mkdir()
            maker.stdin.write(f"{folder}\n")
            maker.stdin.flush()
            process = int(maker.stdout.readline())
            time.sleep(delay)
            with suppress(ProcessLookupError):  # it has made the store
                os.kill(process, signal.SIGKILL)
            maker.stdout.readline()
            experiments = connect(Project(folder), "").client.search_experiments()
            assert [experiment.name for experiment in experiments] == ["Default"]
        maker.stdin.close()


def test_the_store_lets_readers_in_while_it_is_written(recording: Recording) -> None:
    file = recording.uri.removeprefix("sqlite:///")
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_nearest_word_on_the_address_wins(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = recording.project
    assert project.tracking_uri() == f"sqlite:///{project.root}/.workbench/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert project.tracking_uri() == "http://127.0.0.1:1"
    assert project.tracking_uri("sqlite:////tmp/x.db") == "sqlite:////tmp/x.db"


def test_a_dead_server_is_named(recording: Recording) -> None:
    message = refusal(connect, recording.project, "http://127.0.0.1:9")
    assert message == (
        "http://127.0.0.1:9: the MLflow server doesn't answer: "
        "<urlopen error [Errno 111] Connection refused>\n"
        "  fix: start it, or leave --tracking-uri and MLFLOW_TRACKING_URI out"
    )


def test_a_missing_version_names_the_store_it_looked_in(recording: Recording) -> None:
    text = EXPERIMENT.replace("[plain]", "[plain@3]")
    assert refusal(recording.run, text) == (
        f"prompts/qa/experiment.yaml:2:11: no prompt 'qa.plain' is registered in {recording.uri}\n"
        "  fix: `workbench run` and `workbench prompts push` register it"
    )


def test_a_deleted_experiment_is_named_and_nothing_is_lost(recording: Recording) -> None:
    first = recording.run(EXPERIMENT)
    recording.client.delete_experiment(first.experiment_id)
    second = recording.run(EXPERIMENT)
    assert second.requests.stored == 2
    assert [problem.message for problem in second.problems] == [
        "the MLflow experiment 'qa' is deleted",
        "2 of 2 rows are not recorded in MLflow",
    ]


def test_an_alias_and_a_digest_name_a_version(recording: Recording) -> None:
    recording.run(EXPERIMENT)
    recording.client.set_prompt_alias("qa.plain", "production", 1)
    digest = recording.client.get_prompt_version("qa.plain", "1").tags["workbench.digest"]
    recording.bench.write("plain.jinja", "user:\nnow {{ text }}\n")
    prompts = f"[plain, plain@production, 'plain@sha:{digest[:8]}']"
    done = recording.run(EXPERIMENT.replace("[plain]", prompts))
    assert [(v.variant.name, v.variant.prompt.version) for v in done.variants] == [
        ("plain", 2),
        ("plain@production", 1),
    ]
    assert done.plan.notes == (
        f"plain@sha:{digest[:8]} equals plain@production: they are run once",
    )


def test_tags_of_a_version_are_short_and_long_ones_of_older_versions_are_found(
    recording: Recording,
) -> None:
    client, name = recording.client, "qa.plain"
    front = "---\nparameters: {temperature: 0.5}\nstop: [END]\n---\n"
    recording.bench.write("plain.jinja", f"{front}user:\n{{{{ text }}}}\n")
    digest = recording.run(EXPERIMENT).variants[0].variant.prompt.digest
    version = client.get_prompt_version(name, "1")
    assert version is not None
    settings = version.tags["mlflow.workbench.settings"]  # pages leave out what begins so
    shown = {key: value for key, value in version.tags.items() if not key.startswith("mlflow.")}
    assert shown == {
        "workbench.file": "prompts/qa/plain.jinja",
        "workbench.digest": digest[:16],
    }

    client.set_prompt_version_tag(name, "1", "workbench.digest", digest)
    client.set_prompt_version_tag(name, "1", "workbench.settings", settings)
    client.delete_prompt_version_tag(name, "1", "mlflow.workbench.settings")
    references = ["plain", "plain@1", f"plain@sha:{digest}", f"plain@sha:{digest[:8]}"]
    for reference in references:
        done = recording.run(EXPERIMENT.replace("[plain]", f"['{reference}']"))
        prompt = done.variants[0].variant.prompt
        assert (prompt.version, prompt.digest) == (1, digest)
    assert len(client.search_prompt_versions(name)) == 1


def test_an_mlflow_evaluation_dataset_is_read(recording: Recording) -> None:
    import mlflow.genai.datasets

    connect(recording.project, recording.uri)
    dataset = mlflow.genai.datasets.create_dataset(name="golden")
    dataset.merge_records(
        [{"inputs": {"text": "one"}, "expectations": {"expected_response": "one"}}]
    )
    text = EXPERIMENT.replace("rows.jsonl", "{mlflow: golden}").replace("latency", "exact_match")
    done = recording.run(text)
    assert done.variants[0].metrics["exact_match"].mean == 1.0


@pytest.mark.parametrize("content", [b"no database", b""])
def test_a_file_that_is_no_store_is_named_at_once(recording: Recording, content: bytes) -> None:
    file = recording.project.root / "other.db"
    file.write_bytes(content or b"")
    if not content:
        file.unlink()
        file.mkdir()
    message = refusal(connect, recording.project, f"sqlite:///{file}")
    assert message.startswith(f"{file}: the MLflow store can't be opened or created: ")


def test_an_address_that_is_no_store_is_refused(recording: Recording) -> None:
    assert refusal(recording.project.tracking_uri, "foo://bar") == (
        "'foo://bar' is not an MLflow tracking store\n"
        "  fix: use http://127.0.0.1:5000 for a server, sqlite:////absolute/path.db for a file, "
        "none to record nothing"
    )
