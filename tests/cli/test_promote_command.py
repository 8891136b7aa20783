"""`workbench promote`, `rollback` and `promotions`, as a person uses them."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from mlflow import MlflowClient
from mlflow.entities import Run

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, better]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""
GATE = "gate: {exact_match: {min: 0.4}}\n"


@pytest.fixture
def home(project: Path, tmp_path: Path) -> Path:
    shutil.copytree(project, tmp_path / "home")
    write(tmp_path / "home", EXPERIMENT + GATE)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def promoted(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with `plain` in production; for copies."""
    home = tmp_path_factory.mktemp("promoted") / "home"
    shutil.copytree(project, home)
    write(home, EXPERIMENT + GATE)
    assert invoke(home, "promote", "plain").returncode == 0
    return home


@pytest.fixture
def copied(promoted: Path, tmp_path: Path) -> Path:
    shutil.copytree(promoted, tmp_path / "home")
    return tmp_path / "home"


def write(home: Path, experiment: str) -> None:
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)


def client(home: Path) -> MlflowClient:
    address = f"sqlite:///{home / '.workbench' / 'mlflow.db'}"
    return MlflowClient(address, address)


def variant_run(home: Path, name: str = "better") -> Run:
    mlflow = client(home)
    experiment = mlflow.get_experiment_by_name("qa")
    (run,) = mlflow.search_runs([experiment.experiment_id], f"tags.`workbench.name` = '{name}'")[:1]
    return run


def test_the_first_promotion_needs_a_gate_that_passes(home: Path) -> None:
    write(home, EXPERIMENT)
    without = invoke(home, "promote", "plain")
    assert without.returncode == 8
    assert without.stderr.splitlines()[-2:] == [
        "error: prompts/qa/experiment.yaml: refused, no evidence: nothing is 'production' yet, so "
        "nothing can be compared, and there is no gate to pass",
        "  fix: add one to prompts/qa/experiment.yaml, as in gate: {exact_match: {min: 0.6}}; "
        '--force "why" promotes it all the same',
    ]
    write(home, EXPERIMENT + "gate: {exact_match: {min: 0.9}}\n")
    failed = invoke(home, "promote", "plain")
    assert failed.returncode == 1
    assert "refused: the gate failed for plain: exact_match at least 0.9: 0.500 [" in failed.stderr
    write(home, EXPERIMENT + "gate: {exact_match: {min: 0.55}}\n")
    unclear = invoke(home, "promote", "plain", "--json")
    refusal = json.loads(unclear.stdout)
    assert (unclear.returncode, refusal["exit_code"], refusal["taken"]) == (8, 8, False)
    assert "would decide it" in refusal["refusal"]["message"]
    write(home, EXPERIMENT + "gate: {exact_match: {no_worse_than: '@production'}}\n")
    assert invoke(home, "promote", "plain").returncode == 0
    assert client(home).get_prompt_version_by_alias("qa.plain", "production").version == 1


def test_what_is_better_replaces_what_is_in_production(copied: Path) -> None:
    done = invoke(copied, "promote", "better", "--note", "more rows")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "better for production of qa, in place of version 1 (plain)"
    assert lines[2].split()[:5] == ["exact_match", "0.725", "[0.572,", "0.839]", "40"]
    assert lines[2].endswith("better")
    assert "promoted: production of qa is 2 better, was 1 plain" in lines
    same = invoke(copied, "promote", "better")
    assert (same.returncode, same.stdout) == (
        0,
        "better is production already: version 2 (better)\n",
    )
    worse = invoke(copied, "promote", "plain")
    assert worse.returncode == 1
    assert "refused: plain is worse than version 2 (better), which is 'production'" in worse.stderr
    assert "workbench compare better plain shows the difference" in worse.stderr
    forced = json.loads(invoke(copied, "promote", "plain", "--force", "a test", "--json").stdout)
    assert (forced["taken"], forced["ruling"], forced["forced"]) == (True, "worse", "a test")
    assert forced["move"]["verdict"] == "exact_match worse"
    check_version(copied, variant_run(copied, "plain").info.run_id)
    check_walk_back(copied)


