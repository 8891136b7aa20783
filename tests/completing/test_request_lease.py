"""The budget reserved for a request while it waits for a retry."""

from pathlib import Path

import pytest

from workbench.completing.budget import Budget
from workbench.completing.context import RunContext
from workbench.completing.dispatch import RequestLease
from workbench.model import FailedCall
from workbench.project import Project
from workbench.store import Store

REFUSED, LOST = FailedCall("refused", "HTTP 429"), FailedCall("unknown", "reset")


@pytest.fixture
def context(tmp_path: Path):
    with Store(tmp_path) as store, store.leases.session("plan"):
        yield RunContext(Project(tmp_path), store, budget=Budget(max_cost=1.0))


def leased(context: RunContext, worst_case: float = 0.5) -> RequestLease:
    assert context.budget.reserve(worst_case)
    context.store.leases.claim("a", "openai:m", worst_case)
    return RequestLease(context, "a", context.budget, worst_case)


def test_refused_call_keeps_its_reservation_until_it_is_retried(context):
    lease, budget = leased(context), context.budget
    lease.record_failure(REFUSED)
    assert not budget.reserve(0.6)
    assert lease.allow_retry()
    lease.settle(0.1)
    assert (budget.spent, budget.reserved, budget.calls) == (0.1, 0.0, 2)


def test_lost_call_is_charged_and_its_retry_reserved(context):
    lease, budget = leased(context), context.budget
    lease.record_failure(LOST)
    assert (budget.spent, budget.reserved) == (0.5, 0.5)
    assert lease.allow_retry()
    lease.record_failure(LOST)
    assert (budget.spent, budget.reserved) == (1.0, 0.0)
    assert not lease.allow_retry()
    lease.settle(0.0)
    assert (budget.spent, budget.reserved, budget.in_flight) == (1.0, 0.0, 0)
    assert budget.refused


def test_abandoned_request_frees_its_reservation(context):
    lease, budget = leased(context), context.budget
    lease.record_failure(REFUSED)
    lease.settle(0.0)
    assert (budget.spent, budget.reserved, budget.in_flight) == (0.0, 0.0, 0)
    assert not budget.exhausted(1.0)
