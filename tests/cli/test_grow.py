"""`workbench gate --grow` and `run --race` against a server that records its requests."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pytest
from command import add_mlflow_store, invoke
from openai_server import OpenAIServer, Reply, answer, refuse

EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain, short, bad]
models:
  - openai:m: {{base_url: "{url}", concurrency: 8, backoff_s: 0.001}}
parameters: {{temperature: {temperature}, max_tokens: 5}}
evaluators: [exact_match, output_tokens]
baseline: plain
gate: {{exact_match: {{no_worse_than: baseline, by: {by}}}}}
"""
UNTRACKED = {"MLFLOW_TRACKING_URI": "none"}
RIGHT = {"Plain": 0.8, "Short": 0.8, "Bad": 0.3}


@dataclass(frozen=True)
class Home:
    folder: Path
    server: OpenAIServer

    def call(self, *words: str, **variables: str):
        return invoke(self.folder, *words, **variables)

    @property
    def bodies(self) -> list[str]:
        return [json.dumps(request.body, sort_keys=True) for request in self.server.requests]


def _chance(text: str) -> float:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer, empty_store: Path) -> Home:
    """Outputs are right in the share of rows that RIGHT names; a temperature changes the rows."""
    counts: dict[str, int] = {}

    def reply(path: str, body: dict, nth: int) -> Reply:
        assert path
        assert nth
        text = body["messages"][-1]["content"]
        counts[text] = counts.get(text, 0) + 1
        again = counts[text] if body["temperature"] else 0
        right = _chance(f"{text} {again}") < RIGHT[text.split(":")[0]]
        return Reply(body=answer("yes" if right else "no"))

    server.script = reply
    add_mlflow_store(tmp_path, empty_store)
    return Home(tmp_path, server)


def write(home: Home, rows: int, temperature: float = 0, by: float = 0.15) -> None:
    task = home.folder / "prompts" / "qa"
    task.mkdir(parents=True, exist_ok=True)
    text = EXPERIMENT.format(url=home.server.url, temperature=temperature, by=by)
    (task / "experiment.yaml").write_text(text)
    for name in ("plain", "short", "bad"):
        (task / f"{name}.jinja").write_text(f"user:\n{name.title()}: {{{{ text }}}}\n")
    lines = [json.dumps({"text": f"row {n}", "label": "yes"}) for n in range(rows)]
    (task / "rows.jsonl").write_text("\n".join(lines))


def test_a_gate_grows_within_its_budget_and_pays_for_nothing_twice(home: Home) -> None:
    write(home, 600)
    inconclusive = home.call("gate", "short", "--grow", "--max-calls", "60")
    assert inconclusive.returncode == 8
    assert len(home.bodies) == 60
    first, *_, last = inconclusive.stdout.splitlines()
    assert first == "grown: 30 rows; 60 calls; the budget is spent"
    assert last == "gate: not enough evidence (1 not enough evidence)"
    assert inconclusive.stderr.splitlines()[:1] == ["20 rows: 1 of 1 check open"]
    done = home.call("gate", "short", "--grow", "--max-calls", "1200", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["checks"][0]["outcome"]) == (0, "passed")
    assert document["grown"]["rows_before"] == 30
    assert document["grown"]["rows"] == document["checks"][0]["rows"] < 600
    assert document["grown"]["calls"] == len(home.bodies) - 60
    assert len(set(home.bodies)) == len(home.bodies) == 2 * document["grown"]["rows"]
    again = home.call("gate", "short", "--grow", "--max-calls", "0")
    assert again.stdout.splitlines()[0].endswith("; 0 calls; decided")


def test_a_budget_that_is_spent_in_the_first_wave_leaves_the_gate_open(home: Home) -> None:
    write(home, 600)
    done = home.call("gate", "short", "--grow", "--max-calls", "15", "--junit", "gate.xml")
    assert (done.returncode, len(home.bodies)) == (8, 15)
    assert done.stdout.startswith("grown: ")
    assert "15 calls; the budget is spent\n" in done.stdout
    assert (home.folder / "gate.xml").exists()


def test_a_drop_ends_the_growing(home: Home) -> None:
    write(home, 600)
    done = home.call("gate", "bad", "--grow", "--max-calls", "1200")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "gate: failed (1 failed)"
    assert len(home.bodies) < 300
    assert not any("Short" in body for body in home.bodies)


def test_where_no_row_is_left_rows_are_asked_again_if_answers_can_differ(home: Home) -> None:
    write(home, 25, temperature=1, by=0.02)
    done = home.call("gate", "short", "--grow", "--max-calls", "130")
    assert done.returncode == 8
    assert done.stdout.startswith("grown: 25 rows, 3 times each; 130 calls; the budget is spent\n")
    assert len(home.bodies) == 130
    done = home.call("gate", "short", "--grow", "--max-calls", "1000")
    first = done.stdout.splitlines()[0]
    assert first.endswith("5 times each; 120 calls; no rows are left")
    assert len(home.bodies) == 2 * 25 * 5


