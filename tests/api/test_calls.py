"""Arguments of `workbench.run`: what is read, and what is refused in the words of Python."""

import functools
import re
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from bench import refusal

import workbench as wb
from workbench.api.cell_source import source_of
from workbench.api.data_rows import json_rows
from workbench.api.python_words import python_note, python_text
from workbench.evaluator import Score, evaluator

GOOD = {"good", "fine"}
WORD = re.compile(r"\w+", re.IGNORECASE)
client = SimpleNamespace(score=len)


class Box:
    """A class of the notebook."""


def words_of(text: "Box") -> list[str]:
    return WORD.findall(text)


@evaluator(range=(0, 1))
def tone(outputs: str, *, least: int = 1) -> Score:
    return Score(sum(word in GOOD for word in words_of(outputs)) >= least, "counted")


def asks(outputs: str) -> int:
    return client.score(outputs)


def boxed(outputs: str) -> bool:
    return isinstance(outputs, Box)


def by_position(outputs: str, /) -> bool:
    return bool(outputs)


def longer_than(limit: int) -> object:
    def longer(outputs: str) -> bool:
        return len(outputs) > limit

    return longer


FEW = frozenset({"a"})
NO_SCORE = float("nan")


def decorated(function):
    @functools.wraps(function)
    def words_of(*arguments):  # a name of the notebook, too
        return function(*arguments)

    return words_of


@functools.cache
@decorated
def counted(outputs: str) -> float:
    return len(FEW & {*words_of(outputs)}) or NO_SCORE


def test_a_decorated_function_brings_its_decorators() -> None:
    source = source_of(counted)
    assert "import functools\n" in source
    assert "FEW = frozenset({'a'})\n\nNO_SCORE = float(\"nan\")\n" in source
    namespace: dict = {}
    exec(source, namespace)
    assert namespace["counted"]("a b") == 1


def test_a_function_brings_what_it_uses() -> None:
    assert source_of(tone) == (
        "from __future__ import annotations\n\n"
        "from workbench.evaluator.score import Score\n"
        "from workbench.evaluator.traits import evaluator\n"
        "import re\n\n"
        "GOOD = {'fine', 'good'}\n\n"
        "WORD = re.compile('\\\\w+', 2)\n\n"
        'def words_of(text: "Box") -> list[str]:\n    return WORD.findall(text)\n\n'
        "@evaluator(range=(0, 1))\n"
        "def tone(outputs: str, *, least: int = 1) -> Score:\n"
        '    return Score(sum(word in GOOD for word in words_of(outputs)) >= least, "counted")\n'
    )
    assert source_of(longer_than(3)).startswith("from __future__ import annotations\n\nlimit = 3\n")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (asks, "evaluator 'asks' uses client, which its process can't have: an object of types.Si"),
        (
            boxed,
            "evaluator 'boxed' uses Box, which its process can't have: a class of the notebook",
        ),
        (lambda outputs: 1, "a lambda has no name and source that a child process could import"),
        (eval("lambda outputs: 1"), "a lambda has no name"),
        (len, "<built-in function len> has no name and source"),
        (longer_than(client), "evaluator 'longer' uses limit, which its process can't have"),
    ],
)
def test_what_a_function_cannot_bring_is_named(function: object, message: str) -> None:
    assert refusal(source_of, function).startswith(f"evaluators: {message}")


DAY = "2024-02-29T00:00:00"
FIRST, SECOND = {"text": "a", "n": 1, "at": DAY}, {"text": "b", "n": 2, "at": None}
INDEX = pd.Index(["a", "b"], name="text")


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"text": ["a", "b"], "n": [1, 2], "at": pd.to_datetime(["2024-02-29", None])}),
        pd.DataFrame({"n": [1, 2], "at": [DAY, None]}, index=INDEX),
        {"text": ["a", "b"], "n": [1, 2], "at": [DAY, pd.NA]},
        [{**FIRST, "n": np.int64(1)}, {**SECOND, "at": float("nan")}],
        SimpleNamespace(to_dicts=lambda: [FIRST, SECOND]),
        {"text": pd.Series(["a", "b"]), "n": np.array([1, 2]), "at": (DAY, None)},
        pd.DataFrame({"text": ["a", "b"], "n": [1, 2], "at": [DAY, None]}, index=INDEX),
    ],
    ids=["frame", "index", "columns", "dicts", "polars", "arrays", "index and column"],
)
def test_tables_of_other_libraries_are_rows(data: object) -> None:
    rows = [{key: row[key] for key in ("text", "n", "at")} for row in json_rows(data)]
    assert rows == [FIRST, SECOND]


