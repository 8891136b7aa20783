"""Plans: variants, cells and requests of an experiment; answers that are stored already.

variants   prompt × model × grid point          few_shot · gpt-6-luna · temperature=0.7
cells      variant × example × repeat           one row of one variant
requests   equal cells share one                keyed by the digest of all that decides it
"""

from workbench.plan.plan_summary import describe_models, summarize_plan
from workbench.plan.planner import make_plan, outline_plan, plan_invocation
from workbench.plan.redact_rows import redact_rows, refuse_secret, refuse_secret_in_file
from workbench.plan.row_batches import (
    batch_ends,
    batch_requests,
    cluster_ends,
    interleave,
    shuffled_rows,
)
from workbench.plan.types import Cell, Options, Plan, Scope, Variant

__all__ = [
    "Cell",
    "Options",
    "Plan",
    "Scope",
    "Variant",
    "batch_ends",
    "batch_requests",
    "cluster_ends",
    "describe_models",
    "interleave",
    "make_plan",
    "outline_plan",
    "plan_invocation",
    "redact_rows",
    "refuse_secret",
    "refuse_secret_in_file",
    "shuffled_rows",
    "summarize_plan",
]
