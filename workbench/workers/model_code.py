"""May MLflow run the code that lies in a model? Not in a process of Workbench.

A process that only imports the package decides for itself: it may load models of its own, and
those that `workbench package` writes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

ALLOWED = "MLFLOW_ALLOW_MODEL_CODE_EXECUTION"
# The second is replaced by the first in MLflow 3.18.
REFUSED = {ALLOWED: "false", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}


def refuse_model_code() -> None:
    """Let MLflow refuse it in this process and its children, unless the environment allows it."""
    for name, value in REFUSED.items():
        os.environ.setdefault(name, value)


@contextmanager
def model_code_allowed() -> Iterator[None]:
    """Allow it within the block: MLflow asks also while it writes a model."""
    before = os.environ.get(ALLOWED)
    os.environ[ALLOWED] = "true"
    try:
        yield
    finally:
        os.environ.pop(ALLOWED)
        os.environ.update({} if before is None else {ALLOWED: before})
