"""The rows of a recorded variant, read back from an artifact of its run.

    eval_results_table.json    all rows of a variant
    rows.parquet               all rows of a large variant, whose table has some of them

Both give the same digest to the same content. The table is written by pandas, which may make an
integer a float, and leaves out what a row lacks.
"""

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from workbench.canonical import JSON
from workbench.comparing.history import RecordedRows, VariantRecord
from workbench.model import SCORED_STATES
from workbench.tracking.evaluate import TABLE_COLUMNS, TABLE_FILE
from workbench.tracking.rows_parquet import CLUSTER, FILE_NAME

CONTENT_COLUMNS = ("inputs", "expectations")  # of rows.parquet, as JSON
NOT_RUN = "not_run"


def read_rows(record: VariantRecord, metric: str) -> RecordedRows | None:
    """The rows of a run with the scores of one metric; None if they can't be read."""
    file_name = FILE_NAME if record.all_rows_file else TABLE_FILE
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = download_artifacts(f"{record.artifacts}/{file_name}", dst_path=folder)
            rows = _parquet_rows(path, metric) if record.all_rows_file else _table_rows(path)
        except (MlflowException, OSError, ValueError):
            return None
    not_content = {*TABLE_COLUMNS, *CONTENT_COLUMNS}
    for name in record.metrics:
        not_content |= {f"{name}/score", f"{name}/justification", f"{name}/error"}
    contents: dict[str, str] = {}
    values: defaultdict[str, list[float]] = defaultdict(list)
    lost, errors, inapplicable = Counter[str](), set[str](), set[str]()
    clusters: dict[str, int] = {}
    for row in rows:
        row_id, state, score = str(row["id"]), row["state"], row.get(f"{metric}/score")
        if row_id not in contents:
            contents[row_id] = _content_digest({k: row[k] for k in row.keys() - not_content})
        if row.get(CLUSTER) is not None:
            clusters[row_id] = int(row[CLUSTER])
        if isinstance(score, int | float):
            values[row_id].append(float(score))
        elif row.get(f"{metric}/error"):
            lost[row_id] += 1
            errors.add(row_id)
        elif state not in (*SCORED_STATES, NOT_RUN):
            lost[row_id] += 1
        elif state != NOT_RUN:
            inapplicable.add(row_id)
    inapplicable -= values.keys() | errors
    lost = Counter({row: count for row, count in lost.items() if row not in inapplicable})
    return RecordedRows(contents, values, lost, inapplicable, clusters)


def _table_rows(path: str) -> Iterable[Mapping[str, Any]]:
    table = json.loads(Path(path).read_text(encoding="utf-8"))
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


def _parquet_rows(path: str, metric: str) -> Iterable[Mapping[str, Any]]:
    """The rows with each input and expectation as a column, as in the table."""
    scores = [f"{metric}/score", f"{metric}/error"]
    names = ["id", "state", CLUSTER, *CONTENT_COLUMNS, *scores]
    rows = pq.read_table(path, columns=names).to_pylist()
    return [{**json.loads(row["inputs"]), **json.loads(row["expectations"]), **row} for row in rows]


def _content_digest(columns: Mapping[str, JSON]) -> str:
    present = sorted((name, value) for name, value in columns.items() if value is not None)
    text = "\n".join(f"{name!r}: {_text(value)}" for name, value in present)
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def _text(value: JSON) -> str:
    """The value as pandas may write it: digits beyond the tenth decimal are lost."""
    return f"{value:.9g}" if isinstance(value, int | float) else repr(str(value))
