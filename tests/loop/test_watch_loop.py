"""The loop of `run --watch`: each save is seen once, and only what it changed is run."""

import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from command import write_task
from loop_thread import Event, running
from openai_server import OpenAIServer, hold, last_message, refuse

from workbench.completing.plan_lock import plan_lock
from workbench.experiment import load_experiment
from workbench.plan import Options, plan_invocation
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.resolvers import project_resolvers
from workbench.secrets import Redactor
from workbench.store import Store
from workbench.watch.file_changes import FileChanges

ECHO = """\
dataset: {path: rows.csv, expected: label}
prompts: [plain, loud]
models: [echo:last]
evaluators: [exact_match, tone]
"""
API = """\
dataset: {path: rows.csv, expected: label}
prompts: [plain, loud]
models: [{openai:m: {base_url: "%s"}}]
evaluators: [exact_match]
"""
TONE = "from words import HAPPY\n\n\ndef tone(outputs: str) -> bool:\n    return outputs in HAPPY\n"
PRICED = "prices: {openai:m: {input: 1, output: 1}}\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path.resolve()
    write_task(home, ECHO)
    (home / "prompts" / "qa" / "rows.csv").write_text("id,text,label\na,yes,yes\nb,no,yes\n")
    (home / "evaluators").mkdir()
    (home / "evaluators" / "tone.py").write_text(TONE)
    (home / "words.py").write_text("HAPPY = ['yes']\n")
    return home


@pytest.fixture
def api(home: Path, server: OpenAIServer) -> Path:
    (home / "prompts" / "qa" / "experiment.yaml").write_text(API % server.url)
    return home


def test_a_saved_template_is_compared_with_itself_before(home: Path) -> None:
    with running(home) as loop:
        first = loop.next()
        assert (first.state.files, first.state.changes) == (FileChanges(), [])
        loop.save("loud.jinja", "user:\n{{ text | lower }}\n")
        second = loop.next()
    assert second.state.files.saved == ("prompts/qa/loud.jinja",)
    assert second.metrics == {"loud": {"exact_match": (0.0, 0.5), "tone": (0.0, 0.5)}}
    (change,) = second.state.changes
    assert (change.metrics["exact_match"].better, change.metrics["exact_match"].worse) == (
        ["a"],
        [],
    )
    assert change.metrics["exact_match"].comparison.verdict.word == "unclear"
    assert [state.files.saved for state in loop.recorded] == [("prompts/qa/loud.jinja",)]
    assert loop.exit_code == 0


@pytest.mark.parametrize(
    ("file", "content", "changed"),
    [
        ("prompts/qa/rows.csv", "id,text,label\na,yes,yes\nb,yes,yes\n", ["plain", "loud"]),
        ("words.py", "HAPPY = ['yes', 'no']\n", ["plain", "loud"]),
        ("evaluators/tone.py", TONE.replace("outputs in", "'YES' in"), ["plain", "loud"]),
        ("prompts/qa/experiment.yaml", ECHO + "repeats: 2\n", []),
        ("prompts/qa/experiment.yaml", ECHO.replace("[plain, loud]", "[loud]"), []),
        ("workbench.yaml", "currency: EUR\n", []),
    ],
    ids=["dataset", "import of an evaluator", "evaluator", "experiment", "prompts", "settings"],
)
def test_every_file_that_decides_a_score_is_watched(
    home: Path, file: str, content: str, changed: list[str]
) -> None:
    with running(home) as loop:
        loop.next()
        (home / file).write_text(content)
        event = loop.next()
    assert event.files == [file]
    assert list(event.metrics) == changed


def test_a_partial_is_watched_wherever_it_is(home: Path) -> None:
    (home / "prompts" / "_shared").mkdir()
    (home / "prompts" / "_shared" / "_end.jinja").write_text("!")
    (home / "prompts" / "qa" / "plain.jinja").write_text(
        "user:\n{{ text }}{% include '_shared/_end.jinja' %}\n"
    )
    with running(home) as loop:
        loop.next()
        (home / "prompts" / "_shared" / "_end.jinja").write_text("")
        assert loop.next().metrics["plain"]["exact_match"] == (0.0, 0.5)


def test_an_edited_evaluator_is_loaded_anew_and_gets_no_verdict(home: Path) -> None:
    with running(home) as loop:
        loop.next()
        (home / "words.py").write_text("HAPPY = ['no', 'NO', 'YES']\n")
        event = loop.next()
    assert event.metrics == {"plain": {"tone": (0.5, 0.5)}, "loud": {"tone": (0.0, 1.0)}}
    assert event.state.changes[1].metrics["tone"].comparison.verdict.word == "no verdict"


