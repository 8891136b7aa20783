"""The requirements of a package: the wheel inside it, and every distribution that it needs, pinned.

mlflow-skinny==3.17.2
wheels/prompt_workbench_serving-0.1.0-py3-none-any.whl
jinja2==3.1.6
markupsafe==3.0.3
…

The versions are those installed here, with which the variant was evaluated.
"""

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, entry_points

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from workbench.errors import WorkbenchError
from workbench.model import ENTRY_POINT_GROUP
from workbench.releasing.wheel import (
    DEPENDENCIES,
    LOCAL_DEPENDENCIES,
    PYFUNC_DEPENDENCIES,
    SKINNY,
    wheel_name,
)
from workbench.releasing.wheel_modules import FULL_DISTRIBUTION

WHEELS_FOLDER = "wheels"
EXTRAS = {"openai": {"aiohttp"}}
LOCAL_VERSION = re.compile(r"\+.*")  # of torch built for the CPU: the index has it as 2.13.0


def read_requirements(provider: str) -> list[str]:
    """Return the lines of `requirements.txt` for a variant of this provider.

    Raises:
        WorkbenchError: a distribution that a server needs is not installed here.
    """
    names = [SKINNY.get(name, name) for name in (*DEPENDENCIES, *PYFUNC_DEPENDENCIES)]
    names += LOCAL_DEPENDENCIES if provider == "transformers" else ()
    pins: dict[str, str] = {}
    for name in [*names, *_plugin(provider)]:
        _pin(name, EXTRAS.get(name, set()), pins)
    skinny = SKINNY["mlflow"]
    lines = [f"{name}=={version}" for name, version in sorted(pins.items()) if name != skinny]
    return [f"{skinny}=={pins[skinny]}", f"{WHEELS_FOLDER}/{wheel_name()}", *lines]


def _plugin(provider: str) -> list[str]:
    """The distribution of a provider that isn't one of ours."""
    entries = entry_points(group=ENTRY_POINT_GROUP, name=provider)
    owners = {entry.dist.name for entry in entries if entry.dist}
    return [] if FULL_DISTRIBUTION in owners else sorted(owners)


def _pin(name: str, extras: set[str], pins: dict[str, str]) -> None:
    """Add a distribution and all that it requires here."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        message = f"a server needs the distribution {name}, which is not installed here"
        raise WorkbenchError(message, fix=f"pip install {name}") from None
    pins[canonicalize_name(name)] = LOCAL_VERSION.sub("", installed.version)
    for requirement in _requirements(installed, extras):
        required = canonicalize_name(requirement.name)
        if required not in pins and _is_installed(required):
            _pin(required, requirement.extras, pins)


def _requirements(installed: Distribution, extras: set[str]) -> list[Requirement]:
    requirements = map(Requirement, installed.requires or ())
    environments: list[dict[str, str]] = [{"extra": extra} for extra in sorted(extras) or [""]]
    return [
        requirement
        for requirement in requirements
        if requirement.marker is None
        or any(requirement.marker.evaluate(environment) for environment in environments)
    ]


def _is_installed(name: str) -> bool:
    """False for what only other systems or other builds need, as torch for GPUs does."""
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
