"""Sending the requests of a plan and storing the completions.

budget.py       limits on calls and cost
check_batch.py  local answers that change when rows are asked one by one
complete.py     threads that call the models, one that stores
context.py      RunContext, the stop request, and the callbacks for progress
dispatch.py     each request leased and budgeted when a provider pulls it
plan_lock.py    one process at a time runs a plan
"""

from workbench.completing.budget import Budget
from workbench.completing.check_batch import BatchChange, BatchCheck, check_batch
from workbench.completing.complete import Outcome, complete
from workbench.completing.context import Progress, Round, Rounds, RunContext, Stop
from workbench.completing.plan_lock import plan_lock

__all__ = [
    "BatchChange",
    "BatchCheck",
    "Budget",
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
