"""A check that no template shows the expected answer: a column may have it.

the column 'stars' equals the expected value in all 150 rows
"""

from collections.abc import Iterable, Iterator, Sequence

from workbench.canonical import JSON
from workbench.checking.finding import Finding
from workbench.dataset import EXPECTED, Dataset, Example
from workbench.dataset.expected import is_empty
from workbench.prompt import Prompt

LEAK_ROWS = 3  # below, equal columns may be chance


def shown_findings(
    dataset: Dataset, examples: Sequence[Example], prompts: Iterable[Prompt]
) -> Iterator[Finding]:
    """The columns that equal the expected value in every row, in templates that use them."""
    columns = set(dataset.columns)
    values: set[str] = set()
    rows = 0
    for example in examples:
        answer = example.expectations.get(EXPECTED)
        if is_empty(answer) or isinstance(answer, list):
            continue
        rows, text = rows + 1, _folded(answer)
        columns = {c for c in columns if _folded(example.inputs.get(c)) == text}
        if not columns:
            return
        values.add(text)
    if rows < LEAK_ROWS or len(values) < 2:
        return
    for prompt in prompts:
        for column in sorted(columns.intersection(prompt.variables)):
            message = f"the column {column!r} equals the expected value in all {rows:,} rows"
            line = prompt.where(prompt.variables[column])
            yield Finding(message, line, "the template shows the answer; leave the column out")


def _folded(value: JSON) -> str:
    return str(value).strip().casefold()
