"""The files of the package that are no Python: each is in what is installed."""

import tomllib

from house import PACKAGE, ROOT, STARTERS


def test_every_file_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    installed = {
        file
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for file in ROOT.joinpath(*package.split(".")).glob(pattern)
        if file.is_file() and file.suffix != ".pyc"
    }
    files = {file for file in PACKAGE.rglob("*") if file.is_file() and file.suffix != ".pyc"}
    others = {file for file in files if file.suffix != ".py" or STARTERS in file.parents}
    assert others == installed
