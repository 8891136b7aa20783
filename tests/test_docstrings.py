"""The examples in docstrings, executed."""

import doctest
import importlib

import pytest
from house import EVALUATORS, SOURCES, Source

# Their examples need a project: tests/api runs them.
IN_A_PROJECT = {"api.evaluate", "api.outcomes", "api.recorded", "api.results"}
IN_A_PROJECT |= {"api.run", "tracking.loaded_prompt"}
EXAMPLES = [
    source
    for source in [*SOURCES, *EVALUATORS]
    if ">>> " in source.text and source.module not in IN_A_PROJECT
]


def import_name(source: Source) -> str:
    if source in EVALUATORS:
        return f"evaluators.{source.module}"
    return f"workbench.{source.module}".rstrip(".")


@pytest.mark.parametrize("source", EXAMPLES, ids=import_name)
def test_the_examples_of_a_docstring_work(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    module = importlib.import_module(import_name(source))
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert (failed, tried > 0) == (0, True)
