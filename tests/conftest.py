"""The project that most tests work in, and the process that renders its templates."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench
from openai_server import OpenAIServer, serve

from workbench.prompt import Renderer


@pytest.fixture(scope="session")
def renderer() -> Iterator[Renderer]:
    """One process for all tests: a template can't leave anything behind in it."""
    with Renderer() as started:
        yield started


@pytest.fixture
def bench(tmp_path: Path, renderer: Renderer) -> Bench:
    """A project that works as it is."""
    made = Bench(tmp_path.resolve(), renderer)
    made.write("plain.jinja", "user:\n{{ text }}\n")
    made.write("rows.jsonl", '{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')
    return made


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    """An OpenAI-compatible API on loopback, told by the test what to answer."""
    with serve() as running:
        yield running
