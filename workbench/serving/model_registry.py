"""MLflow's model registry as a server needs it: names resolved, packages downloaded.

registry = ModelRegistry("http://127.0.0.1:5000")
registry.resolve(parse_source("models:/triage~variant@production"))
    ->  RegisteredPackage("triage~variant-3", "models:/triage~variant/3", ServedNames(…))

This module imports MLflow, so the server never imports this module.
"""

import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; MLflow waits for minutes otherwise
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}.items():
    os.environ.setdefault(_name, _value)

import mlflow  # noqa: E402  reads these variables
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities.model_registry import ModelVersion  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402

from workbench.canonical import JSON  # noqa: E402
from workbench.errors import WorkbenchError, unknown_name  # noqa: E402
from workbench.proxies import DATABASES  # noqa: E402
from workbench.secrets import mask_url  # noqa: E402
from workbench.serving.package_source import PackageSource  # noqa: E402
from workbench.serving.served_names import ServedNames  # noqa: E402

MOST_MODELS = 1_000  # names that are looked through for the nearest
SHOWN = 300  # characters of a message
PROMOTE_FIRST = "nothing was promoted there: workbench promote TASK VARIANT --to ALIAS"
LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]+)")
Problem = Literal["missing", "unreachable", "download"]


class RegistryError(Exception):
    """A problem with the registry, and the error that tells a user about it.

    Attributes:
        problem: `missing`: it answers, and has no such name.
    """

    def __init__(self, problem: Problem, error: WorkbenchError) -> None:
        self.problem, self.error = problem, error
        super().__init__(error.message)


@dataclass(frozen=True)
class RegisteredPackage:
    """A package in the registry.

    Attributes:
        name: readable, for a folder.
        uri: that always gives the same package.
        identity: what tells it from any other, even if a number is used again.
    """

    name: str
    uri: str
    names: ServedNames
    identity: JSON


class ModelRegistry:
    """The registry of a tracking store that exists.

    Raises:
        RegistryError: the store can't be used.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._uri = tracking_uri
        _check_file(tracking_uri)
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
        with self._reached():
            self._client = MlflowClient()

    def resolve(self, source: PackageSource) -> RegisteredPackage:
        """Return the package that a source names now.

        Raises:
            RegistryError: it names none, or the registry doesn't answer.
        """
        if not source.model_name:
            model_id = match[1] if (match := LOGGED_MODEL.match(source.uri)) else ""
            name = re.sub(r"\W+", "-", source.uri)
            return RegisteredPackage(
                name, source.uri, ServedNames(model_id=model_id), [self._uri, source.uri]
            )
        try:
            version = self._version(source)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise self._unreachable(error) from error
            raise RegistryError("missing", self._unknown(source)) from error
        origin = LOGGED_MODEL.match(version.source or "")
        names = ServedNames(
            model_name=version.name,
            model_version=str(version.version),
            model_id=origin[1] if origin else "",
            alias=source.alias,
            run_id=version.run_id or "",
        )
        name, number = version.name, str(version.version)
        created = version.creation_timestamp
        identity = [self._uri, name, number, version.source, created]
        return RegisteredPackage(f"{name}-{number}", f"models:/{name}/{number}", names, identity)

    def _version(self, source: PackageSource) -> ModelVersion:
        if source.alias:
            return self._client.get_model_version_by_alias(source.model_name, source.alias)
        return self._client.get_model_version(source.model_name, source.version)

    def _unknown(self, source: PackageSource) -> WorkbenchError:
        """The error about a name that the registry lacks, with the names that it has."""
        where = mask_url(self._uri)
        with self._reached():
            try:
                model = self._client.get_registered_model(source.model_name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                models = self._client.search_registered_models(max_results=MOST_MODELS)
                names = [model.name for model in models]
                fix = "" if names else PROMOTE_FIRST
                return unknown_name(
                    "registered model", source.model_name, names, where=where, fix=fix
                )
            if source.alias:
                kind = f"alias of the model {source.model_name!r}:"
                fix = "" if model.aliases else PROMOTE_FIRST
                return unknown_name(kind, source.alias, model.aliases, where=where, fix=fix)
            query = f"name = '{source.model_name}'"
            versions = self._client.search_model_versions(query, max_results=MOST_MODELS)
            numbers = [str(version.version) for version in versions]
            kind = f"version of the model {source.model_name!r}:"
            return unknown_name(kind, source.version, numbers, where=where)

    def download(self, package: RegisteredPackage, folder: Path) -> None:
        """Write all files of a package into `folder`.

        Raises:
            RegistryError: a file is missing, or has another size than in the registry.
        """
        try:
            mlflow.artifacts.download_artifacts(
                artifact_uri=package.uri, dst_path=str(folder), tracking_uri=self._uri
            )
            sizes = dict(self._sizes(package.uri, ""))
        except Exception as error:  # of MLflow, or of the client of any artifact store
            raise self._download_error(package, _first_line(error)) from error
        for path, size in sizes.items():
            file = folder / path
            if not file.is_file() or (size is not None and file.stat().st_size != size):
                raise self._download_error(package, f"{path} has not come whole")
        if not sizes:
            raise self._download_error(package, "it has no files")

    def _sizes(self, uri: str, path: str) -> Iterator[tuple[str, int | None]]:
        address = f"{uri}/{path}" if path else uri
        for entry in mlflow.artifacts.list_artifacts(artifact_uri=address):
            inside = f"{path}/{entry.path.rsplit('/', 1)[-1]}" if path else entry.path
            if entry.is_dir:
                yield from self._sizes(uri, inside)
            else:
                yield inside, entry.file_size

    def _download_error(self, package: RegisteredPackage, reason: str) -> RegistryError:
        message = f"{package.uri} can't be downloaded: {reason}"
        fix = "check that the artifacts of the model exist and may be read"
        return RegistryError(
            "download", WorkbenchError(message, where=mask_url(self._uri), fix=fix)
        )

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except RegistryError:
            raise
        except Exception as error:  # of MLflow, requests or SQLAlchemy
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> RegistryError:
        message = f"the model registry can't be used: {_first_line(error)}"
        fix = "start the MLflow server, or name another one: MLFLOW_TRACKING_URI"
        return RegistryError(
            "unreachable", WorkbenchError(message, where=mask_url(self._uri), fix=fix)
        )


def _check_file(uri: str) -> None:
    """Refuse a database that this installation can't read, and a file that is missing.

    MLflow would create it.
    """
    if not uri.startswith(DATABASES):
        return
    if importlib.util.find_spec("sqlalchemy") is None:
        message = "mlflow-skinny reads no database, only the model registry of an MLflow server"
        fix = "name a server (MLFLOW_TRACKING_URI=http://…), serve a package's folder, or: "
        error = WorkbenchError(message, where=mask_url(uri), fix=f"{fix}pip install mlflow")
        raise RegistryError("missing", error)
    file = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    if uri.startswith("sqlite:///") and not file.is_file():
        message, fix = "there is no such MLflow store", "name the store: MLFLOW_TRACKING_URI"
        raise RegistryError("unreachable", WorkbenchError(message, where=str(file), fix=fix))


def _first_line(error: Exception) -> str:
    """The first line of a message; of a connection's error what caused it."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    line = line.rpartition("(Caused by ")[2] or line
    return re.sub(r"<[^<>]* object at 0x[0-9a-f]+>[,:]? ?", "", line)[:SHOWN]
