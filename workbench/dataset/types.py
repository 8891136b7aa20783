"""Rows of inputs, what a good answer to each is, and how an experiment file names them.

dataset: {path: reviews.jsonl, expected: label, split: dev}

Example(id="17", inputs={"text": "A fun ride."}, expectations={"expected_response": "positive"})
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workbench.canonical import JSON
from workbench.document import InvalidValueError

EXPECTED = "expected_response"  # MLflow's word for the answer that is right
SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Example:
    """One row.

    Attributes:
        id: the row's own, or the first 16 digits of its content's digest; once per dataset.
        inputs: what templates see.
        expectations: what evaluators see beside the answer; no template does.
    """

    id: str
    inputs: Mapping[str, JSON]
    expectations: Mapping[str, JSON]


@dataclass(frozen=True)
class Dataset:
    """The rows of one experiment, known by their content.

    Attributes:
        source: where they were read, as messages call it.
        digest: SHA-256 over every row's id and canonical content, in order.
        columns: names of the inputs, in order of appearance.
        rows: how many there are; `examples` may be the first of them only.
        labelled: of those, how many have expectations.
        warnings: what may be meant and often isn't: mixed types, columns that some rows lack.
        row_numbers: the line (of a text file) or the row (elsewhere) of each example, from 1.
        unit: what `row_numbers` counts.
    """

    name: str
    source: str
    examples: tuple[Example, ...]
    digest: str
    columns: tuple[str, ...]
    rows: int = 0
    labelled: int = 0
    warnings: tuple[str, ...] = ()
    row_numbers: tuple[int, ...] = ()
    unit: Literal["line", "row"] = "line"

    def location(self, index: int) -> str:
        """Where example `index` stands: `reviews.jsonl:12`, or `imdb row 12`."""
        return row_location(self.source, self.row_numbers[index], self.unit)

    def row_label(self, index: int) -> str:
        """Example `index` as messages name it: `a, reviews.jsonl:12`."""
        file = row_location(self.source.rpartition("/")[2], self.row_numbers[index], self.unit)
        return f"{self.examples[index].id}, {file}"


@dataclass(frozen=True)
class DatasetSource:
    """Rows as a reader gives them, numbered, before any column has a meaning.

    Attributes:
        rows: number and values of each, read as it is asked for.
    """

    name: str
    rows: Iterable[tuple[int, Mapping[str, JSON]]]
    unit: Literal["line", "row"] = "line"

    def location(self, number: int) -> str:
        """Where row `number` stands, for messages."""
        return row_location(self.name, number, self.unit)


class DatasetSpec(BaseModel):
    """The `dataset:` of an experiment file; a plain string is its path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = Field(
        None, min_length=1, description="A file, relative to the experiment file's folder."
    )
    huggingface: str | None = Field(
        None, min_length=1, description="A dataset's id on the Hugging Face hub, or a folder."
    )
    mlflow: str | None = Field(
        None, min_length=1, description="The name of an MLflow evaluation dataset."
    )
    config: str | None = Field(None, description="Of a hub dataset that has several.")
    revision: str | None = Field(None, description="Commit, tag or branch on the hub.")
    split: str | None = Field(
        None, description="The rows whose column `split` says so; on the hub, the split."
    )
    expected: str | None = Field(
        None, description="The column that holds the right answer; no template sees it."
    )
    id: str | None = Field(None, description="The column that names a row; `id` where there is.")

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> "DatasetSpec":
        given = [key for key in ("path", "huggingface", "mlflow") if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            said = f"takes exactly one of path, huggingface, mlflow; there is {found}"
            raise InvalidValueError(said, fix="dataset: {path: rows.jsonl}")
        stray = [key for key in ("config", "revision") if getattr(self, key) is not None]
        if stray and self.huggingface is None:
            said = f"{stray[0]!r} belongs to huggingface datasets, not to {given[0]!r}"
            raise InvalidValueError(said, fix="take it out")
        return self


def row_location(source: str, number: int, unit: Literal["line", "row"]) -> str:
    """`reviews.jsonl:12`, or `imdb row 12` where there are no lines."""
    return f"{source}:{number}" if unit == "line" else f"{source} row {number}"
