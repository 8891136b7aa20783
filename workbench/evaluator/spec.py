"""An evaluator of an experiment file: its name, its settings, and the limits of its process.

- my_judge: {strict: true, name: severe, env: [OPENAI_API_KEY], timeout_s: 20}

Spec("my_judge", {"strict": True, "name": "severe"}, root, env=("OPENAI_API_KEY",), timeout_s=20)
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

COVERAGE = ("rows", "by", "expected_column")  # settings of the entry, unknown to the evaluator
# Settings that are not passed to the function.
RESERVED = ("name", "env", "timeout_s", "transform", *COVERAGE)
DEFAULT_TIMEOUT_S = 60.0
MAX_TIMEOUT_S = 86_400


@dataclass(frozen=True)
class Spec:
    """Everything that another process needs to find an evaluator.

    Attributes:
        settings: its function's, `name` and `transform`; the other reserved ones are below.
        root: the project's folder.
        where: its position in the experiment file.
        env: environment variables that its process gets beside the harmless ones.
        timeout_s: most seconds for one row.
    """

    name: str
    settings: Mapping[str, JSON]
    root: Path
    where: str = ""
    env: tuple[str, ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S


def read_spec(name: str, settings: Mapping[str, JSON], root: Path, *, where: str = "") -> Spec:
    """The spec of an evaluator and its settings.

    Raises:
        WorkbenchError: `env` is not a list of names, or `timeout_s` is out of range.
    """
    others = {key: value for key, value in settings.items() if key not in ("env", "timeout_s")}
    env = settings.get("env", [])
    for variable in env if isinstance(env, list) else [None]:
        if not isinstance(variable, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", variable):
            # The value is not shown: it may be the key itself.
            raise WorkbenchError(
                f"evaluator {name!r}: env is not a list of variable names",
                where=where,
                fix="write names only: env: [OPENAI_API_KEY]; set the values in .env or the "
                "environment",
            )
    timeout = settings.get("timeout_s", DEFAULT_TIMEOUT_S)
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number or not 0 < timeout <= MAX_TIMEOUT_S:
        message = f"evaluator {name!r}: timeout_s is {timeout!r}, not a number of seconds"
        fix = f"above 0, at most {MAX_TIMEOUT_S}; the default is {DEFAULT_TIMEOUT_S:g}"
        raise WorkbenchError(message, where=where, fix=fix)
    return Spec(name, others, root, where, tuple(sorted(set(env))), float(timeout))


def check_env(spec: Spec) -> None:
    """Check that the variables in an evaluator's `env` are set.

    Raises:
        WorkbenchError: one is not.
    """
    for variable in spec.env:
        if not os.environ.get(variable):
            message = f"evaluator {spec.name!r}: the variable {variable} is not set"
            fix = f"put {variable}=… into .env, or export it"
            raise WorkbenchError(message, where=spec.where, fix=fix)
