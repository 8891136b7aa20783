"""A plan's requests sent to a server on loopback, and the stored answers."""

import json
import sqlite3
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from listening import CollectedOutcome, complete_and_collect
from openai_server import RESET, OpenAIServer, Reply, answer, hold, last_message, refuse

from workbench.completing.budget import Budget
from workbench.completing.context import Progress, RunContext, Stop
from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment import Resolvers, load_experiment
from workbench.plan import Options, Plan, plan_invocation
from workbench.project import Price, Project
from workbench.prompt import Renderer
from workbench.store import Store
from workbench.store.statistics import statistics

RESOLVERS = Resolvers(registry=lambda *_: pytest.fail("no registry"), mlflow_dataset=lambda _: [])
DEFAULT_OPTIONS = Options()
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
class Workspace:
    """A project in a folder, its store, and how to plan and complete in it."""

    root: Path
    store: Store
    renderer: Renderer
    progress: RecordingProgress | None = None
    budget: Budget = field(default_factory=Budget)

    def plan(self, *models: str, rows: int = 6, options=DEFAULT_OPTIONS) -> Plan:
        folder = self.root / "prompts" / "sums"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ask.jinja").write_text("user:\n{{ question }}\n")
        data = [json.dumps({"question": f"row {n}", "label": f"row {n}"}) for n in range(rows)]
        (folder / "rows.jsonl").write_text("\n".join(data))
        listed = "\n".join(f"  - {model}" for model in models)
        (folder / "experiment.yaml").write_text(EXPERIMENT.format(models=listed))
        path = folder / "experiment.yaml"
        experiment = load_experiment(path, Project(self.root), self.renderer, RESOLVERS)
        return plan_invocation(experiment, self.renderer, self.store, options)

    def complete(self, plan: Plan, stop: Stop | None = None) -> CollectedOutcome:
        keys = [request.key for requests in plan.requests for request in requests]
        self.progress = RecordingProgress(self.store, keys)
        project = Project(self.root)
        context = RunContext(project, self.store, self.progress, stop or Stop(), self.budget)
        with self.store.leases.session(plan.digest):
            return complete_and_collect(plan, context)


@pytest.fixture
def workspace(tmp_path, renderer):
    (tmp_path / ".workbench").mkdir()
    with Store(tmp_path / ".workbench") as store:
        yield Workspace(tmp_path, store, renderer)


def model(server: OpenAIServer, name: str = "m", concurrency: int = 2) -> str:
    settings = f'base_url: "{server.url}", concurrency: {concurrency}, backoff_s: 0.01'
    return f'"openai:{name}": {{{settings}}}'


def texts(plan: Plan, outcome: CollectedOutcome) -> list[list[str | None]]:
    """Each variant's texts in the dataset's order; None where there is no answer."""
    completions = outcome.completions
    return [
        [completions[cell.key].text if cell.key in completions else None for cell in cells]
        for cells in plan.cells
    ]


ROWS = [f"row {n}" for n in range(6)]


def test_every_answer_is_kept_before_it_is_counted(workspace, server):
    plan = workspace.plan(model(server))
    outcome = workspace.complete(plan)
    assert texts(plan, outcome) == [ROWS]
    assert (outcome.sent, outcome.attempts, outcome.model_errors) == (6, 6, [])
    progress = workspace.progress
    assert (progress.total, progress.done, progress.failed, progress.ended) == (6, 6, 0, 1)
    assert all(progress.durable)


def test_what_is_kept_is_not_sent_again(workspace, server):
    first = workspace.complete(workspace.plan(model(server), rows=4))
    plan = workspace.plan(model(server))
    outcome = workspace.complete(plan)
    assert (plan.stored, plan.to_send, outcome.sent, len(server.requests)) == (4, 2, 2, 6)
    assert texts(plan, outcome) == [ROWS]
    stored = {key for key, completion in outcome.completions.items() if completion.stored}
    assert stored == first.completions.keys()
    again = workspace.complete(workspace.plan(model(server)))
    assert (again.sent, len(server.requests)) == (0, 6)


def test_failed_request_is_not_kept_and_is_sent_again_next_time(workspace, server):
    server.script = lambda path, body, nth: (
        refuse(500, "no") if "row 3" in str(body) else last_message(path, body, nth)
    )
    outcome = workspace.complete(workspace.plan(model(server)))
    failed = [
        completion for completion in outcome.completions.values() if completion.state == "failed"
    ]
    assert [completion.error for completion in failed] == ["HTTP 500: no"]
    assert (outcome.sent, workspace.progress.failed) == (6, 1)
    assert all(workspace.progress.durable)
    (key,) = (completion.key for completion in failed)
    assert noted(workspace, [key, *outcome.completions]) == {key: "HTTP 500: no"}
    server.script = last_message
    plan = workspace.plan(model(server))
    assert plan.to_send == 1
    assert texts(plan, workspace.complete(plan)) == [ROWS]
    assert noted(workspace, outcome.completions) == {}


