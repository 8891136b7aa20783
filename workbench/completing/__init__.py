"""Sending what a plan has to send, and keeping what comes back.

complete(plan, site)  ->  Outcome(completions by key, what stopped a model)

alone.py      a plan is run by one process           budget.py   what may still be spent
complete.py   threads that ask, one that keeps
check_batch.py whether answers depend on the rows beside them
site.py       what limits the sending, who is told of it, in which rounds it goes
handing.py    each request with its intent noted and its cost held, when it is pulled
"""

from workbench.completing.budget import Budget
from workbench.completing.check_batch import BatchChange, Checked, check_batch
from workbench.completing.complete import Outcome, complete
from workbench.completing.context import Listener, Progress, Site
from workbench.completing.dispatch import Stop
from workbench.completing.plan_lock import alone

__all__ = [
    "BatchChange",
    "Budget",
    "Checked",
    "Listener",
    "Outcome",
    "Progress",
    "Site",
    "Stop",
    "alone",
    "check_batch",
    "complete",
]
