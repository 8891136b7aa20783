"""A plan's requests sent to a server on loopback, and what is kept of the answers."""

import json
import sqlite3
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from listening import CollectedOutcome, complete_and_collect
from openai_server import OpenAIServer, Reply, answer, last_message, refuse

from workbench.completing.budget import Budget
from workbench.completing.context import Progress, RunContext, Stop
from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment import Resolvers, load_experiment
from workbench.plan import Options, Plan, plan_invocation
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.store import Store

NO_DOORS = Resolvers(registry=lambda *_: pytest.fail("no registry"), mlflow_dataset=lambda _: [])
AS_ASKED = Options()
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [ask]
models:
{models}
parameters: {{max_tokens: 8, temperature: 0}}
evaluators: [exact_match]
"""


@dataclass
class RecordingProgress(Progress):
    """Progress that records its calls, and whether completions were durable at each."""

    store: Store
    keys: list[str] = field(default_factory=list)
    total: int = 0
    done: int = 0
    failed: int = 0
    durable: list[bool] = field(default_factory=list)
    ended: int = 0

    def begin(self, total: int) -> None:
        self.total = total

    def advance(self, done: int, failed: int) -> None:
        self.done += done
        self.failed += failed
        self.durable.append(len(self.store.stored_keys(self.keys)) == self.done - self.failed)

    def end(self) -> None:
        self.ended += 1


@dataclass
class Shop:
    """A project in a folder, its store, and how to plan and complete in it."""

    root: Path
    store: Store
    renderer: Renderer
    told: RecordingProgress | None = None
    budget: Budget = field(default_factory=Budget)

    def plan(self, *models: str, rows: int = 6, options=AS_ASKED) -> Plan:
        folder = self.root / "prompts" / "sums"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ask.jinja").write_text("user:\n{{ question }}\n")
        data = [json.dumps({"question": f"row {n}", "label": f"row {n}"}) for n in range(rows)]
        (folder / "rows.jsonl").write_text("\n".join(data))
        listed = "\n".join(f"  - {model}" for model in models)
        (folder / "experiment.yaml").write_text(EXPERIMENT.format(models=listed))
        path = folder / "experiment.yaml"
        experiment = load_experiment(path, Project(self.root), self.renderer, NO_DOORS)
        return plan_invocation(experiment, self.renderer, self.store, options)

    def complete(self, plan: Plan, stop: Stop | None = None) -> CollectedOutcome:
        keys = [request.key for requests in plan.requests for request in requests]
        self.told = RecordingProgress(self.store, keys)
        project = Project(self.root)
        context = RunContext(project, self.store, self.told, stop or Stop(), self.budget)
        with self.store.leases.session(plan.digest):
            return complete_and_collect(plan, context)


@pytest.fixture
def shop(tmp_path, renderer):
    (tmp_path / ".workbench").mkdir()
    with Store(tmp_path / ".workbench") as store:
        yield Shop(tmp_path, store, renderer)


def model(server: OpenAIServer, name: str = "m", concurrency: int = 2) -> str:
    said = f'base_url: "{server.url}", concurrency: {concurrency}, backoff_s: 0.01'
    return f'"openai:{name}": {{{said}}}'


def texts(plan: Plan, outcome: CollectedOutcome) -> list[list[str | None]]:
    """Each variant's texts in the dataset's order; None where there is no answer."""
    found = outcome.completions
    return [
        [found[cell.key].text if cell.key in found else None for cell in cells]
        for cells in plan.cells
    ]


ROWS = [f"row {n}" for n in range(6)]


def test_every_answer_is_kept_before_it_is_counted(shop, server):
    plan = shop.plan(model(server))
    outcome = shop.complete(plan)
    assert texts(plan, outcome) == [ROWS]
    assert (outcome.sent, outcome.attempts, outcome.model_errors) == (6, 6, [])
    told = shop.told
    assert (told.total, told.done, told.failed, told.ended) == (6, 6, 0, 1)
    assert all(told.durable)


def test_what_is_kept_is_not_sent_again(shop, server):
    first = shop.complete(shop.plan(model(server), rows=4))
    plan = shop.plan(model(server))
    outcome = shop.complete(plan)
    assert (plan.stored, plan.to_send, outcome.sent, len(server.requests)) == (4, 2, 2, 6)
    assert texts(plan, outcome) == [ROWS]
    stored = {key for key, one in outcome.completions.items() if one.stored}
    assert stored == first.completions.keys()
    again = shop.complete(shop.plan(model(server)))
    assert (again.sent, len(server.requests)) == (0, 6)


def test_failed_request_is_not_kept_and_is_sent_again_next_time(shop, server):
    server.script = lambda path, body, nth: (
        refuse(400, "no") if "row 3" in str(body) else last_message(path, body, nth)
    )
    outcome = shop.complete(shop.plan(model(server)))
    failed = [one for one in outcome.completions.values() if one.state == "failed"]
    assert [one.error for one in failed] == ["HTTP 400: no"]
    assert (outcome.sent, shop.told.failed) == (6, 1)
    assert all(shop.told.durable)
    server.script = last_message
    plan = shop.plan(model(server))
    assert plan.to_send == 1
    assert texts(plan, shop.complete(plan)) == [ROWS]


def test_useless_answer_is_kept_and_sent_again_only_when_asked(shop, server):
    server.script = lambda path, body, nth: Reply(body=answer(None))
    shop.complete(shop.plan(model(server)))
    assert shop.plan(model(server)).to_send == 0
    server.script = last_message
    plan = shop.plan(model(server), options=Options(retry_failed=True))
    assert plan.to_send == 6
    assert texts(plan, shop.complete(plan)) == [ROWS]


def test_two_models_are_asked_at_the_same_time(shop, server):
    server.script = lambda path, body, nth: Reply(
        body=last_message(path, body, nth).body, delay_s=0.2
    )
    plan = shop.plan(model(server, "one", 1), model(server, "two", 1), rows=2)
    outcome = shop.complete(plan)
    assert texts(plan, outcome) == [ROWS[:2]] * 2
    assert server.max_in_flight == 2


def test_model_that_is_stopped_leaves_the_other_complete(shop, server):
    def script(path, body, nth):
        if body["model"] == "two" and "row 2" in str(body):
            return refuse(404, "no such model")
        return last_message(path, body, nth)

    server.script = script
    plan = shop.plan(model(server, "one"), model(server, "two", 1))
    outcome = shop.complete(plan)
    assert texts(plan, outcome) == [ROWS, ["row 0", "row 1", "", None, None, None]]
    assert [stop.message for stop in outcome.model_errors] == [
        "openai:two: HTTP 404: no such model"
    ]
    assert outcome.sent == 9
    (failed,) = [one for one in outcome.completions.values() if one.state == "failed"]
    assert failed.error == "openai:two: HTTP 404: no such model"
    again = shop.plan(model(server, "one"), model(server, "two", 1))
    assert again.to_send == 4


def test_stop_lets_what_is_under_way_end_and_starts_nothing_more(shop, server):
    stop = Stop()

    def script(path, body, nth):
        stop.requested = stop.requested or len(server.requests) >= 3
        return Reply(body=last_message(path, body, nth).body, delay_s=0.1)

    server.script = script
    plan = shop.plan(model(server, concurrency=3), rows=30)
    outcome = shop.complete(plan, stop)
    assert outcome.sent == len(server.requests) == len(shop.store.stored_keys(shop.told.keys))
    assert 3 <= outcome.sent <= 6
    assert outcome.model_errors == []
    assert len(outcome.completions) == outcome.sent
    assert shop.plan(model(server), rows=30).to_send == 30 - outcome.sent


def test_models_of_this_machine_and_apis_run_in_one_plan(shop, server):
    plan = shop.plan('"echo:last"', '"echo:first-word"', model(server))
    outcome = shop.complete(plan)
    assert texts(plan, outcome) == [ROWS, ["row"] * 6, ROWS]
    assert outcome.sent == 18


def test_missing_key_is_said_before_anything_is_sent(shop, server, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    keyed = model(server, "two")[:-1] + ", api_key_env: NO_KEY}"
    plan = shop.plan(model(server), keyed)
    with pytest.raises(WorkbenchError, match="NO_KEY is empty"):
        shop.complete(plan)
    assert server.requests == []


def test_answer_that_was_not_asked_for_again_is_no_answer_of_a_fresh_run(shop, server):
    shop.complete(shop.plan(model(server)))
    server.script = lambda path, body, nth: refuse(401, "no")
    fresh = shop.plan(model(server, concurrency=1), options=Options(fresh=True))
    outcome = shop.complete(fresh)
    assert texts(fresh, outcome) == [["", None, None, None, None, None]]
    assert len(outcome.model_errors) == 1


def test_store_that_fails_stops_the_sending(shop, server):
    server.script = lambda path, body, nth: Reply(
        body=last_message(path, body, nth).body, delay_s=0.05
    )
    plan = shop.plan(model(server), rows=40)
    with sqlite3.connect(shop.root / ".workbench" / "store.db") as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON completions WHEN (SELECT count(*) FROM "
            "completions) > 3 BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
    other.close()
    with pytest.raises(WorkbenchError, match="can't be written: disk is full") as caught:
        shop.complete(plan)
    assert (caught.value.exit_code, shop.told.ended) == (ExitCode.STORAGE, 1)
    time.sleep(0.2)
    assert len(server.requests) < 20


class Broken:
    """A plug-in's provider that takes some requests, answers none, and raises."""

    concurrent = True
    billed = True

    def __init__(self, real, error: Exception, takes: int = 1) -> None:
        self.prepare, self.identity = real.prepare, real.identity
        self.error, self.takes = error, takes

    def check_ready(self) -> None: ...

    def complete(self, requests):
        for _ in range(self.takes):
            next(requests)
        raise self.error
        yield