def test_rows_are_compared_by_id_and_content(home: Path) -> None:
    with running(home) as loop:
        loop.next()
        loop.save("rows.csv", "id,text,label\nc,no,no\nb,no,yes\na,yes,no\n")
        event = loop.next()
    assert event.metrics["plain"] == {"exact_match": (0.0, 0.0), "tone": (0.0, 0.0)}
    assert [change.rows for change in event.state.changes] == [1, 1]


def test_a_broken_file_shows_its_error_and_the_state_before_stays(home: Path) -> None:
    with running(home) as loop:
        loop.next()
        loop.save("plain.jinja", "user:\n{{ txt }}\n")
        assert "unknown variable 'txt'" in loop.next("failed").text
        loop.save("experiment.yaml", "dataset: [")
        assert "experiment.yaml" in loop.next("failed").text
        loop.save("experiment.yaml", ECHO)
        assert "unknown variable 'txt'" in loop.next("failed").text
        loop.save("plain.jinja", "user:\nno\n")
        assert loop.next().metrics == {"plain": {"exact_match": (0.5, 0.0), "tone": (0.5, 0.0)}}


ROWS = '{"text": "yes", "label": "yes"}\n'
ELSEWHERE = ECHO.replace("rows.csv", "../../data/x.jsonl")


@pytest.mark.parametrize(
    ("experiment", "file", "broken", "repaired"),
    [
        (ELSEWHERE, "data/x.jsonl", "{", ROWS),
        (ELSEWHERE, "data/x.jsonl", None, ROWS),
        (ECHO, "words.py", "HAPPY = [", "HAPPY = ['yes']\n"),
        (ECHO, "words.py", "SAD = []\n", "HAPPY = ['yes']\n"),
    ],
    ids=["broken rows", "no rows", "broken import", "import without the name"],
)
@pytest.mark.parametrize("is_first", [True, False], ids=["at the start", "later"])
def test_the_repair_of_a_file_that_was_never_read_is_seen(
    home: Path, experiment: str, file: str, broken: str | None, repaired: str, *, is_first: bool
) -> None:
    path, task = home / file, home / "prompts" / "qa"
    (home / "data").mkdir()
    path.unlink(missing_ok=True)
    if broken is not None:
        path.write_text(broken)
    edited = (
        experiment
        if is_first
        else experiment.replace(", tone]", "]").replace("../../data/x.jsonl", "rows.csv")
    )
    (task / "experiment.yaml").write_text(edited)
    with running(home) as loop:
        if not is_first:
            loop.next()
            loop.save("experiment.yaml", experiment)
        loop.next("failed")
        path.write_text(repaired)
        assert loop.next().files == [file]


def test_a_file_saved_with_the_same_content_runs_nothing(home: Path) -> None:
    with running(home) as loop:
        loop.next()
        loop.save("plain.jinja", "user:\n{{ text }}\n")
        assert loop.next("unchanged").text == "prompts/qa/plain.jinja saved"


def test_files_that_editors_make_beside_it_are_no_saves(home: Path) -> None:
    task = home / "prompts" / "qa"
    with running(home) as loop:
        loop.next()
        for name in (".plain.jinja.swp", "plain.jinja~", "4913", "#plain.jinja#"):
            (task / name).write_text("x")
        (task / "new.tmp").write_text("user:\nno\n")
        (task / "new.tmp").replace(task / "plain.jinja")
        assert loop.next().state.files.saved == ("prompts/qa/plain.jinja",)


def test_a_half_written_file_is_not_read(home: Path) -> None:
    file = home / "prompts" / "qa" / "plain.jinja"
    with running(home) as loop:
        loop.next()
        with file.open("w") as opened:
            opened.flush()
            time.sleep(0.2)
            for part in ("us", "er:\n{{ te", "xt }}", "{{ text }}\n"):
                opened.write(part)
                opened.flush()
                time.sleep(0.04)
        event = loop.next()
    assert event.metrics["plain"]["exact_match"] == (0.5, 0.0)
    assert _template(event, 0) == "{{ text }}{{ text }}"


def test_a_deleted_template_is_missed_until_it_is_back(home: Path) -> None:
    file = home / "prompts" / "qa" / "plain.jinja"
    with running(home) as loop:
        loop.next()
        file.rename(file.with_suffix(".jinja~"))
        time.sleep(0.1)  # as editors do that keep the old file
        file.write_text("user:\nno\n")
        assert loop.next().state.files.saved == ("prompts/qa/plain.jinja",)
        file.unlink()
        assert loop.next("failed").text.startswith("prompts/qa/plain.jinja deleted: ")
        file.write_text("user:\nno\n")
        assert loop.next("unchanged").text == "prompts/qa/plain.jinja new"


