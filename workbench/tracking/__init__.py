"""The MLflow side: where it is, prompts, runs, traces. This package and scoring know mlflow.

place.py     the store or server, made if missing     registry.py  prompts and their versions
runs.py      a parent run, a run a variant            traces.py    a trace a row
recorder.py  all of it for one invocation             server.py    the UI
"""

from workbench.tracking.datasets import read_dataset
from workbench.tracking.recorder import Recorded, Recorder
from workbench.tracking.registry import find_version

__all__ = ["Recorded", "Recorder", "find_version", "read_dataset"]