def test_whole_numbers_with_a_gap_stay_whole() -> None:
    frame = pd.DataFrame({"n": [1, None, 3], "share": [0.5, None, 1], "mark": [1.0, 2.0, 3.0]})
    assert [list(map(str, row.values())) for row in json_rows(frame)] == [
        ["1", "0.5", "1.0"],
        ["None", "None", "2.0"],
        ["3", "1.0", "3.0"],
    ]


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("show", (1.5,), "row: float is no row"),
        ("show", (True,), "row: bool is no row"),
        ("show", (9_999,), "there is no row 9999"),
        ("compare", (["short", "loud"],), "variants: list is no name"),
        ("compare", ("short", "short"),
         "workbench.run: short and short are the same\n  fix: name two that differ: "
         "results.compare('zero_shot', 'few_shot')"),
        ("decide", (3,), "metric: 3 should be a valid string"),
    ],
)  # fmt: skip
def test_an_argument_of_a_method_is_named(
    results: wb.Results, method: str, arguments: tuple, message: str
) -> None:
    assert refusal(getattr(results, method), *arguments).startswith(message)


@pytest.mark.parametrize(
    "limits", [{"floor": "x"}, {"floor": float("nan")}, {"max_cost": -1}, {"max_latency": "1"}]
)
def test_a_limit_that_is_no_number_is_refused(results: wb.Results, limits: dict) -> None:
    assert refusal(results.decide, **limits).startswith(f"{next(iter(limits))}: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "data: int is no table"),
        ([1], "data[0]: int is not a row: a dict of columns"),
        (pd.DataFrame([[1]]), "data: the column 0 has no name that a template could use"),
        ([{"a": 1}, {"a": Decimal(1)}], "data[1]: column 'a': Decimal is not a JSON type"),
        ({"a": [1], "b": []}, "data: the columns have different numbers of rows: a: 1, b: 0"),
        ({"a": 1}, "data: a dict of single values is no table"),
        ({"train": SimpleNamespace(column_names=["a"])}, "data: a dict of splits is no table"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "data: the frame has two columns 'a'"),
        (pd.DataFrame({"text": ["x", "y"]}, index=INDEX),
         "data: the frame's index and one of its columns are called 'text'"),
    ],
)  # fmt: skip
def test_data_that_is_no_table_is_refused(data: object, message: str) -> None:
    assert refusal(lambda: list(json_rows(data))).startswith(message)


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("parameters: {temperature: 0}", "parameters={'temperature': 0}"),
        ("rename it: `openai:m: {as: other}`", "rename it: `{'openai:m': {'as': 'other'}}`"),
        ("write `name` or `name: {setting: value}`, with the settings indented or in braces",
         "write `name` or `{'name': {'setting': 'value'}}`"),
        ("write `dataset: {sample: …}`, or give the command `--limit N`",
         "write `data={'sample': …}`, or give the command `limit=…`"),
        ("leave the column out: `drop: [a]`", "leave the column out: `data={…, 'drop': ['a']}`"),
        ("the same command without --fresh", "the same call without fresh=True"),
        ("add prompts: …", "add prompts=…"),
        ("add `expected: COLUMN` to `dataset:`", "pass expected='COLUMN'"),
        ("and 3 more: --json lists all of them", "and 3 more: to_dict() lists all of them"),
        (".workbench/evaluators/tone-5ad0c1f2e3b4.py:tone failed", "tone failed"),
    ],
)  # fmt: skip
def test_keys_and_options_are_arguments(text: str, python: str) -> None:
    assert python_text(text) == python


