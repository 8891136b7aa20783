"""The MLflow side: where it is, prompts, runs, traces. This package and scoring know mlflow.

handover.py  what is recorded, what comes of it       process.py   recording in another process
recorder.py  all of it for one invocation             desk.py      what that process does
sheet.py     one variant's run                        numbers.py   their params, metrics and tags
place.py     the store or server, made if missing     registry.py  prompts and their versions
schema.py    whether it is this MLflow's              patience.py  how long a server is waited for
runs.py      a parent run, a run a variant            trace.py     one row as MLflow's entities
traces.py    a trace a row, written and read back     naming.py    what people call a row
bulk.py      straight into an SQLite store            calls.py     by the calls of MLflow
whole.py     all rows, where not each has a trace     server.py    the UI
recall.py    what a run was
prompts.py   templates beside their versions          datasets.py  MLflow's own

Imported when first asked for: whoever pays needs no MLflow in its process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.tracking.datasets import read_dataset
    from workbench.tracking.handover import Recorded, Recorder
    from workbench.tracking.process import RecordingProcess
    from workbench.tracking.recall import recorded_variants
    from workbench.tracking.recorder import DirectRecorder
    from workbench.tracking.registry import find_version

__all__ = [
    "DirectRecorder",
    "Recorded",
    "Recorder",
    "RecordingProcess",
    "find_version",
    "read_dataset",
    "recorded_variants",
]
LATER = {
    "DirectRecorder": "recorder",
    "Recorded": "handover",
    "Recorder": "handover",
    "RecordingProcess": "process",
    "find_version": "registry",
    "read_dataset": "datasets",
    "recorded_variants": "recall",
}


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{LATER[name]}"), name)
