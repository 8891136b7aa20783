"""Datasets: rows of inputs and their expected answers, identified by content.

types         Example, Dataset
dataset_spec  `dataset:` of an experiment file
load          the dataset that an experiment file names
selected_columns  the columns that are read
variables     columns of the experiment file: constants, and lists that multiply rows
rows_cache    the rows of large files that were read before
rows_file     the file of a dataset's rows, by content and settings
packed_examples   examples in compressed blocks, decoded when they are read
sampling      a random sample of rows
examples      rows as examples: split, variables, sample, unique ids, digest
row_ids       unique ids of rows
row_turns     the turns of rows that are conversations
row_parts     id, inputs, expectations and metadata of a row
expected      the right answer of a row: a column, a path or an expression
expected_values   the right answers of all rows: whole floats, lists written as text
columns       names and kinds of columns, and warnings about them
csv_rows, json_rows, parquet_rows, huggingface    readers, one a format
swallowed_lines   CSV records that look like several rows
json_document     the list of rows in a JSON document
text_files    checks and lines of text files
values        values of tables and libraries as JSON
"""

from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.load import MlflowReader, load_dataset
from workbench.dataset.rows_cache import RowsCache
from workbench.dataset.types import ALL_ROWS, EXPECTED, Dataset, Example, RowScope

__all__ = [
    "ALL_ROWS",
    "EXPECTED",
    "Dataset",
    "DatasetSpec",
    "Example",
    "MlflowReader",
    "RowScope",
    "RowsCache",
    "load_dataset",
]
