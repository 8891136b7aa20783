"""The record of a run in MLflow, read back through MLflow's public API."""

import json

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Run
from openai_server import OpenAIServer, Reply, say
from recording import Recording

from workbench.errors import ExitCode
from workbench.plan import Options, Scope
from workbench.tracking.run_data import DESCRIPTION, description_tags, round_metric

ROWS = [
    {"id": "r1", "text": "a joy", "label": "positive"},
    {"id": "r2", "text": "a bore", "label": "negative"},
    {"id": "r3", "text": "a muddle", "label": "negative"},
]
TWO_BY_TWO = """\
name: reviews
dataset: {{path: rows.jsonl, expected: label}}
prompts: [short, long]
models:
  - openai:small: {{base_url: "{url}", identity: here}}
  - openai:large: {{base_url: "{url}", identity: here, parameters: {{temperature: 0}}}}
parameters: {{max_tokens: 8}}
evaluators:
  - label_match: {{labels: [positive, negative]}}
  - exact_match
"""


@pytest.fixture
def reviews(recording: Recording, server: OpenAIServer) -> str:
    """The matrix of two prompts on two models, answered by a server on loopback."""
    bench = recording.bench
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
    bench.write("short.jinja", "user:\n{{ text }}?\n")
    bench.write(
        "long.jinja", "---\ndescription: wordy\n---\nsystem:\nLabel it.\nuser:\n{{ text }}\n"
    )
    server.script = lambda path, body, nth: say(answer(body))
    return TWO_BY_TWO.format(url=server.url)


def answer(body: dict) -> str:
    """The large model is right; the small one says positive, or nothing of use."""
    text = body["messages"][-1]["content"]
    if body["model"] == "large":
        return "positive" if "joy" in text else "negative"
    return "unsure" if "muddle" in text else "positive"


def means(run: Run) -> dict[str, float]:
    return {key: value for key, value in run.data.metrics.items() if key.endswith("/mean")}


def test_every_variant_is_a_run_below_one_parent(recording: Recording, reviews: str) -> None:
    done = recording.run(reviews)
    children = {
        run.info.run_name: means(run)
        for run in recording.runs()
        if run.data.tags.get("mlflow.parentRunId") == done.parent_run_id
    }
    assert done.problems == ()
    assert children == {
        "sho·small": {"label_match/mean": 0.333333333333, "exact_match/mean": 0.333333333333},
        "sho·large": {"label_match/mean": 1.0, "exact_match/mean": 1.0},
        "lon·small": {"label_match/mean": 0.333333333333, "exact_match/mean": 0.333333333333},
        "lon·large": {"label_match/mean": 1.0, "exact_match/mean": 1.0},
    }


OURS = description_tags({}, "ours")


@pytest.mark.parametrize(
    ("tags", "description"),
    [
        ({}, "new"),
        (OURS, "new"),
        ({DESCRIPTION: "four-bit weights", "model.note": "four-bit weights"}, "new"),
        ({DESCRIPTION: "mine"}, "mine"),
        (OURS | {DESCRIPTION: "ours, and mine"}, "ours, and mine"),
        (OURS | {DESCRIPTION: ""}, ""),
    ],
)
def test_a_description_that_a_user_wrote_stays(tags: dict[str, str], description: str) -> None:
    assert (tags | description_tags(tags, "new"))[DESCRIPTION] == description


def test_a_run_says_what_it_was_made_from(recording: Recording, reviews: str) -> None:
    done = recording.run(reviews)
    run = recording.client.get_run(done.variants[3].run_id)
    assert run.data.params == {
        "prompt": "long",
        "prompt_version": "1",
        "model": "openai:large",
        "model.endpoint": "here",
        "model.api": "chat",
        "max_tokens": "8",
        "temperature": "0",
        "dataset": "rows",
        "rows": "3",
        "repeats": "1",
    }
    assert run.data.tags["model.concurrency"] == "16"
    assert run.data.tags["label_match"] == "1.000 [0.439, 1.000] n=3, 3 right"
    environment = json.loads(recording.artifact(run.info.run_id, "environment.json"))
    assert environment["packages"]["mlflow"] == mlflow.__version__
    assert "max_tokens: 8" in recording.artifact(run.info.run_id, "experiment.yaml")
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == (
        "rows",
        done.plan.experiment.dataset.digest[:8],
    )


