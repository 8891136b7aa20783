"""A lock that lets one process at a time run a plan.

.workbench/plan-9c1e04b7a2f35d18.lock     held while the plan runs, freed by the system
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Plan
from workbench.project import Project
from workbench.store import LockHeld, Owner, Store, hold_lock

LOCK_WAIT_S = 0.5  # a command that finds the plan being recorded holds the lock for a moment
OWNER_WAIT_S = 2.0  # a run that has just begun registers as an owner within this time


@contextmanager
def plan_lock(project: Project, store: Store, plan: Plan) -> Iterator[None]:
    """Hold the plan's lock; the system frees it however the process ends.

    Raises:
        WorkbenchError: another process runs the same plan (exit code 7).
    """
    path = project.store / f"plan-{plan.digest[:16]}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(path, timeout_s=LOCK_WAIT_S))
        except LockHeld:
            raise _already_running(store, plan) from None
        yield


def _already_running(store: Store, plan: Plan) -> WorkbenchError:
    deadline = time.monotonic() + OWNER_WAIT_S
    owners: list[Owner] = []
    while not owners and time.monotonic() < deadline:
        owners = [owner for owner in store.leases.live_owners() if owner.plan == plan.digest]
        time.sleep(0.0 if owners else 0.05)
    return WorkbenchError(
        "the same plan is running already" + "".join(f": {owner}" for owner in owners),
        fix="wait until it has ended; then the same command shows its runs",
        exit_code=ExitCode.ALREADY_RUNNING,
    )
