"""The `dataset:` of an experiment file.

dataset: {path: reviews.csv, delimiter: ";", expected: label, split: dev, drop: [raw]}
"""

import codecs
from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from workbench.dataset.types import SPLIT
from workbench.dataset.variables import check_variables
from workbench.document import Document, InvalidValueError
from workbench.errors import unknown_name

Name = Annotated[str, Field(min_length=1)]
Names = Annotated[list[Name], Field(min_length=1)]
Renamed = Annotated[dict[Name, Name], Field(min_length=1)]
Quoting = Literal["none", "double", "backslash"]

COMPRESSED = (".gz", ".bz2", ".xz")  # read as they are
SOURCES = ("path", "huggingface", "mlflow", "rows")
NO_CSV = (".jsonl", ".ndjson", ".json", ".parquet")
ENCODINGS = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1", "iso-8859-15", "cp1250"),
    *("cp1251", "koi8-r", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr", "mac-roman"),
)
SYNONYMS = {  # words of other tools
    **dict.fromkeys(("sep", "separator", "fieldsep"), "delimiter"),
    **dict.fromkeys(("charset", "codec"), "encoding"),
    **dict.fromkeys(("quote", "quotes", "quotechar", "quote_char", "escapechar"), "quoting"),
    **dict.fromkeys(("usecols", "select", "fields", "include", "keep", "rename"), "columns"),
    **dict.fromkeys(("exclude", "ignore", "omit", "skip", "remove"), "drop"),
    **dict.fromkeys(("label", "labels", "target", "targets", "output", "ideal"), "expected"),
    **dict.fromkeys(("answer", "answers", "gold", "reference", "ground_truth"), "expected"),
    **dict.fromkeys(("data", "source"), "write `path: FILE`, or `rows: […]` for the rows"),
    **dict.fromkeys(("examples", "items", "records", "inline"), "rows"),
    **dict.fromkeys(("name", "dataset"), "write `path:`, `huggingface:` or `mlflow:`"),
    "subset": "config",
    **dict.fromkeys(("group", "groups", "groupby", "group_by"), "cluster"),
    **dict.fromkeys(("file", "filename", "files"), "path"),
    **dict.fromkeys(("hf", "hub"), "huggingface"),
    **dict.fromkeys(("variables", "constants", "matrix"), "vars"),
    **dict.fromkeys(("limit", "n", "size", "sample_size", "samples", "shuffle"), "sample"),
    **dict.fromkeys(("random_state", "random_seed", "sample_seed"), "seed"),
    **dict.fromkeys(("strata", "stratified", "stratify_by", "balance"), "stratify"),
}


