"""Sending the requests of a plan and storing the completions.

budget.py       limits on calls and cost
check_batch.py  local answers that change when rows are asked one by one
complete.py     threads that call the models, one that stores
context.py      RunContext, and the callbacks for progress and completions
dispatch.py     each request leased and budgeted when a provider pulls it
plan_lock.py    one process at a time runs a plan
stop.py         the request to end an invocation
"""

from workbench.completing.budget import Budget
from workbench.completing.check_batch import BatchChange, BatchCheck, check_batch
from workbench.completing.complete import Outcome, complete
from workbench.completing.context import CompletionListener, Progress, Round, Rounds, RunContext
from workbench.completing.plan_lock import plan_lock
from workbench.completing.stop import Stop

__all__ = [
    "BatchChange",
    "BatchCheck",
    "Budget",
    "CompletionListener",
    "Outcome",
    "Progress",
    "Round",
    "Rounds",
    "RunContext",
    "Stop",
    "check_batch",
    "complete",
    "plan_lock",
]
