"""A new run shows the traces of rows that another run holds already, and writes only the others."""

import json

import pytest
from openai_server import OpenAIServer, say
from recording import Recording

from workbench.plan import Options

ROWS = 12


@pytest.fixture
def pair(recording: Recording, server: OpenAIServer) -> str:
    """An experiment of two prompts whose answers are what was asked."""
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": f"row {n % 3}"} for n in range(ROWS)]
    recording.bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    recording.bench.write("long.jinja", "system:\nSay it.\nuser:\n{{ text }}\n")
    server.script = lambda path, body, nth: say(body["messages"][-1]["content"])
    return (
        "dataset: {path: rows.jsonl, expected: label}\nprompts: [plain, long]\n"
        f'models: [openai:m: {{base_url: "{server.url}"}}]\n'
        "evaluators: [exact_match, output_tokens]\n"
    )


def shown(recording: Recording, run_id: str) -> dict[str, tuple[str, str, int]]:
    """Of each row of a run's page: which trace, its answer, and how many scores and wants."""
    return {
        trace.info.tags["workbench.example"]: (
            trace.info.trace_id,
            trace.info.trace_metadata["mlflow.traceOutputs"],
            len(trace.info.assessments),
        )
        for trace in recording.traces(run_id)
    }


def test_again_shows_the_same_traces(recording: Recording, pair: str) -> None:
    first = recording.run(pair)
    second = recording.run(pair, Options(again=True))
    assert second.parent_run_id != first.parent_run_id
    for earlier, later in zip(first.variants, second.variants, strict=True):
        assert len(shown(recording, earlier.run_id)) == ROWS
        assert shown(recording, later.run_id) == shown(recording, earlier.run_id)
    third = recording.run(pair, Options(again=True))
    assert shown(recording, third.variants[0].run_id) == shown(recording, first.variants[0].run_id)
    assert recording.run(pair).recorded_before


def test_an_edited_template_leaves_the_other_variants_traces_where_they_are(
    recording: Recording, pair: str, server: OpenAIServer
) -> None:
    first = recording.run(pair)
    recording.bench.write("long.jinja", "system:\nSay it again.\nuser:\n{{ text }}\n")
    second = recording.run(pair)
    plain, long = second.variants
    assert second.requests.sent == ROWS
    assert shown(recording, plain.run_id) == shown(recording, first.variants[0].run_id)
    fresh, old = shown(recording, long.run_id), shown(recording, first.variants[1].run_id)
    assert len(fresh) == ROWS
    assert {trace for trace, *_ in fresh.values()}.isdisjoint(trace for trace, *_ in old.values())


def test_a_run_whose_traces_others_show_is_not_written_to_any_more(
    recording: Recording, pair: str, server: OpenAIServer
) -> None:
    first = recording.run(pair)
    second = recording.run(pair, Options(again=True))
    before = shown(recording, first.variants[0].run_id)
    recording.bench.write("long.jinja", "system:\nSay it again.\nuser:\n{{ text }}\n")
    recording.run(pair)  # shows those of `plain`, too
    server.script = lambda path, body, nth: say("another answer")
    recording.bench.write("long.jinja", "system:\nSay it.\nuser:\n{{ text }}\n")
    fresh = recording.run(pair, Options(fresh=True))
    assert fresh.parent_run_id not in (first.parent_run_id, second.parent_run_id)
    assert shown(recording, first.variants[0].run_id) == before
    answers = {answer for _, answer, _ in shown(recording, fresh.variants[0].run_id).values()}
    assert answers == {json.dumps("another answer")}


def test_a_row_that_was_answered_anew_has_a_trace_of_its_own(
    recording: Recording, pair: str, server: OpenAIServer
) -> None:
    recording.run(pair)
    changed = {"row 4", "row 7"}
    server.script = lambda path, body, nth: say(
        "new" if body["messages"][-1]["content"] in changed else body["messages"][-1]["content"]
    )
    recording.bench.write("long.jinja", "system:\nSay it again.\nuser:\n{{ text }}\n")
    done = recording.run(pair, Options(fresh=True))
    answers = {
        row: answer for row, (_, answer, _) in shown(recording, done.variants[0].run_id).items()
    }
    assert len(answers) == ROWS
    assert {row for row, answer in answers.items() if answer == '"new"'} == {"r4", "r7"}
