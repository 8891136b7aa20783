"""`workbench judge calibrate`: a judge held against people, and what follows for its metric."""

import json
from pathlib import Path

import mlflow
import pytest
from command import add_mlflow_store, invoke
from openai_server import OpenAIServer, Reply, answer

ROWS = 60
EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, loud]
models: [echo:last]
evaluators:
  - exact_match
  - rubric: "It is polite."
    name: polite
gate: {polite: {min: 0.2, no_worse_than: baseline, by: 0.9}}
"""


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A task of two variants, and a judge that finds two thirds of the answers polite."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [
        {"id": f"r{n}", "text": f"row {n}", "label": f"row {n}", "human": is_polite(n)}
        for n in range(ROWS)
    ]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "loud.jinja").write_text("user:\n{{ text | upper }}\n")
    (task / "experiment.yaml").write_text(
        EXPERIMENT.replace('rubric: "It is polite."\n    name: polite', RUBRIC)
    )
    write_settings(tmp_path, server, "tracking_uri: none\n")
    server.script = lambda path, body, nth: Reply(body=answer(verdict(body)))
    return tmp_path


RUBRIC = 'rubric: {rubric: "It is polite.", name: polite}'


def write_settings(home: Path, server: OpenAIServer, more: str = "", bar: float = 0.3) -> None:
    judge = {"model": {"openai:judge": {"base_url": server.url}}, "min_kappa": bar}
    (home / "workbench.yaml").write_text(f"judge: {json.dumps(judge)}\n{more}")


def is_polite(number: int) -> bool:
    return number % 3 != 0


def verdict(body: dict) -> str:
    """The judge agrees with people but on each tenth answer; it says yes to all that are loud."""
    text = body["messages"][-1]["content"].split("The answer:\n")[1].split("\n")[1]
    number = int(text.split()[1])
    polite = is_polite(number) != (number % 10 == 0) or text.isupper()
    return f"Judged.\nVerdict: {'yes' if polite else 'no'}"


def write_labels(home: Path, variants: str = "plain loud") -> None:
    lines = [
        f"r{n},{variant},{person},{'yes' if is_polite(n) else 'no'}"
        for variant in variants.split()
        for n in range(ROWS)
        for person in ("ann", "bob")
    ]
    (home / "labels.csv").write_text("\n".join(["id,variant,person,label", *lines]) + "\n")


def call_json(home: Path, *words: str, code: int = 0) -> dict:
    done = invoke(home, *words, "--json")
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def calibrate(home: Path, *words: str) -> dict:
    return call_json(home, "judge", "calibrate", "polite", *words)


def test_a_judge_is_held_against_people(home: Path, server: OpenAIServer) -> None:
    call_json(home, "run")
    sent = len(server.bodies)
    write_labels(home)
    document = calibrate(home, "--labels", "labels.csv")
    assert len(server.bodies) == sent  # the run's verdicts are stored
    assert (document["answers"], document["persons"]) == (2 * ROWS, ["ann", "bob"])
    assert document["people"]["value"] == 1.0
    shares = {name: each["share"]["value"] for name, each in document["by_variant"].items()}
    assert shares == {"plain": pytest.approx(0.9), "loud": pytest.approx(2 / 3)}
    assert any("less on loud than on plain" in line for line in document["conclusions"])
    shown = invoke(home, "judge", "calibrate", "polite", "--labels", "labels.csv").stdout
    for figure in ("kappa", "sensitivity", "specificity", "agreement on loud", "n"):
        assert figure in shown


def test_every_table_says_that_a_judge_is_uncalibrated(home: Path) -> None:
    run = invoke(home, "run")
    for shown in (run, invoke(home, "compare"), invoke(home, "gate"), invoke(home, "decide")):
        assert "uncalibrated: its verdicts are the judge's word alone" in shown.stdout


def test_scores_and_verdicts_are_corrected_by_labels(home: Path) -> None:
    raw = call_json(home, "run")["variants"]
    assert [variant["metrics"]["polite"]["mean"] for variant in raw] == pytest.approx(
        [38 / 60, 1.0]
    )
    assert raw[1]["comparisons"]["polite"]["verdict"] == "better"  # the judge's word
    write_labels(home)
    calibrate(home, "--labels", "labels.csv")
    done = call_json(home, "compare")
    plain, loud = (variant["metrics"]["polite"] for variant in done["variants"])
    assert (plain["mean"], loud["mean"]) == (pytest.approx(38 / 60), 1.0)  # as before
    assert (plain["corrected"]["mean"], loud["corrected"]["mean"]) == (
        pytest.approx(2 / 3, abs=0.02),
        pytest.approx(2 / 3, abs=0.02),
    )
    comparison = done["variants"][1]["comparisons"]["polite"]
    assert comparison["difference"] == pytest.approx(0.0, abs=0.02)
    assert comparison["verdict"] != "better"
    assert comparison["corrected"]["labels"] == ROWS
    assert comparison["corrected"]["judged"] == pytest.approx(22 / 60)
    shown = invoke(home, "compare").stdout
    assert "corrected by 60 labels of its answers; the judge says 1.000" in shown


def test_labels_of_one_variant_correct_no_verdict(home: Path) -> None:
    call_json(home, "run")
    write_labels(home, "plain")
    calibrate(home, "--labels", "labels.csv")
    loud = call_json(home, "compare")["variants"][1]
    assert "corrected" not in loud["comparisons"]["polite"]
    assert loud["metrics"]["polite"]["corrected"]["elsewhere"]  # by the judge's error
    assert "is the judge's word alone" in invoke(home, "compare").stdout


def test_a_judge_below_its_bar_decides_nothing(home: Path, server: OpenAIServer) -> None:
    write_settings(home, server, "tracking_uri: none\n", bar=0.99)
    call_json(home, "run")
    assert call_json(home, "gate")["exit_code"] == 0  # uncalibrated: its word counts
    write_labels(home, "plain")
    calibrate(home, "--labels", "labels.csv")
    comparison = call_json(home, "compare")["variants"][1]["comparisons"]["polite"]
    assert (comparison["verdict"], comparison["p_adjusted"]) == ("not enough evidence", 1.0)
    assert "below its bar: kappa 0.7" in comparison["reason"]
    gate = call_json(home, "gate", code=8)
    assert all("below its bar" in check["reason"] for check in gate["checks"])
    refused = invoke(home, "decide", "--metric", "polite")
    assert refused.returncode == 2
    assert "decide can't use polite: the judge is below its bar" in refused.stderr


def test_a_judge_that_contradicts_itself(home: Path, server: OpenAIServer) -> None:
    call_json(home, "run")
    server.script = lambda path, body, nth: Reply(
        body=answer("Verdict: yes" if nth % 2 else "Verdict: no")
    )
    sent = len(server.bodies)
    document = calibrate(home, "--labels", "human", "--samples", "2")
    assert len(server.bodies) == sent + 2 * ROWS  # one more of each answer
    assert 0 < document["contradicts"]["value"] < 1
    assert document["total"]["share"]["n"] == 2 * ROWS


def test_fewer_than_thirty_labels_correct_nothing(home: Path) -> None:
    call_json(home, "run")
    (home / "labels.csv").write_text("id,label\n" + "".join(f"r{n},yes\n" for n in range(9)))
    document = calibrate(home, "--labels", "labels.csv")
    assert any("fewer than 30 labels" in line for line in document["conclusions"])
    variants = call_json(home, "compare")["variants"]
    assert not any("corrected" in variant["metrics"]["polite"] for variant in variants)


REFUSED = {
    ("polit", "labels.csv"): "did you mean 'polite'",
    ("polite", "missing.csv"): "can't be read",
    ("polite", "humans"): "human",
    ("polite", "store"): "there are no labels of 'polite'",
    ("polite", "mlflow"): "tracking is off",
}


@pytest.mark.parametrize("case", REFUSED)
def test_labels_that_can_not_be_read_are_refused(home: Path, case: tuple[str, str]) -> None:
    call_json(home, "run")
    write_labels(home)
    judge, source = case
    done = invoke(home, "judge", "calibrate", judge, "--labels", source)
    assert done.returncode == 2
    assert REFUSED[case] in done.stderr
    assert "fix:" in done.stderr


def test_ratings_of_the_comparison_page_are_labels(home: Path) -> None:
    """Tried as the page writes them, by the store."""
    from workbench.secrets import Redactor
    from workbench.store import Store

    call_json(home, "run")
    with Store(home / ".workbench", Redactor()) as store:
        listed = [c for c in store.completions(_keys(home)).values() if c.text.startswith("row")]
        for completion in listed:
            good = is_polite(int(completion.text.split()[1]))
            store.ratings.add(completion, "ann", good=good, comment="")
    document = calibrate(home, "--labels", "store")
    assert (document["answers"], document["total"]["share"]["value"]) == (ROWS, 0.9)


def _keys(home: Path) -> list[str]:
    exported = invoke(home, "store", "export").stdout.splitlines()
    return [json.loads(line)["key"] for line in exported]


def test_assessments_in_mlflow_are_labels(
    home: Path, server: OpenAIServer, empty_store: Path
) -> None:
    write_settings(home, server)
    add_mlflow_store(home, empty_store)
    experiment_id = call_json(home, "run")["experiment_id"]
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    traces = client.search_traces(
        locations=[experiment_id], include_spans=False, max_results=4 * ROWS
    )
    for trace in traces:
        number = int(trace.info.tags["workbench.example"][1:])
        if trace.info.tags["mlflow.traceName"] == "plain" and number < 40:
            _assess(trace.info.trace_id, "polite", value=is_polite(number))
    _assess(traces[0].info.trace_id, "other", value=3)
    pulled = call_json(home, "labels", "pull")["labels"]
    assert len([label for label in pulled if label["name"] == "polite"]) == 40
    assert {label["person"] for label in pulled} == {"ann"}
    document = calibrate(home, "--labels", "mlflow")
    assert document["answers"] == 40
    run = client.get_run(document["run_id"])
    assert run.data.metrics["kappa"] == pytest.approx(document["total"]["kappa"]["value"])
    assert run.info.experiment_id != experiment_id
    assert "sensitivity" in run.data.tags["mlflow.note.content"]
    table = invoke(home, "labels", "pull", "--csv", "pulled.csv")
    assert table.returncode == 0
    assert len((home / "pulled.csv").read_text().splitlines()) == 42
    assert invoke(home, "labels", "pull", "--csv", "pulled.csv").returncode == 0  # its own file
    (home / "notes.csv").write_text("mine\n")
    refused = invoke(home, "labels", "pull", "--csv", "notes.csv")
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    assert (home / "notes.csv").read_text() == "mine\n"


def _assess(trace_id: str, name: str, *, value: object) -> None:
    from mlflow.entities import AssessmentSource

    source = AssessmentSource(source_type="HUMAN", source_id="ann")
    mlflow.log_feedback(trace_id=trace_id, name=name, value=value, source=source)
