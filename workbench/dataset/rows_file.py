"""The file that a dataset is read from: its content and the settings that it is read by.

find_rows_file(spec, folder, scope)      RowsFile(Path("reviews.jsonl"), sha256="5f2c…", …)
"""

from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path

from workbench.canonical import JSON, digest
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.types import RowScope, RowsFile
from workbench.project.cache_files import code_digest

MIN_BYTES = 1 << 20  # smaller files are parsed in some hundredths of a second


def find_rows_file(spec: DatasetSpec, folder: Path, scope: RowScope) -> RowsFile | None:
    """The file of a dataset's rows; None: they are in no file, or in a small one."""
    if spec.path is None:
        return None
    path = folder / spec.path
    try:
        if not path.is_file() or path.stat().st_size < MIN_BYTES:
            return None
        return RowsFile(path, _sha256(path), _settings(spec, path, scope))
    except (OSError, ValueError, TypeError):  # reading it names the error
        return None


def has_changed(file: RowsFile) -> bool:
    """True if a file has other bytes now, or can't be read."""
    try:
        return _sha256(file.path) != file.sha256
    except OSError:
        return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _settings(spec: DatasetSpec, path: Path, scope: RowScope) -> str:
    libraries = ["jinja2"] if "{" in (spec.expected or "") else []
    libraries += ["pyarrow"] if ".parquet" in path.suffixes else []
    settings: JSON = {
        "path": str(path),  # messages about rows name it
        "dataset": spec.model_dump(mode="json"),
        "written": sorted(spec.model_fields_set),  # `id: null` is another setting than no `id`
        "scope": [scope.limit, scope.sample],
        "code": code_digest(),
        "libraries": [[name, version(name)] for name in libraries],
    }
    return digest(settings)
