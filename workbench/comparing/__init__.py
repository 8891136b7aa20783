"""Variants beside each other on the same rows.

metrics.py    each metric of a variant beside its baseline's: difference and verdict
sides.py      what a user names, as variants, and which of them is compared with which
rows.py       the rows whose values changed, with both answers; the same metrics by slice
stored.py     all of it out of the store
"""

from workbench.comparing.metrics import compared
from workbench.comparing.rows import Change, Slice
from workbench.comparing.sides import paired
from workbench.comparing.stored import Compared, compare

__all__ = ["Change", "Compared", "Slice", "compare", "compared", "paired"]