def check_version(home: Path, run_id: str) -> None:
    """The version leads to its evaluation and says why it was promoted; so does the ledger."""
    version = client(home).get_model_version_by_alias("qa~variant", "production")
    assert (str(version.version), version.run_id) == ("3", run_id)
    assert version.tags["forced"] == "a test"
    assert "**Forced**: a test" in version.description
    assert "- Dataset: rows, 40 rows, digest " in version.description
    assert f"/runs/{run_id})" in version.description
    move = ledger(home)[-1]
    assert (move["forced"], move["evaluation"]) == ("a test", run_id)
    path = client(home).download_artifacts(move["run_id"], "evidence.json", str(home))
    evidence = json.loads(Path(path).read_text())
    metric = evidence["variant"]["metrics"]["exact_match"]
    assert (metric["mean"], metric["n"], evidence["replaced"]["variant"]) == (0.5, 40, "better")
    assert len(json.loads(invoke(home, "history", "--json").stdout)["variants"][0]["runs"]) == 1


def check_walk_back(home: Path) -> None:
    titles = [invoke(home, "rollback").stdout.splitlines()[0] for _ in range(2)]
    assert titles == [
        "rolled back: production of qa is 2 better, was 3 plain",
        "rolled back: production of qa is 1 plain, was 2 better",
    ]
    end = invoke(home, "rollback")
    assert (end.returncode, end.stderr.splitlines()[0]) == (
        2,
        "error: 'production' of qa can't be rolled back: version 1 is the first",
    )
    text = invoke(home, "promotions").stdout.splitlines()
    assert text[-1].startswith("* ")
    assert "    forced: a test" in text
    assert "    more rows" in text
    assert [move["kind"] for move in ledger(home)] == [*["promote"] * 3, *["rollback"] * 2]


def ledger(home: Path) -> list[dict[str, Any]]:
    document = json.loads(invoke(home, "promotions", "--json").stdout)
    moves: list[dict[str, Any]] = document["moves"]
    return moves


def test_the_evaluated_version_is_promoted_although_the_file_was_edited(copied: Path) -> None:
    (copied / "prompts" / "qa" / "better.jinja").write_text("user:\n{{ b }}!\n")
    done = invoke(copied, "promote", "better")
    assert done.returncode == 0
    assert "note: prompts/qa/better.jinja was edited after the run: version 1, which" in done.stdout
    release = json.loads(
        client(copied).get_model_version("qa~variant", "2").tags["workbench.release"]
    )
    assert release["prompt"] == "qa.better/1"


def test_answers_that_are_not_here_are_no_evidence(copied: Path, promoted: Path) -> None:
    """Another machine promoted `plain`, and its template is gone."""
    (copied / ".workbench" / "store.db").unlink()
    (copied / "prompts" / "qa" / "plain.jinja").unlink()
    write(copied, EXPERIMENT.replace("plain, ", "") + GATE)
    missing = invoke(copied, "promote", "better")
    assert missing.returncode == 8
    assert "better: 40 of 40 rows have no answer in this project's store" in missing.stderr
    assert (
        "plain@1, which is in production (version 1 (plain)): 40 of 40 rows have no answer"
        in missing.stderr
    )
    assert (
        "workbench run qa --only better; add plain@production to `prompts:` of "
        "prompts/qa/experiment.yaml, then: workbench run qa --only plain@production"
    ) in missing.stderr
    write(copied, EXPERIMENT.replace("plain, better", "better, plain@production") + GATE)
    shutil.copy(promoted / ".workbench" / "store.db", copied / ".workbench")  # as after a run
    assert invoke(copied, "promote", "better").returncode == 0


