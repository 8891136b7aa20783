"""Variants beside each other on the same rows.

metrics.py    each metric of a variant beside its baseline's: difference and verdict
sides.py      what a user names, as variants, and which of them is compared with which
rows.py       the rows whose values changed, with both answers; the same metrics by slice
gate.py       whether a change may go in
checks.py     one rule of it on one variant
growing.py    which rows a gate that isn't decided asks for
deciding.py   which variant to take
racing.py     who drops out while the others run on
stored.py     all of it out of the store
"""

from workbench.comparing.changed_rows import RowChange, Slice
from workbench.comparing.checks import FAILED, INCONCLUSIVE, PASSED, Check
from workbench.comparing.comparison import ExperimentComparison, compare_stored, require_answers
from workbench.comparing.decision import Decision, Limits, decide
from workbench.comparing.gate import check_gate, checked_variants, gate_baselines
from workbench.comparing.growth import GrowingGate
from workbench.comparing.metrics import add_comparisons
from workbench.comparing.race import Out, Race
from workbench.comparing.selectors import select_comparisons

__all__ = [
    "FAILED",
    "INCONCLUSIVE",
    "PASSED",
    "Check",
    "Decision",
    "ExperimentComparison",
    "GrowingGate",
    "Limits",
    "Out",
    "Race",
    "RowChange",
    "Slice",
    "add_comparisons",
    "check_gate",
    "checked_variants",
    "compare_stored",
    "decide",
    "gate_baselines",
    "require_answers",
    "select_comparisons",
]
