"""A plan is run by one process at a time.

with alone(plan, project, store):     # exit code 7 where another process runs it
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from workbench.errors import ExitCode, WorkbenchError
from workbench.plan import Plan
from workbench.project import Project
from workbench.store import Held, Owner, Store, hold

SAID = 2.0  # seconds in which a run that has just begun says who it is


@contextmanager
def alone(project: Project, store: Store, plan: Plan) -> Iterator[None]:
    """Holds the plan's lock, which the system frees when the process ends, however it ends.

    Raises:
        WorkbenchError: another process runs the same plan (exit code 7).
    """
    path = project.store / f"plan-{plan.digest[:16]}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(path))
        except Held:
            raise _running(store, plan) from None
        yield


def _running(store: Store, plan: Plan) -> WorkbenchError:
    """Says who runs it; a run that has just begun says so in a moment."""
    until = time.monotonic() + SAID
    who: list[Owner] = []
    while not who and time.monotonic() < until:
        who = [one for one in store.ledger.running() if one.plan == plan.digest]
        time.sleep(0.0 if who else 0.05)
    return WorkbenchError(
        "the same plan is running already" + "".join(f": {one}" for one in who),
        fix="wait until it has ended; then the same command shows its runs",
        exit_code=ExitCode.ALREADY_RUNNING,
    )
