"""Scores of answers that were made elsewhere, recorded and compared as those of a run."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import count
from typing import Any

from workbench.api.arguments import check_options, check_texts
from workbench.api.data_rows import json_rows
from workbench.api.opening import PythonCall
from workbench.api.results import Results
from workbench.api.run import run_call
from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.plan import Options

CONSTANTS = ("none", "true", "false")  # of templates
# The answer as it is; a missing one is no answer.
TEMPLATE = "---\nchat: false\n---\n{{% if {0} is not none %}}{{{{ {0} }}}}{{% endif %}}"


def evaluate(
    data: Any,
    evaluators: str | Callable[..., Any] | Mapping[Any, Any] | Sequence[Any],
    *,
    output: str | Sequence[str] = "output",
    expected: str | None = None,
    baseline: str | None = None,
    margin: float | Mapping[str, float] | None = None,
    name: str = "notebook",
    max_judge_cost: float | None = None,
    tracking_uri: str = "",
    progress: bool = True,
) -> Results:
    """Score answers that were made elsewhere; no model is asked but those of judges.

    Args:
        data: a data frame, a list of dicts or a Dataset: a row for each question.
        output: the column of the answers; several: a variant each, compared with the first.
        evaluators, expected, baseline, margin, name, max_judge_cost, tracking_uri, progress: as
            those of `run`.

    Raises:
        WorkbenchError: an argument is refused, or the scoring was interrupted.

    >>> answers = {"right": ["4", "6"], "old": ["4", "7"], "new": ["4", "6"]}
    >>> scored = wb.evaluate(answers, "exact_match", output=["old", "new"], expected="right")
    >>> scored.leaderboard[["variant", "mean", "difference"]]
      variant  mean  difference
    0     new   1.0         0.5
    1     old   0.5         NaN
    """
    checked = check_options({"tracking_uri": tracking_uri, "max_judge_cost": max_judge_cost})
    columns = check_texts(output, "output", "output='answer', or output=['old', 'new']")
    names = _variant_names(columns)
    keywords = {
        **_answers(columns, names, list(json_rows(data))),
        "expected": expected,
        "evaluators": evaluators,
        "baseline": _baseline(baseline, names),
        "margin": margin,
        "name": name,
    }
    with _in_words_of_evaluate(names):
        call = PythonCall("", keywords, tracking_uri)
        return run_call(call, Options(), checked.limits, progress=progress)


def _answers(
    columns: Sequence[str], names: Mapping[str, str], rows: list[dict[str, JSON]]
) -> dict[str, Any]:
    """Prompts that repeat the answers, with their rows."""
    variables = _variables(columns, {name for row in rows for name in row})
    return {
        "prompts": {names[column]: TEMPLATE.format(variables[column]) for column in columns},
        "models": ["echo:answer"],
        "data": [_row(row, variables) for row in rows],
    }


@contextmanager
def _in_words_of_evaluate(names: Mapping[str, str]) -> Iterator[None]:
    """Errors about columns and `evaluate`, in place of the templates that repeat the answers."""
    try:
        yield
    except WorkbenchError as error:
        if error.where == "workbench.run":
            error.where = "workbench.evaluate"
        for column, name in names.items():
            if error.where.startswith(f"prompts[{name!r}]"):
                error.where = f"output={column!r}"
                error.message = error.message.replace("render an empty text", "have no answer")
        raise


def _baseline(column: str | None, names: Mapping[str, str]) -> str | None:
    if column and column not in {*names, *names.values()}:
        raise unknown_name("column of answers", column, names, where="baseline")
    return names.get(column, column) if column else None


def _variant_names(columns: Sequence[str]) -> dict[str, str]:
    """The name of each column's variant, which is the name of a prompt."""
    names = {column: re.sub(r"[^A-Za-z0-9_-]", "_", column).lstrip("_-") for column in columns}
    if not columns:
        raise WorkbenchError("there are no columns", where="output", fix="output='answer'")
    if len({*names.values()}) < len(columns) or "" in names.values():
        message = f"the columns {', '.join(columns)} give no distinct names of variants"
        raise WorkbenchError(message, where="output", fix="rename them: letters, digits, _ and -")
    return names


def _variables(columns: Sequence[str], taken: Set[str]) -> dict[str, str]:
    """The name in a template of each column."""
    variables = {}
    for number, column in enumerate(columns):
        name = column
        if not column.isidentifier() or column.lower() in CONSTANTS:
            free = (f"output_{n}" for n in count(number))
            name = next(name for name in free if name not in taken)
            taken = taken | {name}
        variables[column] = name
    return variables


def _row(row: dict[str, JSON], variables: Mapping[str, str]) -> dict[str, JSON]:
    """The row with each answer as text, under a name that a template can use."""
    for column, variable in variables.items():
        if column not in row:
            raise unknown_name("column", column, row, where="output")
        answer = row.pop(column)
        is_text = answer is None or isinstance(answer, str)
        row[variable] = answer if is_text else json.dumps(answer, ensure_ascii=False)
    return row
