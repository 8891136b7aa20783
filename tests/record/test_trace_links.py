"""Links from answers to their traces, without MLflow: from what a recording notes."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from openai_server import OpenAIServer, say
from recording import Recording
from test_large_variants import FAILING, MOST, large, text, traced

from workbench.comparing.comparison import compare_stored
from workbench.plan import Options
from workbench.project import Project
from workbench.store import Store
from workbench.tracking.trace_index import FILE, TraceIndex
from workbench.tracking.ui_address import mlflow_address, served_at

__all__ = ["large"]  # a fixture


def links(recording: Recording, index: TraceIndex | None = None) -> list[dict[str, str]]:
    """Of each variant the linked trace of each row, by id; rows without one are left out."""
    index = index or TraceIndex(recording.project, recording.uri)
    plan = recording.bench.plan((recording.bench.task / "experiment.yaml").read_text())
    with Store(recording.project.store) as store:
        compared = compare_stored(plan, store)
        return [
            {
                row.cell.example.id: link
                for rows in compared.read_rows(number)
                for _, row in rows
                if (link := index.find(variant, row))
            }
            for number, variant in enumerate(plan.variants)
        ]


def test_each_answer_is_linked_to_the_trace_that_shows_it(
    large: Recording, server: OpenAIServer
) -> None:
    first = large.run(text(server))
    large.bench.write("twice.jinja", "user:\n{{ text }}\n{{ text }}!\n")
    second = large.run(text(server))
    plain, twice = links(large)
    experiment = f"{second.experiment_id}/"
    for variant, linked in zip(second.variants, (plain, twice), strict=True):
        shown = {t.info.tags["workbench.example"]: t for t in large.traces(variant.run_id)}
        scored = {row for row in shown if row.replace("r", "row ") not in FAILING}
        # Of an unchanged variant the traces are those of the first run; failures get new ones.
        assert len(linked) >= MOST
        assert {row: linked[row] for row in scored} == {
            row: experiment + shown[row].info.trace_id for row in scored
        }
        assert linked.keys() == shown.keys()
    assert traced(large, first.variants[0].run_id) >= plain.keys()


def test_no_answer_is_linked_to_what_does_not_show_it(
    large: Recording, server: OpenAIServer
) -> None:
    done = large.run(text(server, "plain"))
    (noted,) = links(large)
    assert len(noted) >= MOST
    other = TraceIndex(large.project, "http://127.0.0.1:9")
    assert links(large, other) == links(large, TraceIndex(large.project, "none")) == [{}]
    large.client.delete_traces(done.experiment_id, trace_ids=[noted["r3"].split("/")[1]])
    assert links(large) == [{row: link for row, link in noted.items() if row != "r3"}]
    server.script = lambda path, body, nth: say("another answer")
    replace(large, uri="none").run(text(server, "plain"), Options(fresh=True))
    assert links(large) == [{}]
    (large.project.store / FILE).write_text("no database")
    assert links(large) == [{}]


def test_links_survive_a_move_and_end_with_the_tracking_store(
    large: Recording, server: OpenAIServer
) -> None:
    large.run(text(server, "plain"))
    (noted,) = links(large)
    home = large.project.root.rename(large.project.root.with_name("moved"))
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    bench = replace(large.bench, root=home)
    moved = replace(large, bench=bench, project=Project(home), uri=uri)
    assert links(moved) == [noted]
    (home / ".workbench" / "mlflow.db").unlink()
    assert links(moved) == [{}]


def test_index_is_read_without_mlflow() -> None:
    script = "import sys, workbench.tracking.trace_index; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b"False\n"


ADDRESSES = {
    "none": "",
    "http://mlflow.example:5000/": "http://mlflow.example:5000",
    "https://ann:secret@mlflow.example/team": "https://mlflow.example/team",
    "https://mlflow.example/?token=secret": "",
    "postgresql://db/mlflow": "",
    "databricks": "",
    "": "",
}


def test_address_is_that_of_a_server_or_of_a_running_ui(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert {uri: mlflow_address(project, uri) for uri in ADDRESSES} == ADDRESSES
    uri = project.tracking_uri()
    with served_at(project, uri, "http://127.0.0.1:5001"):
        with served_at(project, uri, "http://127.0.0.1:5002"):  # a second one
            assert mlflow_address(project) == "http://127.0.0.1:5001"
            assert mlflow_address(project, "postgresql://db/mlflow") == ""
        assert mlflow_address(project) == "http://127.0.0.1:5001"
    assert mlflow_address(project) == ""
