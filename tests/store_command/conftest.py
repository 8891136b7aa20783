"""A project without a task, because these commands need only its store."""

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / ".workbench").mkdir(mode=0o700)
    prices = 'prices:\n  "openai:gpt-4o-mini": {input: 1, output: 2}\n'
    (tmp_path / "workbench.yaml").write_text(prices)
    return tmp_path
