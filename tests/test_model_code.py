"""Where MLflow may run the code of models: not in Workbench itself, elsewhere as it is set."""

import os
import subprocess
import sys

import pytest
from command import environment

from workbench.workers.model_code import ALLOWED, REFUSED, model_code_allowed

SHOWN = f"print(*(os.environ.get(name) for name in {[*REFUSED]}))"
IMPORTED = f"import os, workbench, workbench.evaluator, workbench.serving.pyfunc\n{SHOWN}"
COMMAND = f"""
import atexit, os, sys
from workbench.cli import main
atexit.register(lambda: {SHOWN})
sys.argv = ["workbench", "tasks"]
main()
"""


@pytest.mark.parametrize(
    ("program", "variables", "shown"),
    [
        (IMPORTED, {}, "None None"),
        (COMMAND, {}, "false false"),
        (COMMAND, {ALLOWED: "true"}, "true false"),
    ],
)
def test_a_process_that_only_imports_the_package_may_load_models(
    tmp_path, program, variables, shown
):
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.splitlines()[-1] == shown


@pytest.mark.parametrize("before", ["false", None])
def test_models_may_run_their_code_within_the_block_only(monkeypatch, before):
    monkeypatch.setenv(ALLOWED, before) if before else monkeypatch.delenv(ALLOWED, raising=False)
    with model_code_allowed():
        assert os.environ[ALLOWED] == "true"
    assert os.environ.get(ALLOWED) == before
