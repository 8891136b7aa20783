"""The place that a served package comes from: a folder, a registered model, or a run.

packages/triage            a folder that `workbench package` wrote
models:/triage~variant/3   a version of a registered model
models:/triage~variant@production, or triage@production    an alias, which is followed
runs:/9f86d081884c4d65/variant                             what a run has logged
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.serving.served_names import registered_model_name

FORMS = (
    "name a package's folder, TASK@ALIAS, models:/NAME@ALIAS, models:/NAME/VERSION or "
    "runs:/RUN/PATH"
)
MODEL_URI = re.compile(r"models:/(?P<name>[^/:@]+)(?:/(?P<version>\d+)|@(?P<alias>[^/:@]+))")
LOGGED_MODEL_URI = re.compile(r"models:/m-[0-9a-f]+")
RUN_URI = re.compile(r"runs:/(?P<run_id>[^/]+)/(?P<path>.+)")
SHORT_FORM = re.compile(r"(?P<task>[^/:@]+)@(?P<alias>[^/:@]+)")


@dataclass(frozen=True)
class PackageSource:
    """A package's place.

    Attributes:
        reference: as the user wrote it.
        folder: None unless it is a folder.
        uri: of MLflow; empty for a folder.
        model_name, version, alias: of the registered model; of a version and an alias, one is
            empty.
    """

    reference: str
    folder: Path | None = None
    uri: str = ""
    model_name: str = ""
    version: str = ""
    alias: str = ""

    @property
    def is_followed(self) -> bool:
        """True if it may name another version tomorrow."""
        return bool(self.alias)


def parse_source(
    reference: str, model_name: Callable[[str], str] = registered_model_name
) -> PackageSource:
    """Return the source that `reference` names; `model_name` gives a task's registered model.

    Raises:
        WorkbenchError: it has none of the forms, or is no folder.
    """
    if match := MODEL_URI.fullmatch(reference):
        name, version, alias = match["name"], match["version"] or "", match["alias"] or ""
        return PackageSource(reference, None, reference, name, version, alias)
    if RUN_URI.fullmatch(reference) or LOGGED_MODEL_URI.fullmatch(reference):
        return PackageSource(reference, uri=reference)
    if re.match(r"(models|runs):", reference):
        raise WorkbenchError(f"{reference!r} is no address of a packaged variant", fix=FORMS)
    folder = Path(reference)
    if reference and folder.is_dir():
        return PackageSource(reference, folder.resolve())
    if match := SHORT_FORM.fullmatch(reference):
        name, alias = model_name(match["task"]), match["alias"]
        return PackageSource(reference, None, f"models:/{name}@{alias}", name, "", alias)
    problem = "is a file" if folder.is_file() else "is missing"
    raise WorkbenchError(f"the package {reference!r} {problem}", fix=FORMS)
