"""Settings that a factory of evaluators can't do without.

mlflow.metrics:ndcg_at_k          ndcg_at_k needs the setting 'k'
autoevals:LLMClassifier           … needs the setting 'prompt_template' and 'choice_scores'
"""

import inspect
from collections.abc import Callable, Collection
from typing import Any

from workbench.errors import WorkbenchError


def check_required(factory: Callable[..., Any], arguments: Collection[str]) -> None:
    """Check that every parameter without a default is among `arguments`.

    Raises:
        WorkbenchError: one is missing.
    """
    missing = [
        name
        for name, parameter in inspect.signature(factory).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name not in arguments
    ]
    if missing:
        name = factory.__name__
        raise WorkbenchError(
            f"{name} needs the setting {' and '.join(map(repr, missing))}",
            fix=f"{name}: {{{', '.join(f'{setting}: …' for setting in missing)}}}",
        )
