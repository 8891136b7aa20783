"""Records of calls without a completion, and files that a run leaves behind."""

import ast
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from job import Cashier, make_plan, write_project
from jobs import left_behind

from workbench.completing.budget import Budget
from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion, FailedCall, Request
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.store import Store

PACKAGE = Path(__file__).resolve().parents[2] / "workbench"
WALL_CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today"}


class Forgetful(Cashier):
    """A plug-in that doesn't say what became of its calls."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            yield Completion(request.key, "failed", error="it timed out")


class Refused(Cashier):
    """One that does: nothing was done."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            request.permit.record_failure(FailedCall("refused", "503"))
            yield Completion(request.key, "failed", error="HTTP 503")


@pytest.mark.parametrize(
    ("provider", "billed", "noted"),
    [
        (Forgetful, True, [("unknown", "it timed out")] * 2),
        (Forgetful, False, []),
        (Refused, True, [("refused", "503")] * 2),
    ],
)
def test_call_that_nobody_accounts_for_may_have_been_billed(
    tmp_path: Path, renderer: Renderer, provider: type[Cashier], billed: bool, noted: list
) -> None:
    (tmp_path / ".workbench").mkdir()
    write_project(tmp_path, '"echo:last"', 2)
    asked = provider(tmp_path / "bill")
    asked.billed = billed
    budget = Budget()
    with Store(tmp_path / ".workbench") as store:
        plan = make_plan(tmp_path, store, renderer)
        (variant,) = plan.variants
        model = replace(variant.model, provider=asked)
        plan = replace(plan, variants=(replace(variant, model=model),))
        with store.leases.session(plan.digest):
            complete(plan, RunContext(Project(tmp_path), store, budget=budget))
        assert [(call.outcome, call.reason) for call in store.leases.unanswered_calls()] == noted
        assert store.leases.expire_leases() == []
    assert (budget.calls, budget.in_flight) == (2, 0)
    assert left_behind(tmp_path / ".workbench") == []


def test_run_that_fails_leaves_no_lock(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        with suppress(ZeroDivisionError), store.leases.session("plan"):
            store.leases.claim("a", "p:m", 0.5)
            assert len(list((tmp_path / "owners").iterdir())) == 1
            raise ZeroDivisionError
        (call,) = store.leases.unanswered_calls()
        assert (call.key, call.outcome, call.cost) == ("a", "unknown", 0.5)
        assert call.reason == "the run ended before the call did"
        assert store.leases.owners() == []
    assert left_behind(tmp_path) == []


def test_lock_of_a_process_that_was_never_known_is_swept_up(tmp_path: Path) -> None:
    with Store(tmp_path) as store, Store(tmp_path) as other, other.leases.session("other"):
        (living,) = (tmp_path / "owners").iterdir()
        (tmp_path / "owners" / "0123.lock").touch()
        with store.leases.session("plan") as unsaid:
            assert unsaid == []
            names = {path.name for path in (tmp_path / "owners").iterdir()}
            assert (len(names), living.name in names, "0123.lock" in names) == (2, True, False)


def test_closed_store_says_so(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        pass
    with pytest.raises(WorkbenchError, match="Cannot operate on a closed database") as caught:
        store.leases.start_retry("a")
    assert caught.value.exit_code == ExitCode.STORAGE


def test_waits_and_deadlines_are_measured_by_a_clock_that_does_not_jump() -> None:
    """Only dates are compared with the time of day: a server's, and those of what is kept."""
    rooms = [PACKAGE / "completing", PACKAGE / "providers", PACKAGE / "store"]
    users = {
        str(file.relative_to(PACKAGE))
        for room in rooms
        for file in room.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in WALL_CLOCKS
    }
    dated = {"providers/openai/errors.py"} | {
        f"store/{name}.py" for name in ("prune", "ratings", "repair")
    }
    assert users <= dated
