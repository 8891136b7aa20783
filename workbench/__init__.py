"""Prompt experiments on several language models, recorded and compared in MLflow.

Nothing heavy is imported here. MLflow and its dependencies read these variables while they are
imported: no telemetry, no pickles, no banners, and no price lists downloaded for traces.
"""

import os
from typing import Any

__version__ = "0.1.0"

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "false",  # replaces it in MLflow 3.18
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)


def __getattr__(name: str) -> Any:
    """`load_prompt`, imported when it is needed: MLflow takes more than a second."""
    if name == "load_prompt":
        from workbench.tracking.loaded_prompt import load_prompt

        return load_prompt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