class DatasetSpec(BaseModel):
    """The `dataset:` of an experiment file; a plain string is its path.

    Attributes:
        path: a file, relative to the experiment file's folder.
        huggingface: a dataset's id on the Hugging Face hub, or a folder.
        mlflow: the name of an MLflow evaluation dataset.
        rows: the rows themselves; a plain list is its rows.
        config, revision: of a hub dataset; the revision is a commit, a tag or a branch.
        split: rows with this value in column `split`; on the hub, the split.
        expected: the column of the right answer; hidden from templates.
        id: the column of row ids; None: `id` if there is one, or none if the file says `null`.
        cluster: the column whose equal values make rows one group, such as questions on one text.
        delimiter: the character between two cells; None: by the file's suffix.
        encoding: of a text file; None: UTF-8, or UTF-16 with a byte order mark.
        quoting: how cells are quoted; None: by the file's suffix.
        columns: the columns to read, or their names in the file by new ones; those that other
            settings name are read, too.
        drop: the columns to leave out.
        vars: constants, and lists of which each combination makes a row.
        sample: number of rows to take at random; None: all, in the file's order.
        seed: of the sample.
        stratify: `expected` or a column: the sample has each value's share of all rows.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"synonyms": dict(SYNONYMS)}
    )
    path: Name | None = None
    huggingface: Name | None = None
    mlflow: Name | None = None
    rows: Annotated[list[dict[str, Any]], Field(min_length=1)] | None = None
    config: str | None = None
    revision: str | None = None
    split: str | None = None
    expected: str | None = None
    id: Name | None = None
    cluster: Name | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoting: Quoting | None = None
    columns: Names | Renamed | None = None
    drop: Names | None = None
    vars: Annotated[dict[str, Any], Field(min_length=1)] | None = None
    sample: Annotated[int, Field(ge=1, strict=True)] | None = None
    seed: Annotated[int, Field(strict=True)] = 0
    stratify: Name | None = None
    _file: str = PrivateAttr("")
    _lines: tuple[int, ...] = PrivateAttr(())

    @cached_property
    def id_columns(self) -> tuple[str, ...]:
        """Columns that may hold the ids of flat rows; empty with `id: null`."""
        if self.id is None and "id" in self.model_fields_set:
            return ()
        return ("id",) if self.id is None else (self.id,)

    def named_columns(self) -> Iterator[tuple[str, str]]:
        """The setting and the name of each column that a setting reads."""
        for key in ("expected", "id", "cluster", "stratify"):
            column = getattr(self, key)
            if column and (key, column) != ("stratify", "expected"):
                yield key, column
        if self.split is not None and self.huggingface is None:
            yield "split", SPLIT

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"rows": value}
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _note_lines(self, info: ValidationInfo) -> "DatasetSpec":
        """Note where `rows` stand, if a Document is checked."""
        if self.rows is not None and isinstance(info.context, Document):
            marks = info.context.marks
            lists = [("dataset", "rows"), ("dataset",)]
            start = next((path for path in lists if (*path, 0) in marks), ())
            places = [marks.get((*start, index)) for index in range(len(self.rows))]
            self._file = info.context.path
            self._lines = tuple(place[0] for place in places if place)
        return self

    def inline_rows(self) -> tuple[str, list[tuple[int, dict[str, Any]]]]:
        """The file of `rows`, empty if it is unknown, and each row with its line or number."""
        rows = self.rows or []
        if len(self._lines) == len(rows):
            return self._file, list(zip(self._lines, rows, strict=True))
        return "", list(enumerate(rows, 1))

    @field_validator("delimiter")
    @classmethod
    def _check_delimiter(cls, value: str | None) -> str | None:
        if value is None or (len(value) == 1 and not value.isalnum() and value not in '"\r\n\\'):
            return value
        fix = 'write delimiter: ";", or "," or "|"; a tab is "\\t" in double quotes'
        raise InvalidValueError("is not one character that can separate cells", fix=fix)

    @field_validator("stratify", mode="before")
    @classmethod
    def _check_stratify(cls, value: Any) -> Any:
        if value is None or (isinstance(value, str) and value):
            return value
        fix = "write stratify: expected, or the name of a column"
        raise InvalidValueError("is not the name of a column", fix=fix)

    @field_validator("vars")
    @classmethod
    def _check_vars(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        check_variables(value or {})
        return value

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            if value.isascii() and "a".encode(value).decode(value) == "a":
                return codecs.lookup(value).name
        except (LookupError, ValueError):
            pass
        fix = unknown_name("encoding", value, ENCODINGS).fix
        raise InvalidValueError("is not an encoding of text", fix=fix)

    @model_validator(mode="after")
    def _check_source(self) -> "DatasetSpec":
        keys = [key for key in SOURCES if getattr(self, key) is not None]
        if len(keys) != 1:
            message = f"needs exactly one of {', '.join(SOURCES)}; it has "
            message += " and ".join(keys) or "none"
            raise InvalidValueError(message, fix="dataset: {path: rows.jsonl}")
        for key in ("config", "revision"):
            if getattr(self, key) is not None and self.huggingface is None:
                message = f"{key!r} is for huggingface datasets, not for {keys[0]!r}"
                raise InvalidValueError(message, fix=f"remove {key!r}")
        self._check_format()
        self._check_columns()
        return self

    def _check_format(self) -> None:
        """Refuse settings of text files for other sources."""
        path = PurePath(self.path or "")
        path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
        suffix = path.suffix.lower()
        for key in ("delimiter", "quoting", "encoding"):
            kinds = (".parquet",) if key == "encoding" else NO_CSV
            if getattr(self, key) is not None and (self.path is None or suffix in kinds):
                files = "text files" if key == "encoding" else "CSV and TSV files"
                message = f"{key!r} is for {files}, not for {suffix or 'other sources'}"
                raise InvalidValueError(message, fix=f"remove {key!r}")

    def _check_columns(self) -> None:
        if self.columns is not None and self.drop is not None:
            message = "has both `columns` and `drop`"
            raise InvalidValueError(message, fix="list the columns to read, or those to leave out")
        sources = list(self.columns.values()) if isinstance(self.columns, dict) else []
        if twice := next((source for source in sources if sources.count(source) > 1), ""):
            message = f"`columns` gives the column {twice!r} two names"
            raise InvalidValueError(message, fix="give it one name")
        for key, column in self.named_columns():
            if {column, column.partition(".")[0]} & {*(self.drop or ())}:
                message = f"`drop` leaves out {column!r}, which `{key}` reads"
                raise InvalidValueError(message, fix=f"remove {column!r} from `drop`")
            if key in ("id", "cluster") and column in (self.vars or ()):
                message = f"`{key}: {column}` names one of `vars`"
                fix = "name a column of the rows; rows made from one row are one cluster"
                raise InvalidValueError(message, fix=fix)
