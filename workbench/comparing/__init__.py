"""Variants compared with each other on the same rows.

metrics.py        each metric of a variant compared with its baseline's: difference and verdict
selectors.py      the variants that a user's names select, and the pairs to compare
changed_rows.py   the rows whose values changed, with both answers; comparisons by slice
comparison.py     all comparisons of an experiment, out of the store
gate.py           the gate of an experiment file
checks.py         one rule of a gate on one variant
growth.py         a gate that asks for more rows until it is decided
decision.py       which variant to take
race.py           variants that drop out while the others run on
"""

from workbench.comparing.changed_rows import RowChange
from workbench.comparing.checks import FAILED, PASSED, Check
from workbench.comparing.comparison import ExperimentComparison, compare_stored, require_answers
from workbench.comparing.decision import Decision, Limits, decide
from workbench.comparing.gate import check_gate, gate_baselines
from workbench.comparing.growth import GrowingGate
from workbench.comparing.metrics import add_comparisons
from workbench.comparing.race import Race
from workbench.comparing.selectors import select_comparisons
from workbench.stats import INCONCLUSIVE

__all__ = [
    "FAILED",
    "INCONCLUSIVE",
    "PASSED",
    "Check",
    "Decision",
    "ExperimentComparison",
    "GrowingGate",
    "Limits",
    "Race",
    "RowChange",
    "add_comparisons",
    "check_gate",
    "compare_stored",
    "decide",
    "gate_baselines",
    "require_answers",
    "select_comparisons",
]
