"""Fixtures of the local provider's tests: tiny models, made once a session."""

from pathlib import Path

import pytest
from tiny_model import make_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("base"), chat_template="")


@pytest.fixture(scope="session")
def tiny_sliding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("sliding"), sliding=True)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch, request) -> None:
    """No test writes to the user's cache; those with real weights read it."""
    if "local_model" not in request.keywords:
        monkeypatch.setenv("WORKBENCH_CACHE", str(cache))