def test_the_table_holds_every_row_with_its_scores(recording: Recording, reviews: str) -> None:
    done = recording.run(reviews)
    table = json.loads(recording.artifact(done.variants[0].run_id, "eval_results_table.json"))
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [
        (row["text"], row["output"], row["label_match/score"], row["label_match/justification"])
        for row in rows
    ] == [
        ("a joy", "positive", 1.0, "right · positive, expected positive"),
        ("a bore", "positive", 0.0, "wrong · positive, expected negative"),
        ("a muddle", "unsure", 0.0, "unparsed · names no label"),
    ]


def test_every_row_is_a_trace_with_its_scores(recording: Recording, reviews: str) -> None:
    done = recording.run(reviews)
    traces = recording.traces(done.variants[0].run_id)
    assert [
        (
            trace.info.request_preview,
            trace.info.response_preview,
            {a.name: a.value for a in trace.info.assessments},
        )
        for trace in traces
    ] == [
        (
            "a joy",
            "positive",
            {"label_match": True, "exact_match": True, "expected_response": "positive"},
        ),
        (
            "a bore",
            "positive",
            {"label_match": False, "exact_match": False, "expected_response": "negative"},
        ),
        (
            "a muddle",
            "unsure",
            {"label_match": False, "exact_match": False, "expected_response": "negative"},
        ),
    ]


def test_a_trace_shows_what_was_sent(recording: Recording, reviews: str) -> None:
    done = recording.run(reviews)
    row, call = recording.traces(done.variants[2].run_id)[0].data.spans
    assert (row.name, row.inputs, row.outputs) == ("long · small", {"text": "a joy"}, "positive")
    assert (call.span_type, call.inputs) == (
        "CHAT_MODEL",
        {
            "model": "small",
            "messages": [
                {"role": "system", "content": "Label it."},
                {"role": "user", "content": "a joy"},
            ],
            "max_tokens": 8,
        },
    )


def test_a_trace_is_linked_to_its_prompt_version(recording: Recording, reviews: str) -> None:
    done = recording.run(reviews)
    traces = recording.client.search_traces(
        locations=[done.experiment_id], filter_string='prompt = "qa.long/1"'
    )
    assert len(traces) == 6


def test_prompts_are_registered_in_chat_form(recording: Recording, reviews: str) -> None:
    recording.run(reviews)
    version = recording.client.get_prompt_version("qa.long", "1")
    assert version.template == [
        {"role": "system", "content": "Label it."},
        {"role": "user", "content": "{{ text }}"},
    ]
    assert version.tags["workbench.file"] == "prompts/qa/long.jinja"
    assert version.commit_message == "wordy"