def test_rows_that_were_edited_are_no_evidence(copied: Path) -> None:
    rows = copied / "prompts" / "qa" / "rows.jsonl"
    rows.write_text(rows.read_text().replace('"label": "yes"', '"label": "no"', 1))
    refused = invoke(copied, "promote", "better")
    assert refused.returncode == 8
    run_id = variant_run(copied).info.run_id
    assert f"its newest run in MLflow, {run_id}, was made with other rows" in refused.stderr


def test_an_alias_that_was_moved_by_hand_is_named(copied: Path) -> None:
    first = client(copied).get_model_version("qa~variant", "1")
    other = client(copied).create_model_version("qa~variant", first.source, await_creation_for=0)
    client(copied).set_registered_model_alias("qa~variant", "production", other.version)
    moved = "'production' was moved by hand in MLflow: it names version 2, and the ledger says"
    assert f"{moved} version 1" in invoke(copied, "promotions").stdout
    unknown = invoke(copied, "promote", "better")
    assert unknown.returncode == 8
    assert f"note: {moved} version 1" in unknown.stdout
    assert "'production' names version 2, which Workbench did not promote" in unknown.stderr
    back = invoke(copied, "rollback")
    assert back.stdout.startswith("rolled back: production of qa is 1 plain, was 2")
    assert back.stderr.startswith(f"note: {moved}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which variant?"),
        (["plain", "better"], "promote takes one variant, not 'plain' and 'better'"),
        (["plane"], "unknown variant 'plane'"),
        (["last"], "'last' names 2 variants of the newest run that has it"),
        (["plain", "--to", "12"], "'12' can't be an alias: it names a version"),
        (["plain", "--to", "v3"], "'v3' can't be an alias: it names a version"),
        (["plain", "--to", "a b"], "'a b' is not the name of an alias"),
        (["plain", "--force", " "], "--force needs the reason"),
        (["plain", "--tracking-uri", "none"], "workbench promote needs an MLflow store"),
        (["plain", "--tracking-uri", "http://127.0.0.1:9"], "the MLflow server doesn't answer"),
        (["0" * 32], f"'{'0' * 32}' can't be looked up"),
        (["INVOCATION"], "is an invocation, of 2 variants"),
        (["LEDGER"], "was not made by workbench run"),
    ],
)
def test_what_names_no_evaluated_variant_is_refused(
    promoted: Path, words: list[str], message: str
) -> None:
    ids = {"INVOCATION": variant_run(promoted).data.tags["mlflow.parentRunId"]}
    ids["LEDGER"] = ledger(promoted)[0]["run_id"]
    refused = invoke(promoted, "promote", *(ids.get(word, word) for word in words))
    assert refused.returncode == 2
    assert message in refused.stderr.splitlines()[-2]


def test_a_run_that_is_deleted_unfinished_or_of_another_task_is_refused(copied: Path) -> None:
    run_id = variant_run(copied).info.run_id
    client(copied).set_tag(run_id, "workbench.rows", "-")
    unfinished = invoke(copied, "promote", "better")
    assert (unfinished.returncode, "is unfinished: its recording" in unfinished.stderr) == (2, True)
    client(copied).delete_run(run_id)
    deleted = invoke(copied, "promote", run_id)
    assert (deleted.returncode, f"run {run_id} is deleted" in deleted.stderr) == (2, True)
    shutil.copytree(copied / "prompts" / "qa", copied / "prompts" / "other")
    other = invoke(copied, "promote", "other", variant_run(copied, "plain").info.run_id)
    assert (other.returncode, "belongs to the experiment 'qa', not to" in other.stderr) == (2, True)


def test_a_store_that_takes_no_more_runs_changes_nothing(copied: Path) -> None:
    with sqlite3.connect(copied / ".workbench" / "mlflow.db") as database:
        refuse = "BEGIN SELECT RAISE(ABORT, 'no more'); END"
        database.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON runs {refuse}")
    refused = invoke(copied, "promote", "better")
    assert (refused.returncode, "error: sqlite:" in refused.stderr) == (6, True)
    assert "Traceback" not in refused.stderr
    assert [move["after"] for move in ledger(copied)] == ["1"]
