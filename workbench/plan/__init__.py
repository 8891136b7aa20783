"""What an experiment comes to: variants, cells, requests; and what is stored already.

variants   prompt × model × grid point          few_shot · gpt-4o-mini · temperature=0.7
cells      variant × example × repeat           one row of one variant
requests   equal cells share one                known by the digest of all that decides it
"""

from workbench.plan.plan_summary import header
from workbench.plan.planner import make_plan, plan_invocation
from workbench.plan.prices import price_notes
from workbench.plan.redact_rows import refuse_secret
from workbench.plan.row_batches import round_of, row_order, waves
from workbench.plan.types import Cell, Options, Plan, Scope, Variant

__all__ = [
    "Cell",
    "Options",
    "Plan",
    "Scope",
    "Variant",
    "header",
    "make_plan",
    "plan_invocation",
    "price_notes",
    "refuse_secret",
    "round_of",
    "row_order",
    "waves",
]
