"""The notebooks: text and .ipynb agree, and each runs in a kernel as it is."""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("jupytext", reason="the extra `dev` is not installed")

from notebook_files import FOLDER, NAMES, READ_THE_DEMO, ROOT, copy_project, execute, read_source

from workbench.catalog.models import list_models

PRIVATE = re.compile(r"/(home|root|tmp|dev|Users|work)/|127\.0\.0\.1|\.local\b")
MOST_CHARACTERS = 400_000  # of a file


@pytest.mark.parametrize("name", NAMES)
def test_text_and_notebook_agree(name: str) -> None:
    """`make notebooks` writes the cells of the text, with outputs, without paths of a machine."""
    text = (FOLDER / f"{name}.ipynb").read_text()
    cells = json.loads(text)["cells"]
    stored = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    assert stored == [(cell.cell_type, cell.source) for cell in read_source(name).cells]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    for output in outputs:
        assert output["output_type"] != "error"
        content = {**output.get("data", {}), "stream": output.get("text", "")}
        shown = [value for kind, value in content.items() if not kind.startswith("image/")]
        assert PRIVATE.findall(re.sub('base64,[^"]+', "", json.dumps(shown))) == []
    assert len(text) < MOST_CHARACTERS


def test_each_notebook_is_text_and_has_outputs() -> None:
    names = sorted([*(f"{name}.py" for name in NAMES), *(f"{name}.ipynb" for name in NAMES)])
    assert sorted(p.name for p in FOLDER.iterdir() if p.suffix in (".py", ".ipynb")) == names


@pytest.mark.slow
@pytest.mark.local_model
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name: str, tmp_path: Path) -> None:
    missing = sorted(m.name for m in list_models() if not m.added and not m.caution)
    if missing and name != "write_an_evaluator":
        pytest.skip(f"run `workbench models add {' '.join(missing)}` first")
    if name in READ_THE_DEMO and not (ROOT / ".workbench" / "mlflow.db").exists():
        pytest.skip("`make demo` has not been run here")
    copy_project(tmp_path / "project")
    notebook = execute(name, tmp_path / "project")
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