def noted(workspace, keys) -> dict[str, str]:
    """Reasons of requests without a reply, by key."""
    return {key: note.reason for key, note in workspace.store.no_replies.read(keys).items()}


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        pytest.param(refuse(429, "busy"), "HTTP 429: busy", marks=pytest.mark.slow),  # retries
        (RESET, "the connection was lost: ServerDisconnectedError: Server disconnected"),
        (refuse(400, "too long"), None),
        (refuse(401, "bad key"), None),
        (refuse(400, "no", param="temperature"), None),
    ],
    ids=["429", "reset", "rejected", "key", "parameter"],
)
def test_request_without_a_reply_is_noted_unless_its_model_ended(workspace, server, reply, note):
    server.script = lambda path, body, nth: reply
    outcome = workspace.complete(workspace.plan(model(server), rows=1))
    notes = noted(workspace, outcome.completions)
    assert notes == ({} if note is None else dict.fromkeys(outcome.completions, note))


def test_requests_that_were_never_sent_are_not_noted(workspace, server):
    server.script = lambda path, body, nth: refuse(500, "no")
    workspace.budget = Budget(max_calls=1)
    plan = workspace.plan(model(server, concurrency=1), rows=3)
    outcome = workspace.complete(plan)
    assert outcome.exhausted
    assert list(noted(workspace, plan.bodies).values()) == ["not sent again: HTTP 500: no"]


def test_useless_answer_is_kept_and_sent_again_only_when_asked(workspace, server):
    server.script = lambda path, body, nth: Reply(body=answer(None, finish="tool_calls"))
    workspace.complete(workspace.plan(model(server)))
    assert workspace.plan(model(server)).to_send == 0
    server.script = last_message
    plan = workspace.plan(model(server), options=Options(retry_failed=True))
    assert plan.to_send == 6
    assert texts(plan, workspace.complete(plan)) == [ROWS]


def test_two_models_are_asked_at_the_same_time(workspace, server):
    server.script = lambda path, body, nth: hold(
        last_message(path, body, nth), lambda: server.max_in_flight == 2
    )
    plan = workspace.plan(model(server, "one", 1), model(server, "two", 1), rows=2)
    outcome = workspace.complete(plan)
    assert texts(plan, outcome) == [ROWS[:2]] * 2
    assert server.max_in_flight == 2


def test_model_that_is_stopped_leaves_the_other_complete(workspace, server):
    def script(path, body, nth):
        if body["model"] == "two" and "row 2" in str(body):
            return refuse(404, "no such model")
        return last_message(path, body, nth)

    server.script = script
    plan = workspace.plan(model(server, "one"), model(server, "two", 1))
    outcome = workspace.complete(plan)
    assert texts(plan, outcome) == [ROWS, ["row 0", "row 1", "", None, None, None]]
    assert [stop.message for stop in outcome.model_errors] == [
        "openai:two: HTTP 404: no such model"
    ]
    assert outcome.sent == 9
    (failed,) = [
        completion for completion in outcome.completions.values() if completion.state == "failed"
    ]
    assert failed.error == "openai:two: HTTP 404: no such model"
    again = workspace.plan(model(server, "one"), model(server, "two", 1))
    assert again.to_send == 4


def test_stop_lets_calls_in_flight_end_and_starts_no_more(workspace, server):
    stop = Stop()

    def script(path, body, nth):
        stop.requested = stop.requested or len(server.requests) >= 3
        return Reply(body=last_message(path, body, nth).body, delay_s=0.1)

    server.script = script
    plan = workspace.plan(model(server, concurrency=3), rows=30)
    outcome = workspace.complete(plan, stop)
    assert (
        outcome.sent
        == len(server.requests)
        == len(workspace.store.stored_keys(workspace.progress.keys))
    )
    assert 3 <= outcome.sent <= 6
    assert outcome.model_errors == []
    assert len(outcome.completions) == outcome.sent
    assert workspace.plan(model(server), rows=30).to_send == 30 - outcome.sent


def test_models_of_this_machine_and_apis_run_in_one_plan(workspace, server):
    plan = workspace.plan('"echo:last"', '"echo:first-word"', model(server))
    outcome = workspace.complete(plan)
    assert texts(plan, outcome) == [ROWS, ["row"] * 6, ROWS]
    assert outcome.sent == 18


