"""The MLflow side: where it is, prompts, runs, traces. This package and scoring know mlflow.

place.py     the store or server, made if missing     registry.py  prompts and their versions
schema.py    whether it is this MLflow's              patience.py  how long a server is waited for
runs.py      a parent run, a run a variant            numbers.py   their params, metrics and tags
traces.py    a trace a row, written and read back     trace.py     one of them
bulk.py      straight into an SQLite store            calls.py     by the calls of MLflow
recorder.py  all of it for one invocation             recording.py its runs, one after the other
server.py    the UI                                   prompts.py, datasets.py
"""

from workbench.tracking.datasets import read_dataset
from workbench.tracking.recorder import Recorded, Recorder
from workbench.tracking.registry import find_version

__all__ = ["Recorded", "Recorder", "find_version", "read_dataset"]
