"""Versions of Python and of the packages, against those that are needed and that were tested.

mlflow 3.19.0    a warning: newer than 3.17, the newest version that was tested
jinja2 3.1.2     an error: Workbench needs >=3.1.6
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from workbench import __version__
from workbench.doctor.diagnosis import Diagnosis

DISTRIBUTION = "prompt-workbench"
SHOWN = ("mlflow", "openai", "transformers", "torch", "datasets")
TESTED_MLFLOW = (3, 17)  # the newest version of MLflow that the tests have run with
UPGRADE = "python -m pip install --upgrade {}"


def check_versions() -> Iterator[Diagnosis]:
    """Yield the versions, and those that are too old or newer than what was tested."""
    installed = {name: _installed(name) for name in SHOWN}
    listed = ", ".join(f"{name} {number or 'not installed'}" for name, number in installed.items())
    python = ".".join(map(str, sys.version_info[:3]))
    yield Diagnosis("versions", "ok", f"workbench {__version__}, Python {python}, {listed}")
    yield from _too_old()
    if finding := newer_than_tested(installed["mlflow"], "MLflow"):
        yield finding


def newer_than_tested(number: str, subject: str) -> Diagnosis | None:
    """Return a warning if a version of MLflow is newer than what was tested."""
    if _release(number) <= TESTED_MLFLOW:
        return None
    tested = ".".join(map(str, TESTED_MLFLOW))
    message = f"{subject} {number} is newer than {tested}, the newest version that was tested"
    fix = f"if recording fails: python -m pip install 'mlflow~={tested}.0'"
    return Diagnosis("versions", "warning", message, fix=fix)


def _release(number: str) -> tuple[int, ...]:
    """The first two numbers of a version; empty if it is none."""
    match = re.match(r"(\d+)\.(\d+)", number)
    return (int(match[1]), int(match[2])) if match else ()


def _too_old() -> Iterator[Diagnosis]:
    """The packages that are missing, or outside of the versions that are needed."""
    for text in _requirements():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            extra = requirement.marker.evaluate({"extra": "local"})
            if not (extra and _installed(requirement.name)):
                continue
        number = _installed(requirement.name)
        if not number or not _fits(requirement, number):
            problem = f"{requirement.name} is not installed"
            if number:
                problem = f"{requirement.name} {number}: Workbench needs {requirement.specifier}"
            fix = UPGRADE.format(f"'{requirement.name}{requirement.specifier}'")
            yield Diagnosis("versions", "error", problem, fix=fix)


def _requirements() -> list[str]:
    try:
        return requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # run from its files
        return []


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _fits(requirement: Requirement, number: str) -> bool:
    try:
        return requirement.specifier.contains(Version(number), prereleases=True)
    except InvalidVersion:
        return True