def test_the_same_invocation_again_records_nothing(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    first = recording.run(reviews)
    second = recording.run(reviews)
    assert second.recorded_before
    assert second.requests.stored == 12
    assert [v.run_id for v in second.variants] == [v.run_id for v in first.variants]
    assert [v.metrics for v in second.variants] == [v.metrics for v in first.variants]
    assert len(recording.runs()) == 5
    assert len(server.requests) == 12


def test_again_makes_new_runs_and_sends_nothing(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    recording.run(reviews)
    second = recording.run(reviews, Options(again=True))
    assert not second.recorded_before
    assert len(recording.runs()) == 10
    assert len(server.requests) == 12


def test_an_edited_template_is_one_new_version_and_its_own_requests(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    recording.run(reviews)
    recording.bench.write("short.jinja", "user:\nIs {{ text }} good?\n")
    again = recording.run(reviews.replace("[short, long]", "[short, short@1]"))
    assert (again.requests.stored, again.requests.sent) == (6, 6)
    assert len(server.requests) == 18
    assert [(v.variant.name, v.variant.prompt.version) for v in again.variants] == [
        ("short · small", 2),
        ("short · large", 2),
        ("short@1 · small", 1),
        ("short@1 · large", 1),
    ]
    assert len(recording.client.search_prompt_versions("qa.short")) == 2


def test_the_old_content_again_is_the_old_version(recording: Recording, reviews: str) -> None:
    recording.run(reviews)
    recording.bench.write("short.jinja", "user:\nIs {{ text }} good?\n")
    recording.run(reviews)
    recording.bench.write("short.jinja", "user:\n{{ text }}?\n")
    last = recording.run(reviews, Options(again=True))
    assert last.variants[0].variant.prompt.version == 1
    assert len(recording.client.search_prompt_versions("qa.short")) == 2


def test_a_failed_row_is_counted_shown_and_completed_later(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    broken = {"yes": True}
    server.script = lambda path, body, nth: (
        Reply(400, {"error": {"message": "no such luck"}})
        if broken["yes"] and "bore" in str(body) and body["model"] == "small"
        else say(answer(body))
    )
    first = recording.run(reviews)
    assert first.exit_code == ExitCode.FAILED_ROWS
    metric = first.variants[0].metrics["exact_match"]
    assert (metric.mean, metric.n, metric.failed) == (0.5, 2, 1)
    run = recording.client.get_run(first.variants[0].run_id)
    assert run.data.metrics["rows/failed"] == 1.0
    states = [trace.info.state.value for trace in recording.traces(run)]
    assert states == ["OK", "ERROR", "OK"]

    broken["yes"] = False
    second = recording.run(reviews, Options(retry_failed=True))
    assert second.exit_code == ExitCode.DONE
    assert second.variants[0].run_id == first.variants[0].run_id
    assert second.requests.sent == 2
    assert second.variants[0].metrics["exact_match"].n == 3
    states = [trace.info.state.value for trace in recording.traces(run)]
    assert states == ["OK", "OK", "OK"]
    table = json.loads(recording.artifact(run.info.run_id, "eval_results_table.json"))
    assert len(table["data"]) == 3


def test_all_rows_failed_is_no_metric(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: Reply(400, {"error": {"message": "never"}})
    done = recording.run(reviews)
    assert done.exit_code == ExitCode.FAILED_ROWS
    assert [v.metrics["exact_match"].mean for v in done.variants] == [None] * 4
    run = recording.client.get_run(done.variants[0].run_id)
    assert run.data.metrics == {
        "rows/planned": 3.0,
        "rows/scored": 0.0,
        "rows/failed": 3.0,
        "exact_match/worst_case": 0.0,
        "label_match/worst_case": 0.0,
    }


def test_an_evaluator_that_raises_costs_its_own_cell(recording: Recording) -> None:
    folder = recording.project.root / "evaluators"
    folder.mkdir()
    (folder / "picky.py").write_text(
        "def picky(outputs: str) -> bool:\n"
        "    if outputs == 'two':\n"
        "        raise ValueError('not this one')\n"
        "    return True\n"
    )
    text = "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [picky]\n"
    done = recording.run(text)
    metric = done.variants[0].metrics["picky"]
    assert (metric.mean, metric.n, metric.errors) == (1.0, 1, 1)
    assert done.exit_code == ExitCode.FAILED_ROWS
    broken = recording.traces(done.variants[0].run_id)[1]
    (feedback,) = broken.info.assessments
    assert feedback.error.error_message.startswith("ValueError: not this one (")


def test_metrics_and_scorers_of_packages_are_taken_as_they_are(recording: Recording) -> None:
    folder = recording.project.root / "evaluators"
    folder.mkdir()
    (folder / "polite.py").write_text(
        "from mlflow.genai.scorers import scorer\n\n"
        "@scorer\ndef polite(outputs):\n    return 'please' in outputs\n"
    )
    (folder / "length.py").write_text(
        "from mlflow.metrics import MetricValue, make_metric\n\n"
        "def _lengths(predictions):\n"
        "    return MetricValue(scores=[len(text) for text in predictions])\n\n"
        "length = make_metric(eval_fn=_lengths, greater_is_better=False, name='length')\n"
    )
    text = (
        "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\n"
        "evaluators: [polite, length, 'autoevals:ValidJSON']\n"
    )
    done = recording.run(text)
    means = {name: metric.mean for name, metric in done.variants[0].metrics.items()}
    assert means == {"polite": 0.0, "length": 3.0, "ValidJSON": 0.0}


def test_retrieval_metrics_of_mlflow_are_of_the_lists_it_can_read(recording: Recording) -> None:
    found = ['["d1", "d2"]', '["d9", "d2"]', "d1 and d2", "[]"]
    wanted = [["d1"], ["d2"], ["d1"], ["d1"]]
    rows = zip(found, wanted, strict=True)
    recording.bench.write(
        "lists.jsonl", "".join(json.dumps({"text": f, "ids": w}) + "\n" for f, w in rows)
    )
    done = recording.run(
        "dataset: {path: lists.jsonl, expected: ids}\nprompts: [plain]\nmodels: [echo:last]\n"
        "evaluators: [{'mlflow.metrics:ndcg_at_k': {k: 2}}, {'mlflow.metrics:recall_at_k': {k: 1}}]"
        "\nmax_failed: 9\n"
    )
    metrics = done.variants[0].metrics
    whole = mlflow.metrics.ndcg_at_k(k=2).eval_fn(
        pd.Series([["d1", "d2"], ["d9", "d2"], []]), pd.Series([["d1"], ["d2"], ["d1"]])
    )
    assert (metrics["ndcg_at_k"].n, metrics["ndcg_at_k"].errors) == (3, 1)
    assert metrics["ndcg_at_k"].mean == pytest.approx(whole.aggregate_results["mean"])
    assert metrics["recall_at_k"].mean == pytest.approx(1 / 3)
    for name in ("ndcg_at_k", "recall_at_k"):
        (logged,) = recording.client.get_metric_history(done.variants[0].run_id, f"{name}/mean")
        assert (logged.value, logged.step) == (pytest.approx(metrics[name].mean), 0)


def test_repeats_are_rows_of_their_own_traces(recording: Recording) -> None:
    text = (
        "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\n"
        "evaluators: [output_tokens]\nrepeats: 2\n"
    )
    done = recording.run(text)
    metric = done.variants[0].metrics["output_tokens"]
    assert (metric.n, metric.answers.n) == (2, 4)
    names = [t.info.request_preview for t in recording.traces(done.variants[0].run_id)]
    assert names == ["a #1 · one", "a #2 · one", "b #1 · two", "b #2 · two"]


def test_a_part_of_an_experiment_is_an_invocation_of_its_own(
    recording: Recording, reviews: str
) -> None:
    complete = recording.run(reviews)
    part = recording.run(reviews, Options(Scope(limit=2, only=["short*"])))
    assert part.requests.planned == part.requests.stored == 4
    assert part.parent_run_id != complete.parent_run_id
    parent = recording.client.get_run(part.parent_run_id)
    assert parent.info.run_name == "short v1 · 2 models (limit 2, only short*)"


def test_without_mlflow_the_numbers_are_shown_and_nothing_is_lost(
    recording: Recording, reviews: str
) -> None:
    gone = Recording(recording.bench, recording.project, "http://127.0.0.1:9")
    first = gone.run(reviews)
    assert first.exit_code == ExitCode.NOT_RECORDED
    assert first.variants[1].metrics["exact_match"].mean == 1.0
    later = recording.run(reviews)
    assert (later.exit_code, later.requests.sent) == (ExitCode.DONE, 0)
    assert len(recording.runs()) == 5


def test_a_rejected_key_ends_its_model_and_not_the_other(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: (
        Reply(401, {"error": {"message": "bad key"}})
        if body["model"] == "small"
        else say(answer(body))
    )
    done = recording.run(reviews)
    assert done.exit_code == ExitCode.FAILED_ROWS
    assert [v.rows.scored for v in done.variants] == [0, 3, 0, 3]
    assert [problem.message for problem in done.problems] == ["openai:small: HTTP 401: bad key"]


def test_fresh_answers_get_runs_of_their_own(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    first = recording.run(reviews)
    server.script = lambda path, body, nth: say("negative")
    second = recording.run(reviews, Options(fresh=True))
    assert not second.recorded_before
    assert second.parent_run_id != first.parent_run_id
    run = recording.client.get_run(second.variants[0].run_id)
    assert run.data.metrics["exact_match/mean"] == round_metric(2 / 3)
    answers = [trace.info.response_preview for trace in recording.traces(run)]
    assert answers == ["negative"] * 3
    assert len(recording.traces(first.variants[0].run_id)) == 3


def test_what_failed_and_was_mended_is_zero_in_mlflow(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: Reply(400, {"error": {"message": "never"}})
    first = recording.run(reviews)
    assert first.variants[0].reasons == {"HTTP 400: never": 3}
    server.script = lambda path, body, nth: say(answer(body))
    recording.run(reviews, Options(retry_failed=True))
    run = recording.client.get_run(first.variants[0].run_id)
    assert run.data.metrics["rows/failed"] == 0.0


def test_useless_answers_are_failed_and_asked_for_again_on_request(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: (
        say("", finish="tool_calls") if body["model"] == "small" else say(answer(body))
    )
    first = recording.run(reviews)
    assert (first.requests.sent, first.requests.failed) == (12, 6)
    second = recording.run(reviews)
    assert (second.requests.stored, second.requests.failed) == (12, 0)
    assert second.exit_code == ExitCode.FAILED_ROWS
    server.script = lambda path, body, nth: say(answer(body))
    third = recording.run(reviews, Options(retry_failed=True))
    assert (third.requests.sent, third.exit_code) == (6, ExitCode.DONE)


def test_a_limit_beyond_the_dataset_is_no_other_invocation(
    recording: Recording, reviews: str
) -> None:
    recording.run(reviews)
    assert recording.run(reviews, Options(Scope(limit=99))).recorded_before


def test_a_continued_run_may_have_other_settings_than_it_began_with(
    recording: Recording, reviews: str, server: OpenAIServer
) -> None:
    server.script = lambda path, body, nth: Reply(400, {"error": {"message": "never"}})
    first = recording.run(reviews)
    server.script = lambda path, body, nth: say(answer(body))
    slower = reviews.replace("identity: here", "identity: here, concurrency: 2")
    second = recording.run(slower, Options(retry_failed=True))
    assert (second.exit_code, second.problems) == (ExitCode.DONE, ())
    assert second.parent_run_id == first.parent_run_id
    run = recording.client.get_run(second.variants[0].run_id)
    assert run.data.tags["model.concurrency"] == "2"


def test_an_evaluator_sees_each_row_once(recording: Recording) -> None:
    folder = recording.project.root / "evaluators"
    folder.mkdir()
    seen = recording.project.root / "seen.txt"
    (folder / "counts.py").write_text(
        "from workbench.evaluator import evaluator\n\n"
        "@evaluator(cache=False)\n"
        "def counts(outputs: str) -> bool:\n"
        f"    with open({str(seen)!r}, 'a') as file:\n"
        "        file.write(outputs + '\\n')\n"
        "    return True\n"
    )
    recording.run(
        "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [counts]\n"
    )
    assert seen.read_text() == "one\ntwo\n"
