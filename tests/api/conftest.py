"""A folder that is no project, with answers of `echo:` models and nothing in MLflow."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from notebook_frames import frame

import workbench as wb

PROMPTS = {"short": "{{ text }}", "loud": "{{ text | upper }}"}
MARKS = "!?"


def agrees(outputs: str, expectations: dict, *, strict: bool = True) -> wb.Score:
    answer = outputs.strip(MARKS)
    right = expectations["expected_response"]
    matches = answer == right if strict else answer.lower() == right.lower()
    return wb.Score(matches, f"{answer} for {right}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("notebook")
        patch.chdir(home)
        patch.setenv("MLFLOW_TRACKING_URI", "none")
        yield home


@pytest.fixture(scope="module")
def results(folder: Path) -> wb.Results:
    return wb.run(
        prompts=PROMPTS,
        models="echo:last",
        data=frame(),
        expected="label",
        evaluators=["exact_match", {agrees: {"strict": False}}],
        progress=False,
    )
