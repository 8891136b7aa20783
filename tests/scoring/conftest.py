"""The project of the scoring tests."""

from collections.abc import Iterator

import pytest
from bench import Bench
from evaluator_project import EvaluatorProject

from workbench.store import Store


@pytest.fixture
def project(bench: Bench) -> Iterator[EvaluatorProject]:
    with Store(bench.project.store) as store:
        yield EvaluatorProject(bench, store)
