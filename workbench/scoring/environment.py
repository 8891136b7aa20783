"""What evaluators' process knows of our environment: nothing secret that was not granted.

environment(["OPENAI_API_KEY"])  ->  {"PATH": …, "HOME": …, "OPENAI_API_KEY": …}
"""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]  # the child must import the workbench that asks it
HARMLESS = frozenset(
    {"PATH", "HOME", "LANG", "TMPDIR", "TZ", "WORKBENCH_CACHE", "HF_HOME", "HF_HUB_OFFLINE"}
)
TRACKING = "MLFLOW_TRACKING_URI"


def environment(granted: Sequence[str]) -> dict[str, str]:
    """What is harmless, and what the experiment file grants by name."""
    given = {
        name: value
        for name, value in os.environ.items()
        if name in HARMLESS or name in granted or name.startswith("LC_")
    }
    uri = os.environ.get(TRACKING, "")
    if uri and not _secret(uri):
        given[TRACKING] = uri
    paths = [] if ROOT.name.endswith("-packages") else [str(ROOT)]
    paths += [path for path in [os.environ.get("PYTHONPATH", "")] if path]
    if paths:
        given["PYTHONPATH"] = os.pathsep.join(paths)
    # Without bytecode a file that is edited twice within a second is read anew all the same.
    return {**given, "PYTHONDONTWRITEBYTECODE": "1"}


def _secret(uri: str) -> bool:
    """Whether a password or a token may stand in an address."""
    return "@" in uri or bool(urlsplit(uri).query)
