"""A variant as an MLflow model from code: written into a folder, or logged to a run.

    with open_package(plan, 1, store, renderer) as package:
        save_package(package, Path("triage-package"))
        log_package(package, run_id=run_id)

Nothing in it is pickled, is a key, or names a place on this machine. MLflow's own calls load and
serve it: `mlflow.pyfunc.load_model`, `mlflow models predict`, `mlflow models serve`.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.plan import Plan
from workbench.prompt import Renderer
from workbench.releasing.model_signature import read_example, read_signature
from workbench.releasing.portable_model import refuse_keys
from workbench.releasing.requirements import WHEELS_FOLDER, read_requirements
from workbench.releasing.variant_folder import repeats_prefill, write_variant
from workbench.releasing.wheel import build_wheel
from workbench.secrets import Redactor
from workbench.serving.pyfunc import ARTIFACT
from workbench.serving.variant_spec import VariantSpec
from workbench.store import Store
from workbench.tracking.mlflow_client import silence
from workbench.workers.model_code import model_code_allowed

MODEL_FILE = "model.py"
MODEL_CODE = '''"""The packaged variant, as MLflow loads it."""

import mlflow

from workbench.serving.pyfunc import PackagedVariant

mlflow.models.set_model(PackagedVariant())
'''
ARTIFACTS = "artifacts"
PYTHON_FUNCTION = "python_function"


@dataclass(frozen=True)
class Package:
    """The contents of a package, in a temporary folder.

    Attributes:
        folder: with `model.py`, the folder of the variant, and the wheel.
        example: a row; None: no row of the dataset can be sent to a server.
    """

    folder: Path
    spec: VariantSpec
    signature: ModelSignature
    example: dict[str, JSON] | None
    requirements: tuple[str, ...]


@contextmanager
def open_package(
    plan: Plan, number: int, store: Store, renderer: Renderer, *, with_weights: bool = False
) -> Iterator[Package]:
    """Prepare the package of variant `number`; the context removes the temporary files.

    Args:
        plan: with redacted rows, as `plan_invocation` makes it.
        number: of the variant in the plan.
        store: of its answers.
        renderer: of the plan.
        with_weights: put a local model's weights into the package.

    Raises:
        WorkbenchError: the variant can't be packaged, as one with a key in its settings.
    """
    variant = plan.variants[number]
    refuse_keys(variant, store.redactor)
    with tempfile.TemporaryDirectory(prefix="workbench-package-") as scratch:
        folder = Path(scratch)
        spec = write_variant(
            variant,
            folder / ARTIFACT,
            renderer,
            prefill_repeated=repeats_prefill(plan, number, store),
            with_weights=with_weights,
        )
        (folder / MODEL_FILE).write_text(MODEL_CODE, encoding="utf-8")
        (folder / WHEELS_FOLDER).mkdir()
        build_wheel(folder / WHEELS_FOLDER)
        variables = variant.prompt.all_variables
        example = read_example(plan, variables)
        requirements = tuple(read_requirements(spec.model.provider))
        signature = read_signature(plan, variables)
        _refuse_secrets(folder / ARTIFACT, store.redactor)
        yield Package(folder, spec, signature, example, requirements)


def _refuse_secrets(folder: Path, redactor: Redactor) -> None:
    for file in folder.iterdir():
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            if redactor.redact(text) != text:
                message = f"the package's file {file.name} would hold a secret"
                raise WorkbenchError(message, fix="remove it from the prompt and the model")


def save_package(package: Package, folder: Path) -> None:
    """Write a package into `folder`, which must not exist or be empty.

    Raises:
        WorkbenchError: the folder is not empty, or can't be written.
    """
    with _new_folder(folder) as new_folder:
        flavor = PackageFlavor(package)
        flavor.save_model(str(new_folder), Model(prompts=_prompts(package)))


def log_package(package: Package, *, run_id: str, name: str) -> ModelInfo:
    """Log a package as a model of MLflow, with the run of its evaluation as its source.

    MLflow's address is the one that is set: `mlflow.set_tracking_uri`. The prompt version is
    linked if it is registered.
    """
    return Model.log(
        artifact_path=None,
        flavor=PackageFlavor(package),
        name=name,
        run_id=run_id,
        prompts=_prompts(package),
        validate_serving_input=False,  # it would ask the model, which may cost money
    )


def fetch_package(name: str, alias: str, folder: Path) -> None:
    """Write the package of the registered model `name` that has `alias` into `folder`.

    Raises:
        WorkbenchError: there is none, or the folder is not empty.
    """
    fix = "`workbench promote` gives a variant the alias; `workbench promotions` lists what has one"
    try:
        aliases = mlflow.MlflowClient().get_registered_model(name).aliases
    except MlflowException as error:
        message = f"the registered model {name!r} can't be read: {error.message}"
        raise WorkbenchError(message, fix=fix) from error
    if alias not in aliases:
        raise unknown_name("alias", alias, aliases, where=name, fix="" if aliases else fix)
    with _new_folder(folder) as new_folder:
        try:
            uri = f"models:/{name}/{aliases[alias]}"
            mlflow.artifacts.download_artifacts(uri, dst_path=str(new_folder))
        except (MlflowException, OSError) as error:
            message = f"{uri} can't be read: {error}"
            raise WorkbenchError(message, fix="see whether the artifact store answers") from error


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that becomes `folder` once it is written."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fix = "name another folder with --output, or remove this one"
        raise WorkbenchError("is not an empty folder", where=str(folder), fix=fix)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".package-") as scratch:
        new_folder = Path(scratch, "package")
        new_folder.mkdir()
        yield new_folder
        if folder.exists():
            folder.rmdir()
        new_folder.rename(folder)


def _prompts(package: Package) -> list[str] | None:
    return [package.spec.prompt.uri] if package.spec.prompt.uri else None


class PackageFlavor:
    """Writes a package as `mlflow.models.Model.log` expects it of a flavor."""

    __name__ = "workbench"

    def __init__(self, package: Package) -> None:
        self._package = package

    def save_model(self, path: str, mlflow_model: Model, **_options: Any) -> None:
        """Write the package into `path`, and its description into `mlflow_model`, too."""
        package = self._package
        silence()
        with model_code_allowed():
            mlflow.pyfunc.save_model(
                path,
                python_model=str(package.folder / MODEL_FILE),
                artifacts={ARTIFACT: str(package.folder / ARTIFACT)},
                pip_requirements=list(package.requirements),
                signature=package.signature,
                input_example=package.example and [package.example],
                mlflow_model=mlflow_model,
            )
        shutil.copytree(package.folder / WHEELS_FOLDER, Path(path, WHEELS_FOLDER))
        _remove_places(mlflow_model)
        mlflow_model.save(str(Path(path, MLMODEL_FILE_NAME)))


def _remove_places(model: Model) -> None:
    """Leave out where the files lay when the model was written: MLflow loads without it."""
    flavor = model.flavors[PYTHON_FUNCTION]
    flavor["model_code_path"] = MODEL_FILE
    flavor[ARTIFACTS][ARTIFACT]["uri"] = flavor[ARTIFACTS][ARTIFACT]["path"]
    model.artifact_path = None
