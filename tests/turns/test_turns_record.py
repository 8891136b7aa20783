"""Conversations in MLflow and in Python."""

import json
from pathlib import Path

import mlflow
from command import add_mlflow_store, invoke

import workbench as wb

ROW = {"id": "r1", "turns": [{"text": "Hi.", "label": "Hi"}, {"text": "It is 123.", "label": "no"}]}
TALK = ["user", "Hi.", "assistant", "user:\nHi.", "user", "It is 123."]


def test_the_trace_of_a_later_turn_shows_the_conversation(
    tmp_path: Path, empty_store: Path
) -> None:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl, expected: label}\nprompts: [plain]\nmodels: [echo:prompt]\n"
        "evaluators: [contains]\n"
    )
    add_mlflow_store(tmp_path, empty_store)
    done = invoke(tmp_path, "run", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/.workbench/mlflow.db")
    traces = client.search_traces(locations=[document["experiment_id"]])
    calls = [max(trace.data.spans, key=lambda span: span.parent_id or "") for trace in traces]
    (later,) = [call for call in calls if len(call.inputs["messages"]) > 1]
    turns = [(turn["role"], turn["content"]) for turn in later.inputs["messages"]]
    assert [part for turn in turns for part in turn] == TALK
    run = client.get_run(document["variants"][0]["run_id"])
    assert run.data.params["cluster"].startswith("turns ")


def test_rows_of_python_have_turns(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = wb.run(
        prompts={"plain": "{{ text }}"},
        models=["echo:last"],
        data=[ROW],
        expected="label",
        evaluators=["contains"],
        tracking_uri="none",
    )
    assert list(results.to_pandas()["id"]) == ["r1/1", "r1/2"]
