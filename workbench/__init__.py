"""Prompt experiments on several language models, recorded and compared in MLflow.

    import workbench as wb

    results = wb.run("sentiment")
    results.compare("zero_shot", "few_shot")

Nothing heavy is imported here; a name is imported when it is used. MLflow and its dependencies read
these variables while they are imported: no telemetry, no banners, and no price lists downloaded for
traces.
"""

import importlib
import os
import sys
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.api.evaluate import evaluate
    from workbench.api.outcomes import Comparison, Decision, Preview, ShownRow
    from workbench.api.recorded import load_results
    from workbench.api.results import Results
    from workbench.api.run import plan, run
    from workbench.errors import WorkbenchError
    from workbench.evaluator.score import Score
    from workbench.evaluator.traits import evaluator
    from workbench.model import Completion
    from workbench.tracking.loaded_prompt import LoadedPrompt, load_prompt

__version__ = "0.1.0"
__all__ = ["Comparison", "Completion", "Decision", "LoadedPrompt", "Preview", "Results", "Score"]
__all__ += ["ShownRow", "WorkbenchError", "evaluate", "evaluator", "load_prompt", "load_results"]
__all__ += ["plan", "run"]

NAMES = {
    "api.evaluate": "evaluate",
    "api.outcomes": "Comparison Decision Preview ShownRow",
    "api.recorded": "load_results",
    "api.results": "Results",
    "api.run": "plan run",
    "errors": "WorkbenchError",
    "evaluator.score": "Score",
    "evaluator.traits": "evaluator",
    "model": "Completion",
    "tracking.loaded_prompt": "LoadedPrompt load_prompt",
}
MODULES = {name: module for module, names in NAMES.items() for name in names.split()}

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "GIT_PYTHON_REFRESH": "quiet",
}.items():
    os.environ.setdefault(_name, _value)
# Of tqdm, imported by MLflow and transformers in a notebook: nothing of ours needs ipywidgets.
warnings.filterwarnings("ignore", message="IProgress not found")


class _Package(ModuleType):
    """This package: `workbench.run` is the function, also once the package `run` is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in MODULES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        """A public name, imported when it is needed: MLflow takes more than a second."""
        if name not in MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{MODULES[name]}"), name)
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
