"""Sending what a plan has to send, and keeping what comes back.

complete(plan, site)  ->  Outcome(completions by key, what stopped a model)

complete.py   threads that ask, one that keeps       budget.py   what may still be spent
handing.py    each request with its intent noted and its cost held, when it is pulled
"""

from workbench.completing.budget import Budget
from workbench.completing.complete import Outcome, Progress, Site, complete
from workbench.completing.handing import Stop

__all__ = ["Budget", "Outcome", "Progress", "Site", "Stop", "complete"]
