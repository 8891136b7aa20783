"""The state of the files an invocation was made from: git's commit, and whether it tells all."""

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Provenance:
    """Where and from what.

    Attributes:
        commit: git's full hash; empty where the project is in no repository.
        dirty: files differ from the commit.
    """

    commit: str
    dirty: bool
    python: str
    platform: str


def provenance(root: Path) -> Provenance:
    """Of the project at `root`, as it is now."""
    commit = _git(root, "rev-parse", "HEAD")
    return Provenance(
        commit=commit,
        dirty=bool(commit and _git(root, "status", "--porcelain", "--", ".")),
        python=platform.python_version(),
        platform=platform.platform(),
    )


def _git(root: Path, *words: str) -> str:
    try:
        found = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=False
        )
    except OSError:  # no git on this machine
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
