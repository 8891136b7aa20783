"""The data arguments of rows as JSON, and the keys of their scores.

arguments = RowArguments(rows)
arguments.keys(evaluator)         ["0a3e…", …]
arguments.text(evaluator, 0)      '{"outputs": "Paris", "expectations": {…}}'

Evaluators that declare the same data share its JSON.
"""

from collections.abc import Mapping, Sequence

from workbench.canonical import JSON, canonical_json, plain_json
from workbench.evaluator import Evaluator
from workbench.results.types import Row
from workbench.store import completion_json, score_key

Read = tuple[str, ...]  # the data that an evaluator reads


class RowArguments:
    """The arguments of rows with an answer."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._canonical: dict[Read, list[str]] = {}
        self._texts: dict[Read, dict[int, str]] = {}

    def keys(self, evaluator: Evaluator) -> list[str]:
        """The key of each row's score by this evaluator."""
        read = _read(evaluator)
        if read not in self._canonical:
            values = (row_arguments(evaluator, row) for row in self._rows)
            self._canonical[read] = [canonical_json(each) for each in values]
        return [score_key(evaluator, text) for text in self._canonical[read]]

    def text(self, evaluator: Evaluator, number: int) -> str:
        """The arguments of a row, their keys in the order of the dataset."""
        texts = self._texts.setdefault(_read(evaluator), {})
        if number not in texts:
            texts[number] = plain_json(row_arguments(evaluator, self._rows[number]))
        return texts[number]


def score_keys(evaluators: Sequence[Evaluator], rows: Sequence[Row]) -> dict[str, list[str]]:
    """The keys of the scores of rows with an answer, by evaluator."""
    arguments = RowArguments(rows)
    return {evaluator.name: arguments.keys(evaluator) for evaluator in evaluators}


def row_arguments(evaluator: Evaluator, row: Row) -> dict[str, JSON]:
    """The data arguments of the evaluator, as JSON."""
    assert row.completion
    names, example, arguments = evaluator.arguments, row.cell.example, dict[str, JSON]()
    if "inputs" in names:
        arguments["inputs"] = example.inputs
    if "outputs" in names:
        arguments["outputs"] = row.completion.text
    if "expectations" in names:
        arguments["expectations"] = row_expectations(evaluator, row)
    if "baseline" in names:
        assert row.baseline
        arguments["baseline"] = row.baseline.text
    if "completion" in names:
        arguments["completion"] = completion_json(row.completion)
    if "prompt" in names:
        arguments["prompt"] = sent_prompt(row)
    if "request" in names:  # of a score that depends on prompt and model, not on the answer
        arguments["request"] = row.cell.key
    return arguments


def row_expectations(evaluator: Evaluator, row: Row) -> Mapping[str, JSON]:
    """The row's expectations, with those of the evaluator's column."""
    example = row.cell.example
    if evaluator.coverage is None:
        return example.expectations
    return evaluator.coverage.expectations(example.columns(), example.expectations)


def sent_prompt(row: Row) -> list[dict[str, JSON]]:
    """The messages as sent; a text without roles is one of the user."""
    return [{"role": each.role or "user", "content": each.text} for each in row.prompt]


def _read(evaluator: Evaluator) -> Read:
    column = evaluator.coverage.expected_column if evaluator.coverage else ""
    return (*evaluator.arguments, column)
