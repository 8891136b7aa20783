"""A job that can be killed: plan and complete a small project, in a process forked for it.

`python job.py` is the process they are forked from. It has imported everything, so that a job
begins in milliseconds; jobs.py talks to it. `python job.py '{"root": …}'` is one job. Nothing here
is known to MLflow.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai  # noqa: F401  imported before the fork

from workbench.completing.complete import complete
from workbench.completing.context import Round, RunContext
from workbench.completing.model_threads import Outcome
from workbench.completing.plan_lock import plan_lock
from workbench.errors import WorkbenchError
from workbench.experiment import Resolvers, load_experiment
from workbench.model import Completion, Request, Usage
from workbench.plan import Options, Plan, plan_invocation
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.prompt.renderer import Rendered, RenderJob
from workbench.prompt.worker import answer_rows
from workbench.providers.echo import EchoProvider
from workbench.providers.openai import client  # noqa: F401
from workbench.scoring.judged_stream import open_stream, with_follow_ups
from workbench.scoring.stream import ignore_rows
from workbench.store import Store

EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [ask]
models:
  - {model}
parameters: {{max_tokens: 8, temperature: 0}}
evaluators: [exact_match]
"""
LONG_S = 1_000.0
AS_ASKED = Options()
DOORS = Resolvers(registry=lambda *_: None, mlflow_dataset=lambda _: [])  # type: ignore[arg-type]


def write_project(root: Path, model: str, rows: int, task: str = "sums") -> None:
    """A project with a task; `model` is YAML. Tasks ask the same, and are plans of their own."""
    folder = root / "prompts" / task
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ask.jinja").write_text("user:\n{{ question }}\n")
    data = [json.dumps({"question": f"row {n}", "label": f"row {n}"}) for n in range(rows)]
    (folder / "rows.jsonl").write_text("\n".join(data))
    (folder / "experiment.yaml").write_text(EXPERIMENT.format(model=model))


def make_plan(
    root: Path, store: Store, renderer: Renderer, options: Options = AS_ASKED, task: str = "sums"
) -> Plan:
    """The plan: requests without a stored completion."""
    path = root / "prompts" / task / "experiment.yaml"
    experiment = load_experiment(path, Project(root), renderer, DOORS)
    return plan_invocation(experiment, renderer, store, options)


class Cashier(EchoProvider):
    """Bills each request with a line in a file, some at a time."""

    concurrent = True
    billed = True
    some = 3

    def __init__(self, file: Path) -> None:
        super().__init__("last", {})
        self.file = file

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        pending: list[Request] = []
        for request in requests:
            with self.file.open("a") as bill:
                bill.write(f"{request.key}\n")
            pending.append(request)
            if len(pending) == self.some:
                yield from map(answer, pending)
                pending = []
        yield from map(answer, pending)


def answer(request: Request) -> Completion:
    text = request.body["messages"][-1]["content"]
    return Completion(request.key, "ok", text=text, usage=Usage(7, 2), finish_reason="stop")


def at_the_cashier(plan: Plan, file: Path) -> Plan:
    """The same plan, its models asked at a cashier."""
    asked = [
        replace(variant, model=replace(variant.model, provider=Cashier(file)))
        for variant in plan.variants
    ]
    return replace(plan, variants=tuple(asked))


def few_at_once(plan: Plan) -> Iterator[Round]:
    """Rounds of three, each kept before the next: however busy the machine, there are as many."""
    (requests,) = plan.requests
    for start in range(0, len(requests), 3):
        yield [requests[start : start + 3]]


def work(order: Mapping[str, Any], renderer: Renderer, ready: Callable[[], None]) -> Outcome:
    """Plans, says so, and completes when told to."""
    root = Path(order["root"])
    if order.get("from_nothing"):
        ready()
    with Store(Project(root).store) as store:
        options = Options(fresh=bool(order.get("fresh")))
        plan = make_plan(root, store, renderer, options, order.get("task", "sums"))
        if order.get("bill"):
            plan = at_the_cashier(plan, Path(order["bill"]))
        if not order.get("from_nothing"):
            ready()
        rounds = few_at_once if order.get("few_at_once") else None
        project = Project(root)
        with plan_lock(project, store, plan), store.leases.session(plan.digest):
            if order.get("judged"):
                return complete_and_judge(plan, RunContext(project, store, renderer=RendererHere()))
            return complete(plan, RunContext(project, store), rounds=rounds)


class RendererHere(Renderer):
    """Renders in the job's process: one for each job would take longer than the job."""

    def render_jobs(self, jobs: Iterable[RenderJob]) -> Iterator[Rendered]:
        for source, rows, choices in jobs:
            request = {"render": source, "choices": list(choices), "rows": list(rows)}
            for rendered in answer_rows(json.loads(json.dumps(request)), LONG_S):
                yield Rendered(**rendered)


def complete_and_judge(plan: Plan, context: RunContext) -> Outcome:
    """Completes while judges are asked."""
    context = with_follow_ups(context, plan)
    with open_stream(plan, context, ignore_rows) as stream:
        outcome = complete(plan, context, receive=stream.add)
        stream.finish()
        return outcome


class Gate:
    """The child says that it is ready, and waits."""

    def __init__(self) -> None:
        self.ready, self._say = os.pipe()
        self._hear, self.open = os.pipe()

    def pass_through(self) -> None:
        os.write(self._say, b"r")
        os.read(self._hear, 1)

    def close(self) -> None:
        for end in (self.ready, self._say, self._hear, self.open):
            os.close(end)


def child(order: Mapping[str, Any], renderer: Renderer, ready: Callable[[], None]) -> int:
    """Works, and gives the exit code."""
    try:
        outcome = work(order, renderer, ready)
        return 3 if outcome.failed else 0
    except WorkbenchError as error:
        (Path(order["root"]) / f"error-{os.getpid()}").write_text(str(error))
        return int(error.exit_code)
    except BaseException:
        (Path(order["root"]) / f"error-{os.getpid()}").write_text(traceback.format_exc())
        return 70


def start(order: Mapping[str, Any], renderer: Renderer) -> dict[str, Any]:
    """Forks a job and opens its gate, with strace attached to it if it is to be traced."""
    gate = Gate()
    pid = os.fork()
    if not pid:
        os.close(gate.ready)
        os._exit(child(order, renderer, gate.pass_through))
    os.close(gate._say)  # so that the end of a child that never got ready is heard
    gate._say = os.dup(gate._hear)
    os.read(gate.ready, 1)
    if order.get("strace"):
        traced = ["strace", "-f", "-p", str(pid), "-o", "/dev/null", *order["strace"]]
        tracer = subprocess.Popen(traced, stderr=subprocess.PIPE, text=True)
        assert tracer.stderr
        assert "attached" in tracer.stderr.readline()
    os.write(gate.open, b"g")
    gate.close()
    return {"pid": pid}


def wait(pid: int) -> dict[str, Any]:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"signal": max(0, -code), "code": max(0, code)}


def serve() -> None:
    """A line an order, a line an answer, until nobody orders any more."""
    with Renderer() as renderer:
        for line in sys.stdin:
            order = json.loads(line)
            said = wait(order["wait"]) if "wait" in order else start(order, renderer)
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        serve()
    else:  # one job, in this process
        with Renderer() as started:
            sys.exit(child(json.loads(sys.argv[1]), started, lambda: None))
