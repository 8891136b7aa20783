"""Verdicts in MLflow: assessments of a judge, with what is known of it."""

import json
from pathlib import Path

import mlflow
from command import add_mlflow_store, invoke
from openai_server import OpenAIServer, Reply, answer


def test_a_verdict_is_an_assessment_of_a_judge(
    tmp_path: Path, server: OpenAIServer, empty_store: Path
) -> None:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.jsonl").write_text('{"id": "a", "text": "one", "label": "one"}\n')
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl, expected: label}\nprompts: [plain]\nmodels: [echo:last]\n"
        'evaluators:\n  - exact_match\n  - rubric: "Polite."\n'
    )
    judge = {"openai:judge": {"base_url": server.url}}
    (tmp_path / "workbench.yaml").write_text(json.dumps({"judge": {"model": judge}}))
    add_mlflow_store(tmp_path, empty_store)
    server.script = lambda path, body, nth: Reply(body=answer("So kind.\nVerdict: yes"))
    done = invoke(tmp_path, "run", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/.workbench/mlflow.db")
    (trace,) = client.search_traces(locations=[document["experiment_id"]], include_spans=False)
    by_name = {each.name: each for each in trace.info.assessments}
    rubric, match = by_name["rubric"], by_name["exact_match"]
    assert (rubric.source.source_type, match.source.source_type) == ("LLM_JUDGE", "CODE")
    assert rubric.source.source_id == "workbench/rubric on openai:judge"
    assert (rubric.value, rubric.rationale) == (1.0, "yes · So kind.")
    assert rubric.metadata["workbench.kappa"] == "uncalibrated"