def test_missing_key_is_reported_before_anything_is_sent(workspace, server, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    keyed = model(server, "two")[:-1] + ", api_key_env: NO_KEY}"
    plan = workspace.plan(model(server), keyed)
    with pytest.raises(WorkbenchError, match="NO_KEY is empty"):
        workspace.complete(plan)
    assert server.requests == []


def test_stored_answer_is_no_answer_of_a_fresh_run(workspace, server):
    workspace.complete(workspace.plan(model(server)))
    server.script = lambda path, body, nth: refuse(401, "no")
    fresh = workspace.plan(model(server, concurrency=1), options=Options(fresh=True))
    outcome = workspace.complete(fresh)
    assert texts(fresh, outcome) == [["", None, None, None, None, None]]
    assert len(outcome.model_errors) == 1


def test_store_that_fails_stops_the_sending(workspace, server):
    server.script = lambda path, body, nth: hold(
        replace(last_message(path, body, nth), delay_s=0.05),
        lambda: len(server.requests) < 10 or workspace.progress.ended,
    )
    plan = workspace.plan(model(server), rows=40)
    with sqlite3.connect(workspace.root / ".workbench" / "store.db") as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON completions WHEN (SELECT count(*) FROM "
            "completions) > 3 BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
    other.close()
    with pytest.raises(WorkbenchError, match="can't be written: disk is full") as caught:
        workspace.complete(plan)
    assert (caught.value.exit_code, workspace.progress.ended) == (ExitCode.STORAGE, 1)
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


def with_provider(plan: Plan, number: int, error: Exception, takes: int = 1) -> Plan:
    """The plan with a broken provider for the variant at `number`."""
    variants = list(plan.variants)
    opened = variants[number].model
    broken = replace(opened, provider=Broken(opened.provider, error, takes))
    variants[number] = replace(variants[number], model=broken)
    return replace(plan, variants=tuple(variants))


def test_fault_of_a_plug_in_is_raised_when_the_others_answers_are_kept(workspace, server):
    server.script = lambda path, body, nth: Reply(
        body=last_message(path, body, nth).body, delay_s=0.2
    )
    plan = workspace.plan(model(server, concurrency=6), '"echo:last"')
    plan = with_provider(plan, 1, ZeroDivisionError("in the plug-in"))
    with pytest.raises(ZeroDivisionError, match="in the plug-in"):
        workspace.complete(plan)
    keys = [cell.key for cell in plan.cells[0]]
    assert len(workspace.store.stored_keys(keys)) == len(server.requests)


def test_a_model_that_leaves_requests_unanswered_blocks_no_other(workspace, server):
    """Its requests count as failed, and their budget is free again."""
    plan = workspace.plan(model(server, "one", 1), model(server, "two", 1))
    plan = with_provider(
        plan, 0, WorkbenchError("no more", exit_code=ExitCode.FAILED_ROWS), takes=2
    )
    workspace.budget = Budget(max_calls=4)
    server.script = lambda path, body, nth: hold(  # until both models have begun their calls
        last_message(path, body, nth), lambda: workspace.budget.calls >= 3
    )
    outcome = workspace.complete(plan)
    assert outcome.exhausted
    assert [stop.message for stop in outcome.model_errors] == ["no more"]
    states = [completion.state for completion in outcome.completions.values()]
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
    ("no text", answer(None, finish="stop"), "ok", True, False),
    ("no text, length", answer("", finish="length"), "truncated", True, False),
    ("no text, no reason", answer("", finish=None), "empty_output", False, True),
    ("tool calls", answer(None, finish="tool_calls"), "empty_output", False, True),
    ("no choices", NO_CHOICES, "invalid_response", False, True),
    ("no JSON", b"<html>", "invalid_response", False, True),
    ("rejected", Reply(400, {"error": {"message": "too long"}}), "rejected", False, True),
]


@pytest.mark.parametrize(
    ("body", "state", "scored", "again"),
    [row[1:] for row in STATES],
    ids=[row[0] for row in STATES],
)
def test_each_reply_is_kept_and_its_state_says_what_it_is_good_for(
    workspace, server, body, state, scored, again
):
    server.script = lambda *_: body if isinstance(body, Reply) else Reply(body=body)
    plan = workspace.plan(model(server), rows=1)
    (completion,) = workspace.complete(plan).completions.values()
    assert (completion.state, completion.scored) == (state, scored)
    assert workspace.store.stored_keys([completion.key]) == {completion.key}
    assert workspace.plan(model(server), rows=1).to_send == 0
    retried = workspace.plan(model(server), rows=1, options=Options(retry_failed=True))
    assert retried.to_send == int(again)


def test_rejected_row_costs_nothing_and_leaves_no_open_call(workspace, server):
    server.script = lambda path, body, nth: (
        refuse(400, "too long") if "row 1" in str(body) else last_message(path, body, nth)
    )
    workspace.budget = Budget({"openai:m": Price(input=1e6, output=1e6)}, max_cost=1e9)
    plan = workspace.plan(model(server), rows=2)
    outcome = workspace.complete(plan)
    assert sorted(completion.state for completion in outcome.completions.values()) == [
        "ok",
        "rejected",
    ]
    budget = workspace.budget
    assert (budget.spent, budget.reserved, budget.in_flight, budget.calls) == (9.0, 0.0, 0, 2)
    assert workspace.store.leases.unanswered_calls() == []
    (model_statistics,) = statistics(workspace.store, budget.prices).models
    assert (model_statistics.uncounted, model_statistics.cost) == (0, 9.0)