def test_a_note_names_a_row_as_python_counts_it() -> None:
    note = "1 of 6 rows (first: r5, rows.jsonl:5) has no expected value"
    path = ".workbench/python/3f1c09ab27de/notebook/experiment.yaml"
    assert python_note(note, path) == note.replace("rows.jsonl:5", "data[4]")
    assert python_note(note, "prompts/support/experiment.yaml") == note  # a file of the user


CALL = {
    "prompts": {"short": "{{ a }}"},
    "models": "echo:last",
    "data": [{"a": "1", "b": "x"}],
    "expected": "b",
    "evaluators": "exact_match",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": "m"}, "models[0]: 'm' is not a model"),
        ({"models": [{"echo:last": {"parameters": {"top": 1}}}]},
         "models[0]['echo:last']['parameters']['top']: unknown parameter 'top'"),
        ({"prompts": {"short": "{{ aa }}"}}, "prompts['short']:1:4: unknown variable 'aa'"),
        ({"prompts": {"a b": "x"}}, "prompts['a b']: 'a b' is not a name of a prompt"),
        ({"prompts": 3}, "prompts: int is no prompt"),
        ({"evaluators": ["exact"]}, "evaluators[0]: unknown evaluator 'exact'"),
        ({"grid": {"temperature": [0, "x"]}}, "grid['temperature'][1]: temperature: 'x' is not"),
        ({"data": []}, "data: there are no rows"),
        ({"data": {"path": "rows.csv", "sep": ";"}}, "data['sep']: unknown key in dataset 'sep'"),
        ({"dataset": []}, "unknown keyword of workbench.plan: 'dataset'"),
        ({"models": None}, "workbench.run needs models=\n  fix: pass it, or name a task"),
        ({"task": "qa"}, "workbench.run: a task and prompts=, models=, data=, expected=, "),
        ({"repeats": 0}, "repeats: 0 should be greater"),
        ({"baseline": "no"}, "workbench.run: unknown baseline 'no'"),
        ({"name": "a b"}, "name: 'a b' is not a valid name"),
        ({"limit": 0}, "limit: 0 should be greater than or equal to 1"),
        ({"limit": "3"}, "limit: '3' should be a valid integer"),
        ({"sample": 1.5}, "sample: 1.5 should be a valid integer"),
        ({"only": 3}, "only: 3 should be"),
        ({"tracking_uri": 3}, "tracking_uri: 3 should be a valid string"),
        ({"task": {"short": "x"}}, "task: dict is no name of a task\n  fix: name the arguments"),
        ({"task": "qa", "limt": 3}, "unknown keyword of workbench.plan: 'limt'\n  fix: did you"),
        ({"repeats": np.int64(0)}, "repeats: 0 should be greater"),
        ({"grid": {"temperature": {1}}}, "grid['temperature']: set is neither text, number, list"),
        ({"evaluators": {"mine": refusal}}, "evaluators[0]['mine']: function is neither text"),
        ({"evaluators": by_position},
         "evaluators[0]: evaluator 'by_position' takes outputs before a `/`"),
        ({"data": [{"a": Decimal(1)}]}, "data[0]: column 'a': Decimal is not a JSON type\n"
         "  fix: store a string or a number, or leave the column out: `data={…, 'drop': ['a']}`"),
    ],
)  # fmt: skip
def test_an_argument_that_is_refused_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict, message: str
) -> None:
    import workbench

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    error = refusal(workbench.plan, **(CALL | arguments))
    assert error.startswith(message), error
    assert ".workbench" not in error


@pytest.mark.parametrize("run_ids", [3, None, [3], {"short": 3}])
def test_a_run_id_is_text(run_ids: object) -> None:
    assert refusal(wb.load_results, run_ids).startswith("run_ids: ")


def test_a_folder_that_takes_no_files_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "none")
    (tmp_path / ".workbench").mkdir()
    (tmp_path / ".workbench" / "python").touch()
    error = refusal(wb.plan, **CALL)
    assert error.startswith(f"{tmp_path / '.workbench'}: the call can't be written: File exists")