def test_deleted_new_and_saved_files_are_named_so(home: Path) -> None:
    task = home / "prompts" / "qa"
    with running(home) as loop:
        loop.next()
        (task / "drafts").mkdir()
        (task / "short.jinja").write_text("user:\nno\n")
        (task / "loud.jinja").unlink()
        loop.save("experiment.yaml", ECHO.replace("[plain, loud]", "[plain, short]"))
        files = loop.next().state.files
    assert files == FileChanges(
        saved=("prompts/qa/experiment.yaml",),
        new=("prompts/qa/short.jinja",),
        deleted=("prompts/qa/loud.jinja",),
    )


def test_a_new_folder_runs_nothing(home: Path) -> None:
    task = home / "prompts" / "qa"
    with running(home) as loop:
        loop.next()
        (task / "drafts").mkdir()
        time.sleep(0.5)
        (task / "drafts" / "later.jinja").write_text("user:\nno\n")
        assert loop.next("unchanged").text == "prompts/qa/drafts/later.jinja new"


def test_a_replaced_folder_is_watched_again(home: Path) -> None:
    task = home / "prompts" / "qa"
    with running(home) as loop:
        loop.next()
        task.rename(home / "old")
        (home / "old").rename(task)
        loop.save("plain.jinja", "user:\nno\n")
        events = [loop.events.queue.get(timeout=60)]
        while events[-1].kind != "finished":
            events.append(loop.events.queue.get(timeout=60))
        assert events[-1].metrics["plain"]["exact_match"] == (0.5, 0.0)


def test_without_reports_of_the_system_files_are_looked_at(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.watch.save_watcher.watch", _no_watches)
    with running(home) as loop:
        loop.next()
        note = loop.next("note").text
        loop.save("plain.jinja", "user:\nno\n")
        assert loop.next().state.files.saved == ("prompts/qa/plain.jinja",)
    assert note == "saves are looked for every 0.3 s: OS file watch limit reached"


def _no_watches(*_paths: object, **_options: object) -> None:
    raise OSError("OS file watch limit reached")


def test_a_save_during_a_run_is_seen_after_it(api: Path, server: OpenAIServer) -> None:
    released = threading.Event()
    with running(api) as loop:
        loop.next()
        server.script = lambda path, body, nth: hold(last_message(path, body, nth), released.is_set)
        loop.save("plain.jinja", "user:\n{{ text }} 1\n")
        while server.in_flight < 2:
            time.sleep(0.01)
        loop.save("plain.jinja", "user:\n{{ text }} 2\n")
        time.sleep(0.3)
        released.set()
        first, second = loop.next(), loop.next()
    assert [event.state.invocation.requests.sent for event in (first, second)] == [2, 2]
    assert _template(second, 0) == "{{ text }} 2"
    assert len(server.requests) == 8


def test_no_save_is_missed_and_no_request_sent_twice(api: Path, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: hold(last_message(path, body, nth), lambda: True)
    saves = 60
    with running(api) as loop:
        loop.next()
        for number in range(saves):
            text = "{{ broken" if number % 10 == 9 else f"{{{{ text }}}} {number}"
            loop.save("loud.jinja", f"user:\n{text}\n")
            time.sleep((0.0, 0.02, 0.12, 0.3)[number % 4])
        loop.save("loud.jinja", "user:\n{{ text }} at last\n")
        event = Event("")
        while event.kind != "finished" or "at last" not in _template(event, 1):
            event = loop.events.queue.get(timeout=60)
    assert max(Counter(request.raw for request in server.requests).values()) == 1
    assert event.state.compared.results[1].rows.scored == 2


def _template(event: Event, variant: int) -> str:
    assert event.state
    return event.state.plan.variants[variant].prompt.template[-1].content


def test_one_budget_counts_over_all_saves(api: Path, server: OpenAIServer) -> None:
    (api / "workbench.yaml").write_text(PRICED)
    with running(api, max_calls=5) as loop:
        assert loop.next().state.invocation.requests.sent == 4
        loop.save("plain.jinja", "user:\n{{ text }} 1\n")
        second = loop.next()
        loop.save("plain.jinja", "user:\n{{ text }} 2\n")
        third = loop.next()
        loop.save("plain.jinja", "user:\n{{ text }}\n")
        last = loop.next()
    sent = [event.state.invocation.requests.sent for event in (second, third, last)]
    assert (sent, len(server.requests)) == ([1, 0, 0], 5)
    assert "stopped at the budget after 5 calls" in str(second.state.invocation.problems[0])
    assert (last.state.is_complete, loop.exit_code) == (True, 0)


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ("", 'openai:m: {base_url: "http://models.example/v1"}'),
        (PRICED, 'openai:m: {base_url: "%s"}'),
        ("", "openai:m: {}"),
    ],
    ids=["unknown price", "server of one's own with a price", "OpenAI"],
)
def test_calls_that_may_cost_money_need_a_limit(
    home: Path, server: OpenAIServer, settings: str, model: str
) -> None:
    (home / "workbench.yaml").write_text(settings)
    model = model.replace("%s", server.url)
    experiment = ECHO.replace("[echo:last]", f"[{{{model}}}]")
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    with running(home) as loop:
        error = loop.next("ended").text
    assert "calls that may cost money, to openai:m" in error
    assert "--max-cost 0.50 or --max-calls 500" in error
    assert server.requests == []


