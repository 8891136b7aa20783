"""Ratings reach MLflow as human feedback, on every trace that shows the rated answer, once each."""

import json
from collections.abc import Sequence

import pytest
from mlflow_server import MLflowServer
from openai_server import OpenAIServer, say
from recording import Recording

from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Options
from workbench.run.summary import Invocation
from workbench.secrets import Redactor
from workbench.store import Store
from workbench.tracking.human_feedback import sync_ratings

Said = tuple[str, bool | None, str]  # person, value, comment


@pytest.fixture
def asked(recording: Recording, server: OpenAIServer) -> str:
    """An experiment with three rows, whose answers are what was asked."""
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": f"row {n}"} for n in range(3)]
    recording.bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    server.script = lambda path, body, nth: say(body["messages"][-1]["content"])
    return (
        "name: rated\ndataset: {path: rows.jsonl, expected: label}\nprompts: [plain]\n"
        f'models: [openai:m: {{base_url: "{server.url}"}}]\nevaluators: [exact_match]\n'
    )


def rate(recording: Recording, text: str, *said: Said) -> None:
    """Rate the stored answer with this text."""
    with Store(recording.project.store) as store:
        keys = [key for (key,) in store.database.read("SELECT key FROM completions")]
        (seen,) = [c for c in store.completions(keys).values() if c.text == text]
        for person, good, comment in said:
            store.ratings.add(seen, person, good=good, comment=comment)


def sync(recording: Recording) -> int:
    return sync_ratings(recording.project, Redactor(), recording.uri)


def shown(recording: Recording, done: Invocation) -> dict[str, Sequence[Said]]:
    """The ratings on the traces of the first variant's run, by row; rows without are left out."""
    by_row = {}
    for trace in recording.traces(done.variants[0].run_id):
        feedback = [a for a in trace.info.assessments if a.name == "rating"]
        assert all(a.source.source_type == "HUMAN" and a.valid is not False for a in feedback)
        said = sorted((a.source.source_id, a.value, a.rationale or "") for a in feedback)
        by_row |= {trace.info.tags["workbench.example"]: said} if said else {}
    return by_row


def test_ratings_follow_their_answers_into_every_run(
    recording: Recording, asked: str, server: OpenAIServer
) -> None:
    first = recording.run(asked)
    rate(recording, "row 1", ("ann", True, "short"), ("bob", False, "no \x00 <b>"))
    assert (sync(recording), sync(recording)) == (2, 0)
    wanted = {"r1": [("ann", True, "short"), ("bob", False, "no \ufffd <b>")]}
    assert shown(recording, first) == wanted
    later = recording.run(asked.replace("name: rated", "name: other"))
    assert shown(recording, later) == wanted

    rate(recording, "row 1", ("ann", False, ""), ("bob", None, ""))
    rate(recording, "row 2", ("bob", True, "later"))
    wanted = {"r1": [("ann", False, "")], "r2": [("bob", True, "later")]}
    again = recording.run(asked)
    assert again.recorded_before
    assert "ratings" not in str(recording.progress.notes)
    assert [shown(recording, done) for done in (first, later)] == [wanted] * 2
    assert sync(recording) == 0

    server.script = lambda path, body, nth: say("another answer")
    fresh = recording.run(asked, Options(fresh=True))
    assert shown(recording, fresh) == {}
    assert shown(recording, first) == wanted  # it shows the rated answers


def test_server_that_is_down_costs_no_rating(
    recording: Recording, asked: str, mlflow_server: MLflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.run(asked)
    rate(recording, "row 0", ("ann", True, ""))
    with pytest.raises(WorkbenchError) as caught:
        sync_ratings(recording.project, Redactor(), "http://127.0.0.1:9")
    assert caught.value.exit_code == ExitCode.NOT_RECORDED
    elsewhere = Recording(recording.bench, recording.project, mlflow_server.url)
    done = elsewhere.run(asked)
    assert shown(elsewhere, done) == {"r0": [("ann", True, "")]}
    rate(recording, "row 0", ("ann", False, "too short"), ("bob", True, ""))
    assert (sync(elsewhere), sync(elsewhere), sync(recording)) == (2, 0, 2)
    rate(recording, "row 0", ("bob", None, ""))
    assert sync(elsewhere) == 1
    assert shown(elsewhere, done) == {"r0": [("ann", False, "too short")]}
