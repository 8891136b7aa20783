"""Read files that tests write, or return their error messages."""

from collections.abc import Callable

import pytest

from workbench.dataset import DatasetSpec, load_dataset
from workbench.errors import WorkbenchError


@pytest.fixture
def rows_of(tmp_path) -> Callable[..., list]:
    """The inputs in a file of `tmp_path`, written first if there is content."""

    def read(name: str, content: bytes | None = None, **settings: object) -> list:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        dataset = load_dataset(DatasetSpec(path=name, **settings), tmp_path)
        return [dict(example.inputs) for example in dataset.examples]

    return read


@pytest.fixture
def refusal_of(rows_of, tmp_path) -> Callable[..., str]:
    """The error message of a file of `tmp_path`, without the folder's name."""

    def refused(name: str, content: bytes | None = None, **settings: object) -> str:
        with pytest.raises(WorkbenchError) as caught:
            rows_of(name, content, **settings)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return refused


@pytest.fixture
def notes_of(tmp_path) -> Callable[..., tuple[str, ...]]:
    """The notes on a file of `tmp_path`, without the folder's name."""

    def read(name: str, content: bytes, **settings: object) -> tuple[str, ...]:
        (tmp_path / name).write_bytes(content)
        dataset = load_dataset(DatasetSpec(path=name, **settings), tmp_path)
        return tuple(note.replace(f"{tmp_path}/", "") for note in dataset.warnings)

    return read
