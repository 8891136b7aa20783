"""Columns of rows by the names that users give them.

find_column("label", dataset, examples)      "expected_response", with `expected: label`
find_column("topik", dataset, examples)      WorkbenchError: … did you mean 'topic'?
"""

from collections.abc import Sequence

from workbench.dataset.types import EXPECTED, Dataset, Example
from workbench.errors import unknown_name


def find_column(
    name: str, dataset: Dataset, examples: Sequence[Example], *, where: str = ""
) -> str:
    """The key of a column in `Example.columns()`: an input, the answer, metadata, the split.

    Pages, tables and frames call the answer `expected`, whatever its column is called.

    Raises:
        WorkbenchError: no row has such a column.
    """
    names = {key for example in examples for part in example.columns() for key in part}
    is_answer = name == dataset.expected or (name == "expected" and name not in names)
    key = EXPECTED if is_answer else name
    if key not in names:
        columns = names - {EXPECTED} | {dataset.expected} if dataset.expected else names
        raise unknown_name("column", name, columns, where=where)
    return key
