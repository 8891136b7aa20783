"""Examples, datasets, and the `dataset:` of an experiment file.

dataset: {path: reviews.jsonl, expected: label, split: dev}

Example(id="17", inputs={"text": "A fun ride."}, expectations={"expected_response": "positive"})
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workbench.canonical import JSON
from workbench.document import InvalidValueError

EXPECTED = "expected_response"  # MLflow's key of the right answer
SPLIT = "split"
Name = Annotated[str, Field(min_length=1)]
Unit = Literal["line", "row"]


@dataclass(frozen=True, slots=True)
class Example:
    """One row.

    Attributes:
        id: from the row, or the first 16 digits of its content's digest; unique in a dataset.
        inputs: the variables of templates.
        expectations: visible to evaluators, never to templates.
    """

    id: str
    inputs: Mapping[str, JSON]
    expectations: Mapping[str, JSON]


@dataclass(frozen=True)
class Dataset:
    """The rows of one experiment, identified by their content.

    Attributes:
        source: the file or dataset, as error messages call it.
        digest: SHA-256 over every row's id and canonical content, in order.
        columns: names of the inputs, in order of appearance.
        expected: `expected:` of the experiment file; empty: there is none.
        rows: count of all rows; `examples` may hold only the first.
        labelled: count of the rows that have expectations.
        warnings: likely mistakes: columns of mixed kinds, or missing in rows.
        row_numbers: the line (of a text file) or the row (elsewhere) of each example, from 1.
        unit: what `row_numbers` counts.
        cluster: name of the column whose values make groups of rows; empty: there is none.
        groups: number of each example's group; None: it is in no group. Empty without `cluster`.
            They change intervals and verdicts, not answers, so they are not in the digest.
    """

    name: str
    source: str
    examples: tuple[Example, ...]
    digest: str
    columns: tuple[str, ...]
    expected: str = ""
    rows: int = 0
    labelled: int = 0
    warnings: tuple[str, ...] = ()
    row_numbers: tuple[int, ...] = ()
    unit: Unit = "line"
    cluster: str = ""
    groups: tuple[int | None, ...] = ()

    def row_label(self, index: int) -> str:
        """Id and location of example `index`: `a, reviews.jsonl:12`."""
        file = self.source.rpartition("/")[2]
        location = row_location(file, self.row_numbers[index], self.unit)
        return f"{self.examples[index].id}, {location}"


@dataclass(frozen=True)
class DatasetSource:
    """Numbered rows from a reader, read lazily, before any column has a meaning."""

    name: str
    rows: Iterable[tuple[int, Mapping[str, JSON]]]
    unit: Unit = "line"

    def location(self, number: int) -> str:
        """Location of row `number`, for messages."""
        return row_location(self.name, number, self.unit)


class DatasetSpec(BaseModel):
    """The `dataset:` of an experiment file; a plain string is its path.

    Attributes:
        path: a file, relative to the experiment file's folder.
        huggingface: a dataset's id on the Hugging Face hub, or a folder.
        mlflow: the name of an MLflow evaluation dataset.
        config, revision: of a hub dataset; the revision is a commit, a tag or a branch.
        split: rows with this value in column `split`; on the hub, the split.
        expected: the column of the right answer; hidden from templates.
        id: the column of row ids; None: `id` if there is one.
        cluster: the column whose equal values make rows one group, such as questions on one text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    path: Name | None = None
    huggingface: Name | None = None
    mlflow: Name | None = None
    config: str | None = None
    revision: str | None = None
    split: str | None = None
    expected: str | None = None
    id: str | None = None
    cluster: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_source(self) -> "DatasetSpec":
        keys = [key for key in ("path", "huggingface", "mlflow") if getattr(self, key) is not None]
        if len(keys) != 1:
            message = "needs exactly one of path, huggingface, mlflow; it has "
            message += " and ".join(keys) or "none"
            raise InvalidValueError(message, fix="dataset: {path: rows.jsonl}")
        for key in ("config", "revision"):
            if getattr(self, key) is not None and self.huggingface is None:
                message = f"{key!r} is for huggingface datasets, not for {keys[0]!r}"
                raise InvalidValueError(message, fix=f"remove {key!r}")
        return self


def row_location(source: str, number: int, unit: Unit) -> str:
    """`reviews.jsonl:12`, or `imdb row 12` where rows have no lines."""
    return f"{source}:{number}" if unit == "line" else f"{source} row {number}"
