"""What an experiment file says of an evaluator: which one, its settings, what its process may do.

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

RESERVED = ("name", "env", "timeout_s")  # settings that no function gets
TIMEOUT = 60.0  # seconds
LONGEST = 86_400  # seconds


@dataclass(frozen=True)
class Spec:
    """All that finds an evaluator again in another process.

    Attributes:
        settings: its function's, and `name`; what else is reserved is below.
        root: the project's folder.
        where: its place in the experiment file.
        env: the variables its process is given beside the harmless ones.
        timeout_s: seconds that one row may take.
    """

    name: str
    settings: Mapping[str, JSON]
    root: Path
    where: str = ""
    env: tuple[str, ...] = ()
    timeout_s: float = TIMEOUT


def read_spec(name: str, settings: Mapping[str, JSON], root: Path, *, where: str = "") -> Spec:
    """The spec in the settings a user wrote.

    Raises:
        WorkbenchError: `env` is no list of names, or `timeout_s` is no sensible number of seconds.
    """
    own = {key: value for key, value in settings.items() if key not in ("env", "timeout_s")}
    env = _env(name, settings.get("env", []), where)
    return Spec(name, own, root, where, env, _timeout(name, settings, where))


def _env(name: str, said: JSON, where: str) -> tuple[str, ...]:
    names = said if isinstance(said, list) else [None]
    for item in names:
        if not isinstance(item, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", item):
            # The value is not shown: it may be the key itself.
            raise WorkbenchError(
                f"evaluator {name!r}: env is no list of variables' names",
                where=where,
                fix="names only, as env: [OPENAI_API_KEY]; values stand in .env or the environment",
            )
    return tuple(sorted(set(names)))


def check_env(spec: Spec) -> None:
    """That what an evaluator is granted is there; asked where it may be called.

    Raises:
        WorkbenchError: a variable isn't set.
    """
    for item in spec.env:
        if not os.environ.get(item):
            raise WorkbenchError(
                f"evaluator {spec.name!r}: the variable {item} is not set",
                where=spec.where,
                fix=f"put {item}=… into .env, or export it",
            )


def _timeout(name: str, settings: Mapping[str, JSON], where: str) -> float:
    said = settings.get("timeout_s", TIMEOUT)
    number = isinstance(said, int | float) and not isinstance(said, bool)
    if not number or not 0 < said <= LONGEST:
        raise WorkbenchError(
            f"evaluator {name!r}: timeout_s is {said!r}, not a number of seconds",
            where=where,
            fix=f"above 0, at most {LONGEST}; {TIMEOUT:g} unless it is given",
        )
    return float(said)
