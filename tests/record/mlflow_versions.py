"""Recording under the oldest MLflow that the package allows and the newest that installs.

    python tests/record/mlflow_versions.py                  both
    python tests/record/mlflow_versions.py 3.17.0 3.18.0    these

makes a temporary virtual environment for each version, which finds all other packages in this
environment. The tests compare the two trace writers in every table, and record a matrix of runs.
The exit code is pytest's of the first version that fails.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("tests/record/test_traces.py", "tests/record/test_recording.py")
DEPENDENCIES = ("mlflow-skinny", "mlflow-tracing")  # of the same version, if the index has them


def main(versions: list[str]) -> int:
    for version in versions or [oldest_version(), newest_version()]:
        print(f"MLflow {version}:", flush=True)
        if exit_code := test_version(version):
            return exit_code
    return 0


def oldest_version() -> str:
    """The lowest version in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (version,) = re.findall(r"mlflow>=([\d.]+)", " ".join(project["dependencies"]))
    return str(version)


def newest_version() -> str:
    """The newest release in the package index."""
    command = [sys.executable, "-m", "pip", "index", "versions", "mlflow"]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    (version,) = re.findall(r"^mlflow \(([\d.]+)\)", lines, re.MULTILINE)
    return str(version)


def test_version(version: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        (site_packages,) = Path(folder, "lib").glob("python*/site-packages")
        other_packages = [path for path in sys.path if path.endswith("-packages")]
        (site_packages / "other_packages.pth").write_text("\n".join(other_packages) + "\n")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

        def run(*arguments: str) -> int:
            command = [str(python), "-m", *arguments]
            return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode

        install = ("pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        for package in DEPENDENCIES:
            run(*install, "--quiet", "--quiet", f"{package}=={version}")
        return (
            run(*install, f"mlflow=={version}")
            or run("mlflow", "--version")
            or run("pytest", "-q", "-p", "no:cacheprovider", *TESTS)
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
