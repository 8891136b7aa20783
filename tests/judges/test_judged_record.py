"""Verdicts in MLflow: assessments of a judge, with what is known of it."""

import json
import re
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


def test_a_calibrated_judge_is_recorded_with_its_kappa_and_its_version(
    tmp_path: Path, server: OpenAIServer, empty_store: Path
) -> None:
    task, judges = (tmp_path / "prompts" / name for name in ("qa", "judges"))
    task.mkdir(parents=True)
    judges.mkdir()
    rows = [{"id": f"r{n}", "text": f"row {n}", "human": n % 2 == 0} for n in range(4)]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (judges / "polite.jinja").write_text(
        "---\nscores: {yes: 1, no: 0}\n---\nuser:\nIs it polite?\n{{ outputs }}\n"
    )
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl}\nprompts: [plain]\nmodels: [echo:last]\n"
        "evaluators: [judge: {prompt: judges/polite}]\n"
    )
    judge = {"openai:judge": {"base_url": server.url}}
    (tmp_path / "workbench.yaml").write_text(json.dumps({"judge": {"model": judge}}))
    add_mlflow_store(tmp_path, empty_store)

    def script(path: str, body: dict, nth: int) -> Reply:
        (number,) = re.findall(r"row (\d+)", body["messages"][-1]["content"])
        return Reply(body=answer(f"Verdict: {'no' if int(number) % 2 else 'yes'}"))

    server.script = script
    unrecorded = ("--tracking-uri", "none")
    for words in (("run",), ("judge", "calibrate", "polite", "--labels", "human")):
        done = invoke(tmp_path, *words, *unrecorded)
        assert done.returncode == 0, done.stderr
    document = json.loads(invoke(tmp_path, "run", "--json").stdout)
    uri = f"sqlite:///{tmp_path}/.workbench/mlflow.db"
    client = mlflow.MlflowClient(uri, registry_uri=uri)
    traces = client.search_traces(locations=[document["experiment_id"]], include_spans=False)
    (polite,) = traces[0].info.assessments
    assert polite.source.source_id == "judges/polite@1 on openai:judge"
    assert polite.metadata["workbench.kappa"] == "1.00"
    assert client.get_prompt_version("judges.polite", "1").template
