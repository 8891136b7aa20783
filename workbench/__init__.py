"""Prompt experiments on several language models, recorded and compared in MLflow.

Nothing heavy is imported here. MLflow and its dependencies read these variables while they are
imported: no telemetry, no pickles, no banners, and no price lists downloaded for traces.
"""

import os

__version__ = "0.1.0"

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)
