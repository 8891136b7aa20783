"""The environment of an invocation: git commit, Python, platform and packages.

{"packages": {"mlflow": "3.17.2", …}, "python": "3.11.7", "git_commit": "1f2e…", …}
"""

import getpass
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from workbench.canonical import JSON

PACKAGES = ("prompt-workbench", "mlflow", "openai", "transformers", "datasets", "jinja2", "torch")


def git_commit(root: Path) -> str:
    """Full hash of the project's commit; empty if the project is in no repository."""
    return _git(root, "rev-parse", "HEAD")


def read_environment(root: Path) -> dict[str, JSON]:
    """State that completions may depend on, besides the experiment file.

    `git_dirty` is true if files differ from the commit; both are None without a repository.
    """
    packages: dict[str, JSON] = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except ImportError:
            packages[name] = None
    commit = git_commit(root)
    return {
        "packages": packages,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git_commit": commit or None,
        "git_dirty": bool(_git(root, "status", "--porcelain", "--", ".")) if commit else None,
    }


def user_name(root: Path) -> str:
    """The person who acts: the user of the MLflow server, or else of git, or of the system."""
    name = os.environ.get("MLFLOW_TRACKING_USERNAME") or _git(root, "config", "user.name")
    if name:
        return name
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return f"user {os.getuid()}"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # git is not installed
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""
