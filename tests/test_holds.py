"""What is held of a budget while a request waits for another try."""

from pathlib import Path

import pytest

from workbench.completing import Budget, Stop
from workbench.completing.dispatch import RequestLease, Terms
from workbench.model import FailedCall
from workbench.store import Store

REFUSED, LOST = FailedCall("refused", "HTTP 429"), FailedCall("unknown", "reset")


@pytest.fixture
def terms(tmp_path: Path):
    with Store(tmp_path) as store, store.ledger.session("plan"):
        yield Terms(store, Budget(max_cost=1.0), Stop(), frozenset())


def handed(terms: Terms, most: float = 0.5) -> RequestLease:
    assert terms.budget.take(most)
    terms.store.ledger.claim("a", "openai:m", most)
    return RequestLease(terms, "a", most)


def test_a_refused_call_keeps_its_hold_until_it_is_repeated(terms):
    slip = handed(terms)
    slip.record_failure(REFUSED)
    assert not terms.budget.take(0.6)
    assert slip.allow_retry()
    slip.settle(0.1)
    assert (terms.budget.spent, terms.budget.held, terms.budget.calls) == (0.1, 0.0, 2)


def test_a_lost_call_is_paid_and_another_is_held(terms):
    slip = handed(terms)
    slip.record_failure(LOST)
    assert (terms.budget.spent, terms.budget.held) == (0.5, 0.5)
    assert slip.allow_retry()
    slip.record_failure(LOST)
    assert (terms.budget.spent, terms.budget.held) == (1.0, 0.0)
    assert not slip.allow_retry()
    slip.settle(0.0)
    assert (terms.budget.spent, terms.budget.held, terms.budget.under_way) == (1.0, 0.0, 0)
    assert terms.budget.refused


def test_a_request_that_is_given_up_frees_what_was_held(terms):
    slip = handed(terms)
    slip.record_failure(REFUSED)
    slip.settle(0.0)
    assert (terms.budget.spent, terms.budget.held, terms.budget.under_way) == (0.0, 0.0, 0)
    assert not terms.budget.exhausted(1.0)
