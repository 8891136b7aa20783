"""The notebooks of the project: text in notebooks/*.py, with outputs in .ipynb.

python tests/api/notebook_files.py                executes all, and writes each .ipynb
python tests/api/notebook_files.py first_run      one of them
"""

import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
# In the order of reading; of the task `sentiment`, `make demo` has the answers.
NAMES = (
    *("first_run", "write_an_evaluator", "choose_a_model", "read_results", "verdict_by_hand"),
    "calibrate_a_judge",
)
READ_THE_DEMO = NAMES[2:]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
TIMEOUT_S = 300  # of a cell
ENVIRONMENT = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def read_source(name: str) -> NotebookNode:
    """The cells of a notebook's text, without outputs."""
    notebook = jupytext.read(FOLDER / f"{name}.py")
    cells = [
        (nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell)(
            cell.source, id=f"cell-{number}"
        )
        for number, cell in enumerate(notebook.cells)
    ]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def copy_project(home: Path) -> None:
    """A project with the notebooks, the demo's task and what `make demo` left in the store."""
    names = shutil.ignore_patterns("*.lock", "owners", "*-shm", "__pycache__")
    for folder in ("notebooks", "prompts/sentiment", "evaluators", ".workbench"):
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, home / folder, ignore=names)


def execute(name: str, home: Path) -> NotebookNode:
    """The notebook with its outputs, executed in a kernel in the project `home`."""
    notebook = read_source(name)
    os.environ.update(ENVIRONMENT)
    resources = {"metadata": {"path": str(home / "notebooks")}}
    client = NotebookClient(
        notebook, timeout=TIMEOUT_S, record_timing=False, resources=resources, kernel_name="python3"
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_clean(o, home) for o in cell.outputs if not _is_empty(o)]
    return notebook


def _is_empty(output: NotebookNode) -> bool:
    """True for the progress line, which is removed when all is done."""
    content = output.get("data", {})
    return set(content) == {"text/plain"} and not "".join(content["text/plain"]).strip()


def _clean(output: NotebookNode, home: Path) -> NotebookNode:
    """The output without the paths of this machine."""
    text = nbformat.from_dict({"text": output.get("text", ""), **output.get("data", {})})
    for key, value in text.items():
        if isinstance(value, str) and not key.startswith("image/"):
            value = value.replace(f"{home}/", "").replace(str(home), ".")
            value = re.sub(r"/\S+/ipykernel_\d+/\d+\.py", "cell", value)
            if key == "text" and "text" in output:
                output["text"] = value
            elif key in output.get("data", {}):
                output["data"][key] = value
    return output


def main(names: list[str]) -> None:
    for name in names or NAMES:
        started_at = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder).resolve() / "project"
            copy_project(home)
            nbformat.write(execute(name, home), FOLDER / f"{name}.ipynb")
        print(f"{name}: {time.monotonic() - started_at:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
