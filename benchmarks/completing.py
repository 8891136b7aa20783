"""Workbench's completing stage: requests, store and progress bar, without scoring and recording.

python -m benchmarks.completing        in a project's folder
{"cpu_s": 1.1}     on stdout: user and system time of the stage, planning left out
"""

import json
import time

from workbench.cli.setup import open_experiment
from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.completing.plan_lock import plan_lock
from workbench.plan import Options, Scope
from workbench.report.progress import Bar


def main() -> None:
    with open_experiment("", Options(Scope()), "") as opened:
        project, store, plan = opened.project, opened.store, opened.plan()
        with plan_lock(project, store, plan), store.leases.session(plan.digest):
            before = time.process_time()
            outcome = complete(plan, RunContext(project, store, Bar()))
        print(json.dumps({"cpu_s": time.process_time() - before}))
    assert outcome.sent == plan.planned


if __name__ == "__main__":
    main()