def test_where_answers_can_t_differ_it_says_that_no_row_is_left(home: Home) -> None:
    write(home, 25, by=0.05)
    done = home.call("gate", "short", "--grow", "--max-calls", "2000")
    assert done.returncode == 8
    assert done.stdout.splitlines()[0] == "grown: 25 rows; 50 calls; no rows are left"


def test_growing_needs_a_limit_and_a_limit_needs_growing(home: Home) -> None:
    write(home, 25)
    done = home.call("gate", "--grow")
    assert (done.returncode, "--max-calls 500" in done.stderr) == (2, True)
    done = home.call("gate", "--max-calls", "3")
    assert (done.returncode, "add --grow" in done.stderr) == (2, True)
    done = home.call("gate", "--grow", "--max-cost", "3")
    assert (done.returncode, "has no price" in done.stderr) == (2, True)
    assert home.bodies == []


def test_a_race_spares_calls_and_stands_in_mlflow_as_it_was(home: Home) -> None:
    import mlflow

    write(home, 200)
    done = home.call("run", "--race", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert (document["race"]["metric"], list(document["race"]["out"])) == ("exact_match", ["bad"])
    sent = len(home.bodies)
    assert (
        document["race"]["spared_requests"] == document["requests"]["not_run"] == 600 - sent > 100
    )
    assert document["not_run"] == []
    (bad,) = (variant for variant in document["variants"] if variant["name"] == "bad")
    verdict = bad["comparisons"]["exact_match"]
    assert (verdict["verdict"], verdict["test"]) == ("worse", "betting (any time)")
    assert "output_tokens" not in bad["comparisons"]
    client = mlflow.MlflowClient(document["tracking_uri"])
    assert client.get_run(document["parent_run_id"]).data.tags["workbench.recorded"] == "yes"
    run = client.get_run(bad["run_id"])
    assert run.data.tags["workbench.race"] == document["race"]["out"]["bad"]
    assert run.data.metrics["rows/not_run"] == bad["rows"]["not_run"] == 600 - sent
    assert run.info.status == "FINISHED"
    again = home.call("run", "--race")
    assert again.returncode == 0
    assert f"run {document['parent_run_id']}" in again.stdout
    assert "race by exact_match: 1 of 3 variants dropped out" in again.stdout
    assert "  bad: worse than " in again.stdout
    assert len(home.bodies) == sent
    assert "not all rows were run (bad: " in home.call("compare").stdout
    complete = json.loads(home.call("run", "--json").stdout)
    assert (complete["race"], complete["requests"]["not_run"]) == (None, 0)
    assert len(set(home.bodies)) == len(home.bodies) == 600
    stored = home.call("run", "--race")
    assert "1 of 3 variants dropped out, 0 requests saved" in stored.stdout
    assert stored.stdout.count("(all its rows were stored)") == 1
    assert not client.get_run(bad["run_id"]).data.tags["workbench.race"]


def test_an_interrupted_race_goes_on_and_ends_as_it_would_have(home: Home) -> None:
    write(home, 120)
    cut = home.call("run", "--race", "--max-calls", "70", **UNTRACKED)
    assert cut.returncode == 4
    done = json.loads(home.call("run", "--race", "--json", **UNTRACKED).stdout)
    assert len(set(home.bodies)) == len(home.bodies) == 360 - done["requests"]["not_run"]
    assert list(done["race"]["out"]) == ["bad"]


def failing(home: Home, share: float) -> None:
    """Let the server fail for a share of the rows of `short`, always the same ones."""
    script = home.server.script
    home.server.script = lambda path, body, nth: (
        refuse(500, "busy")
        if "Short" in str(body) and _chance(f"broken {body}") < share
        else script(path, body, nth)
    )


def test_rows_without_a_reply_leave_a_gate_open_however_often_it_is_called(home: Home) -> None:
    """With the worst score for them the drop is too large; without them there is none."""
    write(home, 120, by=0.3)
    failing(home, 0.4)
    words = ("gate", "short", "--grow", "--max-calls", "2000", "--json")
    first, second = (home.call(*words) for _ in range(2))
    assert (first.returncode, second.returncode) == (8, 8)
    sent = len(home.bodies)
    third = home.call("gate", "short", "--grow", "--max-calls", "0", "--json")
    assert (third.returncode, len(home.bodies)) == (8, sent)
    checks = [json.loads(done.stdout)["checks"] for done in (first, second)]
    assert checks[0][0]["outcome"] == checks[1][0]["outcome"] == "not enough evidence"


def test_rows_without_a_reply_are_failed_in_every_command(home: Home) -> None:
    write(home, 40)
    failing(home, 0.3)
    document = json.loads(home.call("run", "--json", **UNTRACKED).stdout)
    rows = {variant["prompt"]: variant["rows"] for variant in document["variants"]}
    assert 0 < rows["short"]["failed"] < 40
    failed = rows["short"]["failed"]
    assert rows["plain"]["failed"] == 0
    compared = json.loads(home.call("compare", "short", "--json").stdout)
    assert [variant["rows"] for variant in compared["variants"] if "short" in variant["name"]] == [
        rows["short"]
    ]
    stats = json.loads(home.call("store", "stats", "--json").stdout)
    assert stats["no_replies"] == {"openai:m": failed}