def with_provider(plan: Plan, place: int, error: Exception, takes: int = 1) -> Plan:
    """The plan with a broken provider for the variant at `place`."""
    variants = list(plan.variants)
    own = variants[place].model
    broken = replace(own, provider=Broken(own.provider, error, takes))
    variants[place] = replace(variants[place], model=broken)
    return replace(plan, variants=tuple(variants))


def test_fault_of_a_plug_in_is_raised_when_the_others_answers_are_kept(shop, server):
    server.script = lambda path, body, nth: Reply(
        body=last_message(path, body, nth).body, delay_s=0.2
    )
    plan = shop.plan(model(server, concurrency=6), '"echo:last"')
    plan = with_provider(plan, 1, ZeroDivisionError("in the plug-in"))
    with pytest.raises(ZeroDivisionError, match="in the plug-in"):
        shop.complete(plan)
    own = [cell.key for cell in plan.cells[0]]
    assert len(shop.store.stored_keys(own)) == len(server.requests)


def test_a_model_that_leaves_requests_unsaid_holds_nobody_up(shop, server):
    """What it was handed has failed, and the budget that was held for it is free."""
    plan = shop.plan(model(server, "one", 1), model(server, "two", 1))
    plan = with_provider(
        plan, 0, WorkbenchError("no more", exit_code=ExitCode.FAILED_ROWS), takes=2
    )
    shop.budget = Budget(max_calls=4)
    outcome = shop.complete(plan)
    assert outcome.exhausted
    assert [stop.message for stop in outcome.model_errors] == ["no more"]
    states = [one.state for one in outcome.completions.values()]
    assert (states.count("failed"), len(server.requests)) == (2, 2)


