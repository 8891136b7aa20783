"""Compares the two trace writers under the newest MLflow that pip finds.

    python tests/record/newest_mlflow.py

makes a temporary virtual environment with that MLflow, which finds all other packages in this
environment, and runs test_traces.py's comparison of every table in it. The exit code is pytest's.
If it passes, the version may be added to COMPARED in workbench/tracking/bulk.py. Arguments go to
pip: `--pre` for a pre-release, `--no-deps` where pip can't find its dependencies.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/record/test_traces.py::test_both_writers_write_the_same_into_every_table"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        (site_packages,) = Path(folder, "lib").glob("python*/site-packages")
        other_packages = [path for path in sys.path if path.endswith("-packages")]
        (site_packages / "other_packages.pth").write_text("\n".join(other_packages) + "\n")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        for arguments in (
            ["pip", "install", "--quiet", "--upgrade", "mlflow", *sys.argv[1:]],
            ["mlflow", "--version"],
            ["pytest", "-p", "no:cacheprovider", TEST],
        ):
            command = [str(python), "-m", *arguments]
            process = subprocess.run(command, cwd=ROOT, env=environment, check=False)
            if process.returncode:
                break
        return process.returncode


if __name__ == "__main__":
    sys.exit(main())
