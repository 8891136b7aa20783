"""Rows that failed, in every command: a prompt can't win, pass or look better by failing."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, refuse, say, serve

EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain, short]
models: [{{"openai:m": {{base_url: "{url}", backoff_s: 0.01}}}}]
evaluators: [exact_match{more}]
gate: {{exact_match: {{{rule}}}}}
repeats: {repeats}
max_failed: 1000
"""
ROWS = 100
HARD = 40  # the first rows


class Home:
    """A project with a hundred rows, asked of a server whose script may fail some."""

    def __init__(self, root: Path, server: OpenAIServer) -> None:
        self.root, self.server = root, server
        self.task = root / "prompts" / "qa"
        self.task.mkdir(parents=True)
        rows = ({"id": f"r{n}", "text": f"t{n}", "label": "yes"} for n in range(ROWS))
        (self.task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        (self.task / "plain.jinja").write_text("user:\nPlain: {{ text }}\n")
        (self.task / "short.jinja").write_text("user:\nShort: {{ text }}\n")
        self.write()

    def write(self, rule: str = "min: 0.5", repeats: int = 1, more: str = "") -> None:
        text = EXPERIMENT.format(url=self.server.url, rule=rule, repeats=repeats, more=more)
        (self.task / "experiment.yaml").write_text(text)

    def command(self, *words: str) -> Any:
        return invoke(self.root, *words, MLFLOW_TRACKING_URI="none")

    def read(self, *words: str) -> Any:
        return json.loads(self.command(*words, "--json").stdout)


@pytest.fixture
def home(tmp_path: Path):
    with serve() as server:
        yield Home(tmp_path / "home", server)


def script(failure: Reply | None, *, plain: float = 0.6, short: float = 0.9):
    """Both are right on so much of the easy rows; `short` fails on the hard ones, which `plain`
    answers wrongly."""

    def reply(path: str, body: Any, nth: int) -> Reply:
        prompt = body["messages"][-1]["content"]
        number = int(re.findall(r"t(\d+)", prompt)[0])
        share = short if prompt.startswith("Short") else plain
        if number < HARD:
            return failure if failure and share == short else say("no")
        return say("yes" if number < HARD + share * (ROWS - HARD) else "no")

    return reply


FAILURES = {
    "refused with 400": refuse(400, "this text is not allowed"),
    "filtered": say("", finish="content_filter"),
    "not a completion": Reply(200, b"<html>busy</html>"),
    "an empty answer": say(""),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_hard_rows_that_failed_count_as_the_worst(home: Home, failure: str) -> None:
    """Sixty easy rows: `short` is right on 54, `plain` on 36, and neither on a hard row."""
    home.server.script = script(FAILURES[failure], plain=36 / 60, short=54 / 60)
    home.command("run")
    plain, short = home.read("compare")["variants"]
    shown = short["metrics"]["exact_match"]
    number = shown["worst_case"] or shown  # an empty answer is an answer: scored, and wrong
    assert (number["mean"], number["n"]) == (0.54, ROWS)
    assert plain["metrics"]["exact_match"]["mean"] == 0.36
    qualities = {c["variant"]: c["quality"] for c in home.read("decide")["candidates"]}
    assert qualities == {"short": 0.54, "plain": 0.36}
    home.write("min: 0.8")
    gate = home.read("gate")
    assert (gate["exit_code"], gate["checks"][0]["value"]) == (1, 0.54)


def test_a_prompt_half_of_whose_requests_are_refused_passes_no_gate(home: Home) -> None:
    def reply(path: str, body: Any, nth: int) -> Reply:
        prompt = body["messages"][-1]["content"]
        fails = prompt.startswith("Short") and int(re.findall(r"t(\d+)", prompt)[0]) % 2
        return FAILURES["refused with 400"] if fails else say("yes")

    home.server.script = reply
    home.command("run")
    for rule in ("min: 0.8", "no_worse_than: baseline, by: 0.05"):
        home.write(rule)
        assert home.command("gate").returncode == 1
    assert "at worst -0.500 worse" in home.command("run").stdout
    table = home.command("compare").stdout
    assert "50 rows left out; with the worst score for failed answers -0.500" in table


def test_rows_without_a_reply_keep_a_gate_open_until_they_are_answered(home: Home) -> None:
    home.server.script = script(Reply(500), plain=1.0, short=0.999)
    assert home.command("run").returncode == 0  # max_failed is a thousand
    text = (home.task / "experiment.yaml").read_text()
    (home.task / "experiment.yaml").write_text(text.replace("1000", "0").replace("0.5", "0.3"))
    for _ in range(2):  # the store keeps that they were asked
        done = home.command("gate")
        assert done.returncode == 8
        assert "40 answers got no reply, and max_failed is 0; run again" in done.stdout
    counts = {v["name"]: v["rows"] for v in home.read("compare")["variants"]}
    assert (counts["short"]["failed"], counts["short"]["not_run"]) == (40, 0)
    assert home.command("gate", "--grow", "--max-calls", "400").returncode == 8
    assert home.command("gate", "--grow", "--max-calls", "400").returncode == 8
    home.server.script = script(None, plain=1.0)
    home.command("run")
    assert home.command("gate").returncode == 0


def test_rows_without_a_reply_that_a_run_does_not_reach_have_failed_in_it_too(home: Home) -> None:
    home.server.script = script(Reply(500))
    home.command("run")
    run = home.read("run", "--max-calls", "3")
    counts = {v["name"]: v["rows"] for v in home.read("compare")["variants"]}
    assert {v["name"]: v["rows"] for v in run["variants"]} == counts
    assert (counts["short"]["failed"], counts["short"]["not_run"]) == (HARD, 0)
    requests = run["requests"]
    assert requests["not_run"] == HARD - requests["sent"]
    assert requests["stored"] + requests["sent"] + requests["not_run"] == requests["planned"]


def test_leaderboard_and_comparison_average_rows_with_repeats_and_failures(home: Home) -> None:
    """Two of three tries fail on easy rows, so pooled answers would weigh the hard rows more."""

    def reply(path: str, body: Any, nth: int) -> Reply:
        number = int(re.findall(r"t(\d+)", body["messages"][-1]["content"])[0])
        if number >= HARD and nth > 1:
            return refuse(422, "not twice")
        return say("yes" if number >= HARD else "no")

    home.server.script = reply
    home.write(repeats=3)
    home.command("run")
    for variant in home.read("compare")["variants"]:
        metric = variant["metrics"]["exact_match"]
        assert metric["mean"] == pytest.approx(60 / 100)  # 60 of 180 answers: pooled 0.333
        assert metric["worst_case"]["mean"] == pytest.approx(60 / 3 / 100)
        assert (metric["n"], metric["answers"]["n"], metric["answers"]["failed"]) == (100, 180, 120)
        assert (metric["pass_all"]["3"], metric["pass_rows"]["3"]) == (0.0, 40)
        for comparison in variant["comparisons"].values():
            assert (comparison["before"], comparison["after"]) == (
                metric["mean"],
                metric["mean"],
            )


def test_rows_that_do_not_apply_are_counted_by_every_command(home: Home) -> None:
    (home.root / "evaluators").mkdir()
    (home.root / "evaluators" / "easy.py").write_text(
        "def easy(outputs: str, inputs: dict) -> bool | None:\n"
        "    return outputs == 'yes' if int(inputs['text'][1:]) >= 40 else None\n"
    )
    home.server.script = script(None)
    home.write(more=", easy")
    text = (home.task / "experiment.yaml").read_text()
    (home.task / "experiment.yaml").write_text(text.replace("gate: {exact_match", "gate: {easy"))
    assert "40 not applicable" in home.command("run").stdout
    compared = home.command("compare").stdout
    assert "easy: 40 rows left out; 40 not applicable" in compared
    gate = home.command("gate")
    assert "40 rows not counted, as the evaluator does not apply" in gate.stdout
    assert home.read("gate")["checks"][0]["not_applicable"] == 40


def test_a_metric_without_a_value_of_one_variant_is_shown_by_every_command(home: Home) -> None:
    (home.root / "evaluators").mkdir()
    (home.root / "evaluators" / "cited.py").write_text(
        "def cited(outputs: str) -> bool | None:\n"
        "    return None if outputs == 'no' else outputs == 'yes'\n"
    )
    home.server.script = script(None, plain=1.0, short=-1.0)  # `short` always says no
    home.write(more=", cited")
    home.command("run")
    shown = home.command("compare").stdout
    assert (
        "cited: no row has a score of both (plain: 60 scored, 40 not applicable; "
        "short: 100 not applicable)" in shown
    )
    assert "cited: 0 rows better" not in shown
    assert "exact_match: 0 rows better, 60 worse" in shown
    (line,) = [line for line in shown.splitlines() if "worse: row 41, r40: " in line]
    assert ", exact_match 1 → 0: " in line
    changes = home.read("compare")["changes"]
    assert {change["gain"] for change in changes if change["metric"] == "cited"} == {0.0}
    decided = home.command("decide", "--metric", "cited").stdout
    assert "short is left out, for it has no value: 100 not applicable" in decided
    assert home.read("decide", "--metric", "cited")["without_value"] == ["short"]


def test_rows_better_and_worse_are_those_of_the_number_at_worst(home: Home) -> None:
    """A wrong answer that turns into a failed one is as bad as before."""
    home.server.script = script(FAILURES["refused with 400"], plain=1.0, short=0.5)
    home.command("run")
    shown = home.command("compare").stdout
    worst = home.read("compare")["variants"][1]["comparisons"]["exact_match"]["worst_case"]
    assert (worst["up"], worst["down"]) == (0, 30)
    assert "exact_match: 0 rows better, 30 worse" in shown
    assert "exact_match 0 → none" not in shown


def test_rows_without_a_score_of_the_baseline_are_counted_by_the_gate(home: Home) -> None:
    def reply(path: str, body: Any, nth: int) -> Reply:
        prompt = body["messages"][-1]["content"]
        fails = prompt.startswith("Plain") and int(re.findall(r"t(\d+)", prompt)[0]) < HARD
        return FAILURES["refused with 400"] if fails else say("yes")

    home.server.script = reply
    home.write("no_worse_than: baseline, by: 0.2")
    home.command("run")
    shown = home.command("gate").stdout
    assert "40 rows not counted, as the baseline has no score" in shown
    (check,) = home.read("gate")["checks"]
    assert (check["rows"], check["left_out"]) == (60, 40)


def test_a_drop_just_as_large_as_allowed_needs_no_number_of_rows(home: Home) -> None:
    home.server.script = script(None, plain=0.9, short=0.4)  # 54 and 24 rows: a drop of 0.3
    home.write("no_worse_than: baseline, by: 0.3")
    home.command("run")
    (check,) = home.read("gate")["checks"]
    assert (check["outcome"], check["rows_needed"]) == ("not enough evidence", None)


def test_filter_in_a_reply_with_status_200_is_sent_once(home: Home) -> None:
    error = {"error": {"code": 400, "type": "content_filter", "message": "no"}}
    home.server.script = script(Reply(body=error))
    for sent in (2 * ROWS, 0):
        before = len(home.server.requests)
        result = home.read("run")
        assert (len(home.server.requests) - before, result["requests"]["sent"]) == (sent, sent)
        assert [variant["rows"]["failed"] for variant in result["variants"]] == [0, HARD]


def test_stored_answers_are_compared_although_the_edited_experiment_may_not_be_sent(
    home: Home,
) -> None:
    home.server.script = script(None)
    home.command("run")
    text = (home.task / "experiment.yaml").read_text()
    evaluators = "evaluators: [exact_match, label_match: {labels: [good, bad]}]"
    (home.task / "experiment.yaml").write_text(
        text.replace("evaluators: [exact_match]", evaluators)
    )
    done = home.command("run")
    assert (done.returncode, "'yes'" in done.stderr) == (2, True)
    codes = {command: home.command(command).returncode for command in ("compare", "decide", "gate")}
    assert codes == {"compare": 0, "decide": 0, "gate": 0}


@pytest.mark.parametrize("status", [0, 401])
def test_run_in_which_nothing_was_answered_records_nothing(home: Home, status: int) -> None:
    home.server.script = lambda path, body, nth: refuse(status, "bad key")
    if not status:
        text = (home.task / "experiment.yaml").read_text()
        closed = text.replace(home.server.url, "http://127.0.0.1:1/v1")
        (home.task / "experiment.yaml").write_text(closed)
    done = invoke(home.root, "run", "qa", "--limit", "2", "--wait")
    assert "not recorded: no request was answered" in done.stderr
    assert ("fix: start the server or correct base_url" in done.stderr) == (not status)
    folder = home.root / ".workbench"
    assert not [*folder.glob("*mlflow*"), *folder.glob("unrecorded/*")]


def test_prompts_that_a_server_cuts_off_are_noted(home: Home) -> None:
    rows = ({"id": f"r{n}", "text": "long " * 500 * n, "label": "yes"} for n in range(1, 21))
    (home.task / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def cut(path: str, body: Any, nth: int) -> Reply:
        length = min(4096, len(body["messages"][-1]["content"]) // 5 + 20)
        return say("yes", usage={"prompt_tokens": length, "completion_tokens": 1})

    home.server.script = cut
    notes = home.command("run", "qa").stderr
    assert "plain: 9 answers report 4,096 input tokens, for prompts of up to 50," in notes
    assert "raise its context (Ollama: num_ctx)" in notes


def test_refusals_in_a_charset_that_they_do_not_have_fail_their_rows_in_every_run(home):
    body = refuse(400, "not this row").payload()
    headers = {"Content-Type": "text/html; charset=utf-16"}
    home.server.script = script(Reply(400, body, headers))
    for _ in range(2):
        assert home.command("run").returncode == 0
        assert "HTTP 400: not this row" in home.command("store", "export").stdout