def test_a_model_that_costs_money_may_not_come_with_a_save(api: Path) -> None:
    with running(api) as loop:
        loop.next()
        (api / "workbench.yaml").write_text(PRICED)
        assert "calls that may cost money" in loop.next("failed").text
        (api / "workbench.yaml").write_text("prices: {openai:m: {input: 0, output: 0}}\n")
        loop.next()


def test_evaluators_with_keys_of_their_own_need_a_limit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONE_KEY", "k")
    experiment = ECHO.replace("tone]", "{tone: {env: [TONE_KEY]}}]")
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    with running(home) as loop:
        assert "each save would run tone" in loop.next("ended").text


def test_enter_runs_the_same_files_again(api: Path, server: OpenAIServer) -> None:
    with running(api) as loop:
        loop.next()
        loop.press("\n")
        event = loop.next()
    assert (event.state.files, event.state.changes, len(server.requests)) == (FileChanges(), [], 4)


def test_r_records_once_and_the_loop_goes_on(home: Path) -> None:
    with running(home) as loop:
        loop.next()
        loop.press("r")
        loop.next("recorded")
        loop.save("plain.jinja", "user:\nno\n")
        loop.next()
        loop.press("r")
        loop.next("recorded")
        loop.press("r")
        assert loop.next("note").text == "recorded already"
    assert [state.files.saved for state in loop.recorded] == [(), ("prompts/qa/plain.jinja",)]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("prompts/qa/experiment.yaml", ECHO + "margin: 0.2\n"),
        ("prompts/qa/experiment.yaml", ECHO + "baseline: loud\n"),
        ("prompts/qa/experiment.yaml", ECHO + "gate: {exact_match: {min: 0.1}}\n"),
        ("workbench.yaml", "prices: {echo:last: {input: 0, output: 0}}\n"),
    ],
    ids=["margin", "baseline", "gate", "prices"],
)
def test_a_state_with_the_same_plan_is_recorded_too(home: Path, file: str, content: str) -> None:
    with running(home) as loop:
        loop.next()
        loop.press("r")
        loop.next("recorded")
        (home / file).write_text(content)
        loop.next()
    assert [bool(state.files) for state in loop.recorded] == [False, True]


def test_answers_that_came_after_a_record_are_recorded(api: Path, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: refuse(500, "down", headers={"x-should-retry": "false"})
    with running(api) as loop:
        assert loop.next().state.compared.results[0].rows.scored == 0
        loop.press("r")
        loop.next("recorded")
        server.script = last_message
        loop.press("\n")
        loop.next()
    scored = [state.compared.results[0].rows.scored for state in loop.recorded]
    assert scored == [0, 2]


def test_the_last_complete_state_is_recorded_although_a_file_is_broken(home: Path) -> None:
    with running(home) as loop:
        loop.next()
        loop.save("plain.jinja", "{{ broken")
        loop.next("failed")
    assert len(loop.recorded) == 1


def test_a_plan_that_another_process_runs_is_waited_for(home: Path) -> None:
    project, file = Project(home), home / "prompts" / "qa" / "experiment.yaml"
    with Store(project.store, Redactor()) as store, Renderer() as renderer:
        experiment = load_experiment(file, project, renderer, project_resolvers(project))
        plan = plan_invocation(experiment, renderer, store, Options())
        with plan_lock(project, store, plan):
            loop_context = running(home)
            loop = loop_context.__enter__()
            note = loop.next("note").text
        event = loop.next()
        loop_context.__exit__(None, None, None)
    assert note.startswith("waiting: the same plan is running already")
    assert event.state.compared.results[0].rows.scored == 2