NO_CHOICES = {**answer("x"), "choices": []}
REFUSED = {**answer("x"), "choices": [{"message": {"refusal": "no"}, "finish_reason": "stop"}]}
STATES = [
    # what came, its state, whether it is scored, whether --retry-failed sends it again
    ("stop", answer("4"), "ok", True, False),
    ("length", answer("4", finish="length"), "truncated", True, False),
    ("unknown word", answer("4", finish="pause"), "ok", True, False),
    ("refusal", REFUSED, "refused", True, False),
    ("content_filter", answer("4", finish="content_filter"), "filtered", False, True),
    ("no text", answer(None, finish="stop"), "empty_output", False, True),
    ("no text, length", answer("", finish="length"), "empty_output", False, True),
    ("tool calls", answer(None, finish="tool_calls"), "empty_output", False, True),
    ("no choices", NO_CHOICES, "invalid_response", False, True),
    ("no JSON", b"<html>", "invalid_response", False, True),
]


@pytest.mark.parametrize(
    ("body", "state", "scored", "again"),
    [row[1:] for row in STATES],
    ids=[row[0] for row in STATES],
)
def test_each_reply_is_kept_and_its_state_says_what_it_is_good_for(
    shop, server, body, state, scored, again
):
    server.script = lambda *_: Reply(body=body)
    plan = shop.plan(model(server), rows=1)
    (found,) = shop.complete(plan).completions.values()
    assert (found.state, found.scored) == (state, scored)
    assert shop.store.stored_keys([found.key]) == {found.key}
    assert shop.plan(model(server), rows=1).to_send == 0
    retried = shop.plan(model(server), rows=1, options=Options(retry_failed=True))
    assert retried.to_send == int(again)
