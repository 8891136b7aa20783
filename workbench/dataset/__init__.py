"""Datasets: rows of inputs and their expected answers, identified by content.

types         Example, Dataset, and `dataset:` of an experiment file
load          the dataset that an experiment file names
examples      rows as examples: id, inputs, expectations
expected      the right answer of a row: a column, a path or an expression
expected_values   the right answers of all rows: whole floats, lists written as text
columns       names and kinds of columns, and warnings about them
csv_rows, json_rows, parquet_rows, huggingface    readers, one a format
text_files    checks and lines of text files
values        values of tables and libraries as JSON
"""

from workbench.dataset.load import MlflowReader, load_dataset
from workbench.dataset.types import EXPECTED, Dataset, DatasetSpec, Example

__all__ = ["EXPECTED", "Dataset", "DatasetSpec", "Example", "MlflowReader", "load_dataset"]
