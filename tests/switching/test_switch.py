"""`workbench switch`: a retired model, the one in its place, and the verdict on each prompt."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, refuse, say, serve

from workbench.document import read_document
from workbench.errors import WorkbenchError
from workbench.experiment.model_switch import find_switch, replace_entry

EXPERIMENT = """\
# the team's tickets
dataset: {{path: rows.jsonl, expected: label}}
prompts: [short]
models:
  - openai:old: {{base_url: "{url}", timeout_s: 20}}  # until January
  - echo:last
parameters: {{max_tokens: 50, temperature: 0}}
evaluators: [exact_match]
"""
ROWS = 60


class Models:
    """A server with an old and a new model; `right` rows of the new one are right."""

    def __init__(self) -> None:
        self.right = ROWS
        self.refused: set[str] = {"max_tokens", "temperature"}
        self.retired = False
        self.old_right = ROWS - 10
        self.busy = self.filtered = range(0)

    def __call__(self, path: str, body: Any, nth: int) -> Reply:
        number = int(body["messages"][-1]["content"].split()[-1])
        if body["model"] == "old":
            if self.retired:
                return refuse(404, "The model `old` does not exist", code="model_not_found")
            if number in self.busy:
                return refuse(500, "busy")
            if number in self.filtered:
                return say("", finish="content_filter")
            return say("yes" if number < self.old_right else "no")
        for name in ("max_tokens", "temperature", "verbosity"):
            if name in self.refused and name in body:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                return refuse(400, message, param=name, code="unsupported_parameter")
        return say("yes" if number < self.right else "no")


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serve() as server:
        server.script = Models()
        yield server


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    folder = tmp_path / "prompts" / "qa"
    folder.mkdir(parents=True)
    rows = ({"id": f"r{n}", "text": f"Row {n}", "label": "yes"} for n in range(ROWS))
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "short.jinja").write_text("user:\n{{ text }}\n")
    (folder / "experiment.yaml").write_text(EXPERIMENT.format(url=server.url))
    return tmp_path


def switch(home: Path, *words: str):
    return invoke(home, "switch", *words, MLFLOW_TRACKING_URI="none")


def run_old(home: Path) -> int:
    return invoke(home, "run", "--only", "*old", MLFLOW_TRACKING_URI="none").returncode


def models(server: OpenAIServer) -> Models:
    assert isinstance(server.script, Models)
    return server.script


def test_refused_parameters_are_mended_and_the_verdict_is_said(
    home: Path, server: OpenAIServer
) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    before = file.read_text()
    done = switch(home, "old", "openai:new")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines[0] == "old → new: 60 rows of qa"
    assert lines[1].startswith("max_tokens is sent as max_completion_tokens: openai:new: HTTP 400:")
    assert lines[2].startswith("temperature is not sent: openai:new: HTTP 400: Unsupported")
    assert "new is not worse than old by exact_match" in lines
    assert lines[-1] == (
        f"  - openai:new: {{base_url: {server.url}, timeout_s: 20, "
        "rename: {max_tokens: max_completion_tokens}, parameters: {temperature: null}}"
    )
    answered = [body for body in server.bodies if body["model"] == "new"][2:]
    assert {tuple(sorted(body)) for body in answered} == {
        ("max_completion_tokens", "messages", "model")
    }
    assert (len(answered), file.read_text()) == (ROWS, before)
    sent = len(server.requests)
    switch(home, "old", "openai:new")
    # Only what is refused is sent again: it is not written anywhere.
    assert [body["model"] for body in server.bodies[sent:]] == ["new", "new"]


@pytest.mark.parametrize(
    ("right", "code", "conclusion"),
    [
        (20, 1, "new is worse than old by exact_match:"),
        (45, 8, "not enough evidence that new is not worse than old by exact_match:"),
    ],
)
def test_a_new_model_that_loses_rows_has_an_exit_code(
    home: Path, server: OpenAIServer, right: int, code: int, conclusion: str
) -> None:
    models(server).right = right
    done = switch(home, "old", "openai:new", "qa", "--write")
    lines = done.stdout.splitlines()
    assert (done.returncode, conclusion in lines) == (code, True), done.stdout + done.stderr
    assert f"  exact_match: 0 rows better, {50 - right} worse" in lines
    worse = [line for line in lines if line.startswith("  worse: ")]
    number = right
    assert worse[0] == (
        f"  worse: row {number + 1}, r{number}: 'Row {number}' (expected 'yes'), "
        "exact_match 1 → 0: 'yes' is now 'no'"
    )
    assert ("rows would settle it" in lines[lines.index(conclusion) + 1]) == (code == 8)
    assert "openai:new" not in (home / "prompts" / "qa" / "experiment.yaml").read_text()


def test_stored_answers_of_a_retired_model_count(home: Path, server: OpenAIServer) -> None:
    models(server).old_right = 40
    assert (
        invoke(
            home, "run", "--limit", "55", "--only", "*old", MLFLOW_TRACKING_URI="none"
        ).returncode
        == 0
    )
    models(server).retired = True
    done = switch(home, "old", "openai:new", "--json")
    document = json.loads(done.stdout)
    old, new = document["variants"]
    assert (done.returncode, document["conclusion"]) == (0, "not worse"), done.stderr
    assert "HTTP 404" in document["gone"]
    counts = old["rows"]["not_run"], old["rows"]["failed"], new["rows"]["scored"]
    assert counts == (5, 0, ROWS)  # no reply of a retired model counts as a wrong answer
    assert old["metrics"]["exact_match"]["worst_case"] is None
    text = switch(home, "old", "openai:new").stdout
    assert "old answers no longer, so its stored answers count: openai:old: HTTP 404" in text
    assert "short on old: 5 of 60 rows have no answer and are left out" in text


def test_requests_that_a_retired_model_never_answered_are_no_wrong_answers(
    home: Path, server: OpenAIServer
) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(file.read_text().replace("timeout_s: 20", "timeout_s: 20, backoff_s: 0.01"))
    models(server).busy, models(server).old_right = range(50, 56), 40
    assert run_old(home) == 3
    models(server).retired = True
    done = switch(home, "old", "openai:new", "--write")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "short on old: 6 of 60 rows have no answer and are left out" in lines
    reasons = [line for line in lines if "got no reply" in line]
    assert reasons == ["  6 requests to old got no reply: HTTP 500: busy"]
    # 40 of the 54 stored answers are right.
    assert any(line.split()[:4] == ["short", "exact_match", "0.741", "1.000"] for line in lines)
    assert lines[-1].startswith("written: ")


def test_a_filtered_answer_of_a_retired_model_counts(home: Path, server: OpenAIServer) -> None:
    models(server).filtered = range(50, 56)
    run_old(home)
    models(server).retired = True
    done = switch(home, "old", "openai:new", "--json")
    old, _ = json.loads(done.stdout)["variants"]
    assert (old["rows"]["failed"], old["rows"]["not_run"]) == (6, 0), done.stderr


def test_a_limit_holds_for_all_requests_of_the_command(home: Path, server: OpenAIServer) -> None:
    done = switch(home, "old", "openai:new", "--max-calls", "30")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "stopped at the budget after 30 calls" in done.stderr
    assert len(server.requests) == 30  # those that the new model refused among them


def test_rows_that_stay_the_same_have_no_heading(home: Path, server: OpenAIServer) -> None:
    models(server).old_right = ROWS
    done = switch(home, "old", "openai:new")
    assert (done.returncode, "rows that changed" in done.stdout) == (0, False), done.stdout


def test_all_attempts_spend_of_one_limit(home: Path, server: OpenAIServer) -> None:
    """The first prompt is answered, and paid for, in the attempt in which the second is refused."""
    folder = home / "prompts" / "qa"
    (folder / "short.jinja").write_text(
        "---\nparameters: {temperature: null}\n---\nuser:\n{{ text }}\n"
    )
    (folder / "long.jinja").write_text("user:\nAnswer {{ text }}\n")
    text = EXPERIMENT.format(url=server.url).replace("[short]", "[short, long]")
    (folder / "experiment.yaml").write_text(text.replace("old: {", "old: {concurrency: 1, "))
    prices = "{openai:old: {input: 0, output: 0}, openai:new: {input: 0, output: 10}}"
    (home / "workbench.yaml").write_text(f"prices: {prices}\n")
    script, paid = models(server), []
    script.refused = {"temperature"}

    def reply(path: str, body: Any, nth: int) -> Reply:
        answer = script(path, body, nth)
        if body["model"] == "old" or answer.status != 200:
            return answer
        paid.append(0.0005)  # 50 tokens: the most that the request allows
        usage = {"prompt_tokens": 9, "completion_tokens": 50, "total_tokens": 59}
        return say(answer.body["choices"][0]["message"]["content"], usage=usage)

    server.script = reply
    done = switch(home, "old", "openai:new", "--max-cost", "0.002")
    assert (done.returncode, len(paid)) == (4, 4), done.stdout + done.stderr


def test_write_changes_the_entry_and_keeps_all_else(home: Path, server: OpenAIServer) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    before = file.read_text()
    done = switch(home, "old", "openai:new", "--write")
    assert done.returncode == 0, done.stderr
    old = f'openai:old: {{base_url: "{server.url}", timeout_s: 20}}'
    new = (
        f"openai:new: {{base_url: {server.url}, timeout_s: 20, "
        "rename: {max_tokens: max_completion_tokens}, parameters: {temperature: null}}"
    )
    assert file.read_text() == before.replace(old, new)
    assert invoke(home, "plan", MLFLOW_TRACKING_URI="none").returncode == 0


def test_a_parameter_of_a_prompt_can_not_be_mended_in_the_model(
    home: Path, server: OpenAIServer
) -> None:
    template = home / "prompts" / "qa" / "short.jinja"
    template.write_text("---\nparameters: {temperature: 0.5}\n---\nuser:\n{{ text }}\n")
    done = switch(home, "old", "openai:new")
    assert (done.returncode, "'temperature' is not supported" in done.stderr) == (2, True)
    assert "`temperature: null` leaves it out" in done.stderr


def test_models_of_the_file_are_named_by_label(home: Path, server: OpenAIServer) -> None:
    done = switch(home, "old", "last")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "old → last: 60 rows of qa")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["odl", "openai:new"], "unknown model 'odl'"),
        (["old", "new"], "another one is written as provider:name, as in openai:gpt-6-luna"),
        (["old", "openai:old"], "old and openai:old are the same model"),
        (["old", "last", "--write"], "--write: echo:last is in `models:` already"),
        (["openai:older", "openai:new", "--write"], "--write: openai:older is not in `models:`"),
        (["old", "openai:new", "other"], "unknown task 'other'"),
        (["old", "openai:new", "--max-cost", "1"], "has no price"),
    ],
)
def test_mistakes_are_refused_before_anything_is_sent(
    home: Path, server: OpenAIServer, words: list[str], error: str
) -> None:
    done = switch(home, *words)
    assert (done.returncode, error in done.stderr, server.requests) == (2, True, []), done.stderr


def test_a_name_elsewhere_in_the_file_is_not_left_behind(home: Path, server: OpenAIServer) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(f"{file.read_text()}baseline: old\n")
    done = switch(home, "old", "openai:new", "--write")
    assert (done.returncode, server.requests) == (2, [])
    assert "experiment.yaml:9:1: --write: `baseline:` names old, too" in done.stderr


@pytest.mark.parametrize(
    "entries",
    [
        "  - echo:last:\n  # a comment\n  - echo:prompt\n",
        "  - echo:prompt\n  - echo:last:\n",
        "  - echo:last: {parameters: &p {max_tokens: 5}}\n  - echo:prompt: {parameters: *p}\n",
        "  - echo:prompt: {parameters: &p {max_tokens: 5}}\n  - echo:last: {parameters: *p}\n",
        "  - echo:last:\n      as: >-\n        the last\n  - echo:prompt\n",
    ],
)
def test_an_entry_is_replaced_exactly_or_not_at_all(entries: str, tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    text = f"dataset: rows.jsonl\nmodels:\n{entries}prompts: [p]\nevaluators: [exact_match]\n"
    file.write_text(text)
    document = read_document(file, display_name="experiment.yaml")
    found = find_switch(document, "echo:last", "echo:first-word")
    problem: WorkbenchError | None = None
    try:
        replace_entry(file, found)
    except WorkbenchError as error:
        problem = error
    if problem:
        assert problem.fix.startswith("write this entry in its place: - echo:first-word")
        assert file.read_text() == text
    else:
        changed = read_document(file, display_name="experiment.yaml").content
        refs = [each if isinstance(each, str) else next(iter(each)) for each in changed["models"]]
        assert sorted(refs) == ["echo:first-word", "echo:prompt"]
        assert {**changed, "models": 0} == {**document.content, "models": 0}


def test_an_entry_that_was_edited_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    text = "dataset: rows.jsonl\nmodels: [echo:last]\nprompts: [p]\n"
    file.write_text(text)
    document = read_document(file, display_name="experiment.yaml")
    found = find_switch(document, "last", "echo:first-word")
    edited = text.replace("[echo:last]", "[echo:prompt, echo:last]")
    file.write_text(edited)
    with pytest.raises(WorkbenchError, match="the file was edited meanwhile"):
        replace_entry(file, found)
    assert file.read_text() == edited


def test_other_models_stay_for_judges_and_answer_nothing(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "dataset: rows.jsonl\nprompts: [p]\nmodels:\n  - echo:last\n"
        '  - openai:judge: {base_url: "http://127.0.0.1:9/v1", as: "strong [1]"}\n'
    )
    document = read_document(file, display_name="experiment.yaml")
    content = find_switch(document, "last", "echo:prompt").edit(document).content
    assert [next(iter(each)) for each in content["models"]] == [
        "echo:last",
        "echo:prompt",
        "openai:judge",
    ]
    assert content["models"][2]["openai:judge"]["base_url"] == "http://127.0.0.1:9/v1"
    assert content["exclude"] == [{"model": "strong [[]1]"}]
