"""Above a number of rows a variant has traces for its failures and a fixed choice of rows."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from openai_server import OpenAIServer, Reply, say
from recording import Recording

from workbench.plan import Options, Scope
from workbench.project import Project, ProjectFile
from workbench.report.run import summary

ROWS, MOST = 30, 10
FAILING = {"row 3", "row 14", "row 25"}


@pytest.fixture
def large(recording: Recording, server: OpenAIServer) -> Recording:
    """A project of which MLflow is to hold ten rows of thirty."""
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": f"row {n % 3}"} for n in range(ROWS)]
    recording.bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    recording.bench.write("twice.jinja", "user:\n{{ text }}\n{{ text }}\n")

    def script(path: str, body: dict, nth: int) -> Reply:
        question = body["messages"][-1]["content"].split("\n")[0]
        return Reply(400, {"error": {"message": "no"}}) if question in FAILING else say(question)

    server.script = script
    return replace(recording, project=Project(recording.project.root, ProjectFile(traces=MOST)))


def text(server: OpenAIServer, prompts: str = "plain, twice") -> str:
    return (
        f"dataset: {{path: rows.jsonl, expected: label}}\nprompts: [{prompts}]\nmax_failed: 9\n"
        f'models: [openai:m: {{base_url: "{server.url}"}}]\nevaluators: [exact_match]\n'
    )


def traced(recording: Recording, run_id: str) -> set[str]:
    return {trace.info.tags["workbench.example"] for trace in recording.traces(run_id)}


def test_all_failures_and_the_same_rows_of_every_variant_have_a_trace(
    large: Recording, server: OpenAIServer
) -> None:
    done = large.run(text(server))
    first, second = (traced(large, variant.run_id) for variant in done.variants)
    failed = {row.replace("row ", "r") for row in FAILING}
    assert first == second
    assert failed <= first
    assert MOST <= len(first) <= MOST + len(FAILING)
    assert done.problems == ()
    beginning = (
        f"traces: {MOST} rows of each variant, and all failures; every row is in the artifact"
    )
    assert any(line.startswith(beginning) for line in summary(done, currency="USD"))


def test_numbers_are_those_of_all_rows_and_all_rows_stand_in_the_artifact(
    large: Recording, server: OpenAIServer
) -> None:
    done = large.run(text(server, "plain"))
    (variant,) = done.variants
    run = large.client.get_run(variant.run_id)
    assert (variant.rows.scored, variant.metrics["exact_match"].n) == (27, 27)
    assert run.data.metrics["exact_match/mean"] == pytest.approx(3 / 27 - 0 / 27)
    file = large.client.download_artifacts(variant.run_id, "rows.parquet")
    rows = pq.read_table(Path(file)).to_pylist()
    assert [row["id"] for row in rows] == [f"r{n}" for n in range(ROWS)]
    assert {row["id"] for row in rows if row["state"] == "rejected"} == {"r3", "r14", "r25"}
    assert [row["exact_match/score"] for row in rows[:5]] == [1.0, 1.0, 1.0, None, 0.0]
    assert run.data.tags["workbench.traces"].endswith("All rows: rows.parquet")


def test_the_same_invocation_again_is_known(large: Recording, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: say("1")
    first = large.run(text(server))
    again = large.run(text(server))
    assert (again.recorded_before, again.parent_run_id) == (True, first.parent_run_id)
    new = large.run(text(server), Options(again=True))
    assert traced(large, new.variants[0].run_id) == traced(large, first.variants[0].run_id)


def test_an_incomplete_record_that_lacks_nothing_is_known(
    large: Recording, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: say("1")
    first = large.run(text(server, "plain"), max_calls=MOST)
    assert 0 < len(traced(large, first.variants[0].run_id)) < MOST
    assert large.run(text(server, "plain"), max_calls=0).recorded_before


def test_fewer_traces_leave_those_that_another_run_shows(
    large: Recording, server: OpenAIServer
) -> None:
    every_row = replace(large, project=Project(large.project.root, ProjectFile(traces=ROWS)))
    first = every_row.run(text(server, "plain"))
    part = every_row.run(text(server, "plain"), Options(Scope(limit=20)))
    shown = traced(large, part.variants[0].run_id)
    assert len(shown) == 20
    fewer = large.run(text(server, "plain"))
    assert fewer.variants[0].run_id == first.variants[0].run_id
    assert traced(large, part.variants[0].run_id) == shown
    run = large.client.get_run(fewer.variants[0].run_id)
    rows = traced(large, run.info.run_id)
    assert (
        shown - {row.replace("row ", "r") for row in FAILING}
        <= rows
        < {f"r{n}" for n in range(ROWS)}
    )
    beginning = f"{len(rows)} of 30 rows have a trace: all failures, a fixed choice, and rows that"
    assert run.data.tags["workbench.traces"].startswith(beginning)


def test_traces_that_a_member_may_not_delete_are_named(
    large: Recording, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_row = replace(large, project=Project(large.project.root, ProjectFile(traces=ROWS)))
    first = every_row.run(text(server, "plain"))

    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("no", error_code=PERMISSION_DENIED)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "delete_traces", refuse)
        done = large.run(text(server, "plain"))
    assert [
        (problem.message.endswith("can't be deleted"), "MANAGE" in problem.fix)
        for problem in done.problems
    ] == [(True, True)]
    run = large.client.get_run(first.variants[0].run_id)
    assert (run.info.status, run.data.metrics["rows/scored"]) == ("FINISHED", 27.0)
    assert large.client.get_run(done.parent_run_id).info.status == "FINISHED"
    assert not large.run(text(server, "plain")).problems


def test_more_traces_and_fewer_are_written_to_the_same_runs(
    large: Recording, server: OpenAIServer
) -> None:
    few = large.run(text(server, "plain"))
    sample = traced(large, few.variants[0].run_id)
    all_rows = Project(large.project.root, ProjectFile(traces=ROWS))
    for project, rows in ((all_rows, {f"r{n}" for n in range(ROWS)}), (large.project, sample)):
        done = replace(large, project=project).run(text(server, "plain"))
        assert done.variants[0].run_id == few.variants[0].run_id
        assert traced(large, done.variants[0].run_id) == rows
        tags = large.client.get_run(done.variants[0].run_id).data.tags
        assert ("workbench.traces" in tags) == (rows == sample)
