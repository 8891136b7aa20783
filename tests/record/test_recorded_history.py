"""`workbench history` on real records: what it says of edits, failures and changed rows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import invoke
from openai_server import OpenAIServer, refuse, say
from recording import Recording

from workbench.plan import Options, Scope
from workbench.project import Project, ProjectFile
from workbench.tracking.recorded_rows import read_rows
from workbench.tracking.recorded_runs import find_runs

ROWS = 40
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label{cluster}}}
prompts: [short, long]
models: ['openai:m': {{base_url: "{url}"}}]
max_failed: {rows}
parameters: {{temperature: {temperature}}}
evaluators:
  - {evaluator}
  - output_tokens
"""


class Task:
    """A task whose right answers stand in the prompt, so that an edit changes the score."""

    def __init__(self, recording: Recording, server: OpenAIServer) -> None:
        self.recording = recording
        self.server = server
        self.rows = [
            {"id": f"r{n}", "text": f"text {n}", "text_id": n // 4, "label": "yes"}
            for n in range(ROWS)
        ]
        server.script = lambda path, body, nth: self.answer(body["messages"][-1]["content"])
        self.edit("short", right=20)
        self.edit("long", right=30)

    @staticmethod
    def answer(text: str) -> object:
        row, right = int(text.split()[1]), int(text.split()[-1])
        return refuse(422, "no") if right > row >= 38 else say("yes" if row < right else "no")

    def edit(self, name: str, right: int) -> None:
        self.recording.bench.write(f"{name}.jinja", f"user:\n{{{{ text }}}} {name} {right}\n")

    def run(
        self,
        temperature: float = 0,
        evaluator: str = "exact_match",
        cluster: str = "",
        **options: object,
    ) -> None:
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        self.recording.bench.write("rows.jsonl", lines)
        values = {"temperature": temperature, "evaluator": evaluator, "rows": 2 * ROWS}
        values["cluster"] = f", cluster: {cluster}" if cluster else ""
        text = EXPERIMENT.format(url=self.server.url, **values)
        assert self.recording.run(text, Options(**options)).problems == ()

    def history(self, *words: str) -> str:
        done = invoke(self.recording.project.root, "history", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def steps(self, variant: str = "short", *words: str) -> list[dict]:
        document = json.loads(self.history("--json", *words))
        (runs,) = [each["runs"] for each in document["variants"] if each["name"] == variant]
        return runs


@pytest.fixture
def task(recording: Recording, server: OpenAIServer) -> Task:
    return Task(recording, server)


def changes(step: dict) -> list[list[str]]:
    return [[change["name"], change["before"], change["after"]] for change in step["changes"]]


def test_each_run_stands_beside_the_one_before_with_its_verdict(task: Task) -> None:
    task.run()
    task.edit("short", right=36)
    task.run()
    task.run(again=True)
    task.run(temperature=0.5)
    task.run(temperature=0.5, cluster="text_id")
    first, edited, warmer, grouped = task.steps()
    assert (first["mean"], first["comparison"], first["changes"]) == (0.5, None, [])
    assert (edited["mean"], edited["comparison"]["verdict"]) == (0.9, "better")
    assert changes(edited) == [["prompt version", "1", "2"]]
    assert len(edited["equal_runs"]) == 1
    assert changes(warmer) == [["temperature", "0", "0.5"]]
    assert warmer["comparison"]["difference"] == 0
    ((name, before, after),) = changes(grouped)
    assert (name, before, after.split()[0]) == ("cluster", "", "text_id")
    assert (warmer["clusters"], grouped["clusters"]) == (ROWS, ROWS // 4)
    assert grouped["comparison"]["difference"] == 0
    unedited = task.steps("long")
    assert [len(step["equal_runs"]) for step in unedited] == [2, 0, 0]
    text = task.history("--only", "short").splitlines()
    assert [line for line in text if "better" in line and "0.900 [" in line], text
    assert "    prompt version 1 → 2" in text
    assert text[-1] == "other metrics: output_tokens (--metric)"


def test_the_numbers_are_those_that_the_run_recorded(task: Task) -> None:
    task.run()
    task.edit("short", right=36)
    task.run()
    step = task.steps()[-1]
    results = json.loads(task.recording.artifact(step["run_id"], "results.json"))
    recorded = results["metrics"]["exact_match"]
    names = ("mean", "low", "high", "n")
    assert {name: step[name] for name in names} == {name: recorded[name] for name in names}


def test_edited_rows_and_another_evaluator_are_named(task: Task) -> None:
    task.run()
    for row in task.rows[:5]:
        row["label"] = "no"
    task.rows.append({"id": "r90", "text": "text 90", "label": "no"})
    task.run()
    task.run(evaluator="exact_match: {ignore_case: true}")
    _, edited, rescored = task.steps()
    assert [change[0] for change in changes(edited)] == ["dataset", "rows"]
    assert (edited["edited"], edited["added"], edited["removed"]) == (5, 1, 0)
    assert (edited["comparison"]["rows"], edited["comparison"]["difference"]) == (35, 0)
    assert [change[0] for change in changes(rescored)] == ["evaluator"]
    assert [
        change[0] for change in changes(task.steps("short", "--metric", "output_tokens")[-1])
    ] == [
        "dataset",
        "rows",
    ]


@pytest.mark.parametrize("traces", [5_000, 10], ids=["table", "rows.parquet"])
def test_failed_rows_are_left_out_and_shown_at_the_worst(task: Task, traces: int) -> None:
    project = Project(task.recording.project.root, ProjectFile(traces=traces))
    task.recording = replace(task.recording, project=project)
    task.edit("short", right=38)
    task.run()
    task.edit("short", right=40)  # the server refuses the last two rows
    task.run()
    step = task.steps()[-1]
    comparison = step["comparison"]
    assert (comparison["rows"], comparison["left_out"], comparison["difference"]) == (38, 2, 0)
    assert comparison["worst_case"]["difference"] == 0  # they were wrong before
    assert comparison["worst_case"]["rows"] == 40
    assert step["worst_case"]["mean"] == 38 / 40
    assert "    with the worst score for failed answers 0.950 [" in task.history()


def test_a_run_that_failed_on_every_row_keeps_its_place(task: Task) -> None:
    task.run()
    task.edit("short", right=21)
    task.server.script = lambda path, body, nth: say("", finish="content_filter")
    task.run()
    first, last = task.steps()
    assert (first["mean"], last["mean"], last["n"]) == (0.5, None, 0)
    assert last["worst_case"]["mean"] == 0
    assert last["comparison"]["imputed"]
    assert "no value" in task.history()


@pytest.mark.parametrize("traces", [5_000, 10], ids=["table", "rows.parquet"])
def test_copies_of_a_row_are_one_cluster(task: Task, traces: int) -> None:
    project = Project(task.recording.project.root, ProjectFile(traces=traces))
    task.recording = replace(task.recording, project=project)
    for row in task.rows[:10]:
        row["text"] = "text 7"
    task.run()
    task.edit("short", right=36)
    task.run()
    step = task.steps()[-1]
    results = json.loads(task.recording.artifact(step["run_id"], "results.json"))
    assert step["clusters"] == results["metrics"]["exact_match"]["clusters"] == 31
    assert "40 (31 clusters)" in task.history()
    runs = find_runs(task.recording.project, task.recording.uri, "qa", 50)
    rows = [read_rows(record, "exact_match") for record in runs.variants]
    assert [len(set(run.clusters.values())) for run in rows if run] == [31] * 4


def test_rows_of_the_table_and_of_rows_parquet_are_the_same_rows(task: Task) -> None:
    for row in task.rows:
        row["facts"] = {"year": 1999, "ratings": [1, 2.5, None]}
    task.rows[0]["year"] = 1_999  # pandas makes it a float, as other rows lack it
    task.run()
    project = Project(task.recording.project.root, ProjectFile(traces=10))
    task.recording = replace(task.recording, project=project)
    task.edit("short", right=36)
    task.run()
    step = task.steps()[-1]
    assert (step["edited"], step["comparison"]["rows"]) == (0, ROWS)


def test_the_same_requests_with_other_answers_are_a_measurement(task: Task) -> None:
    task.run()
    task.server.script = lambda path, body, nth: say("yes")
    task.run(fresh=True, again=True)
    again = task.steps()[-1]
    assert (again["changes"], again["mean"], again["comparison"]["verdict"]) == ([], 1.0, "better")
    assert "    the same requests, other answers" in task.history().splitlines()


def test_the_last_runs_only(task: Task) -> None:
    for right in (10, 20, 30):
        task.edit("short", right=right)
        task.run(scope=Scope(only=["short"]))
    steps = task.steps("short", "--last", "2")
    assert [step["mean"] for step in steps] == [0.5, 0.75]
    assert "earlier runs are not shown (--last)" in task.history("--last", "2")
    assert "--last" not in task.history()


def test_damaged_tags_and_lost_rows_leave_the_means(task: Task) -> None:
    task.run()
    task.edit("short", right=36)
    task.run()
    for run in task.recording.runs():
        for tag in ("workbench.metrics", "workbench.evaluators"):
            task.recording.client.set_tag(run.info.run_id, tag, '{"exact_match": {"mean": "x"')
        for file in Path(run.info.artifact_uri.removeprefix("file://")).glob("eval_results*"):
            file.unlink()
    step = task.steps("short", "--metric", "exact_match")[-1]
    assert (step["mean"], step["low"], step["comparison"]) == (0.9, None, None)
    assert step["not_compared"] == "the rows of a run can't be read"


def test_unknown_names_and_no_runs_are_refused(task: Task, tmp_path: Path) -> None:
    task.recording.bench.write("experiment.yaml", EXPERIMENT.format_map(_Names()))
    root = task.recording.project.root
    refused = invoke(root, "history")
    assert (refused.returncode, "no run of 'qa' is recorded" in refused.stderr) == (2, True)
    task.run()
    for words, message in (
        (["--metric", "exact"], "unknown metric 'exact'"),
        (["--only", "shirt"], "unknown variant 'shirt'"),
    ):
        refused = invoke(root, "history", *words)
        assert (refused.returncode, message in refused.stderr) == (2, True), refused.stderr


class _Names(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {"url": "http://127.0.0.1:9", "rows": "1", "temperature": "0"}.get(
            key, "exact_match"
        )


def test_a_run_leaves_charts_of_the_runs_before_it(task: Task) -> None:
    task.run()
    task.edit("short", right=36)
    task.run()
    parents = [run for run in task.recording.runs() if "workbench.plan" in run.data.tags]
    files = [
        [file.path for file in task.recording.client.list_artifacts(run.info.run_id, "history")]
        for run in parents
    ]
    assert files == [["history/exact_match.png", "history/output_tokens.png"], []]
    runs = find_runs(task.recording.project, task.recording.uri, "qa", 50)
    assert (len(runs.variants), runs.incomplete, runs.older) == (4, 0, False)
