"""The project in which evaluators misbehave."""

from collections.abc import Iterator

import pytest
from bench import Bench
from court import Court

from workbench.store import Store


@pytest.fixture
def court(bench: Bench) -> Iterator[Court]:
    with Store(bench.project.store) as store:
        yield Court(bench, store)
