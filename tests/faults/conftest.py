"""Fixtures of the fault tests: an API that bills, and processes that can be killed."""

from collections.abc import Iterator

import pytest
from billing import Till, billing
from jobs import Forge, jobs


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    """One process that all jobs are forked from."""
    with jobs() as running:
        yield running


@pytest.fixture
def till() -> Iterator[Till]:
    """An API that replies in 5 to 30 ms and bills every request."""
    with billing() as running:
        yield running
