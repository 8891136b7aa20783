"""The state of the project's files: the git commit, uncommitted changes, Python and platform.

Provenance(commit="1f2e…", dirty=False, python="3.11.7", platform="Linux-6.18-x86_64")
"""

import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Provenance:
    """The files and the platform of an invocation.

    Attributes:
        commit: git's full hash; empty if the project is in no repository.
        dirty: files differ from the commit.
    """

    commit: str
    dirty: bool
    python: str
    platform: str


def provenance(root: Path) -> Provenance:
    """The current state of the project at `root`."""
    commit = _git(root, "rev-parse", "HEAD")
    return Provenance(
        commit=commit,
        dirty=bool(commit and _git(root, "status", "--porcelain", "--", ".")),
        python=platform.python_version(),
        platform=platform.platform(),
    )


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # git is not installed
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""
