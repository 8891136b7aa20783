"""Each key of a promptfoo configuration is carried or named in the report, whatever its type."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.importing import ImportOutcome
from workbench.importing.promptfoo.read_config import read_promptfoo
from workbench.importing.promptfoo.results_file import read_results

TEST: dict[str, Any] = {"vars": {"x": "a"}, "assert": [{"type": "equals", "value": "a"}]}
CONFIG: dict[str, Any] = {"prompts": ["{{ x }}"], "providers": ["echo"], "tests": [TEST]}


def with_test(**keys: Any) -> dict[str, Any]:
    return {"tests": [{**TEST, **keys}]}


def with_assertion(**keys: Any) -> dict[str, Any]:
    return with_test(**{"assert": [{"type": "equals", "value": "a", **keys}]})


def with_provider(**keys: Any) -> dict[str, Any]:
    return {"providers": [{"id": "openai:chat:m", **keys}]}


SET = {"type": "assert-set", "weight": "a", "assert": ["b"]}
# Keys beside those of CONFIG, and a line of the report.
UNREAD: dict[str, tuple[dict[str, Any], str]] = {
    "a key without meaning": ({"sharing": True}, "`sharing` of the configuration"),
    "an unknown key": ({"nonsense": []}, "`nonsense` of the configuration"),
    "a description": ({"description": 5}, "`description` of the configuration is a number"),
    "default tests": ({"defaultTest": [1]}, "`defaultTest` of the configuration is a list"),
    "scenarios": ({"scenarios": {}}, "`scenarios` of the configuration is a mapping"),
    "both": ({"targets": ["echo"]}, "`targets` beside `providers`"),
    "the environment": ({"env": "A=1"}, "`env` of the configuration is a text"),
    "repeats": ({"evaluateOptions": {"repeat": "3"}}, "`repeat` of `evaluateOptions` is a text"),
    "a delay": ({"evaluateOptions": {"delay": 9}}, "`delay` of `evaluateOptions`"),
    "variables": (with_test(vars=5), "`vars` of a test is a number"),
    "assertions": (with_test(**{"assert": {}}), "`assert` of a test is a mapping"),
    "an assertion": (with_test(**{"assert": ["a"]}), "an assertion that is a text"),
    "a threshold": (with_test(threshold="1"), "`threshold` of a test is a text"),
    "a true threshold": (with_test(threshold=True), "`threshold` of a test is true or false"),
    "a program": (with_test(options={"transform": "x"}), "`transform` of `options` of a test"),
    "an option": ({"defaultTest": {"options": {"foo": 1}}}, "`foo` of `options` of a test"),
    "a weight": (with_assertion(weight="heavy"), "`weight` of an assertion is a text"),
    "a metric": (with_assertion(metric=["a"]), "`metric` of an assertion is a list"),
    "a rubric": (with_assertion(rubricPrompt="a"), "`rubricPrompt` of an assertion"),
    "a weight of a set": (with_test(**{"assert": [SET]}), "`weight` of an assert-set is a text"),
    "a label": (with_provider(label=5), "`label` of a provider is a number"),
    "settings": (with_provider(config=[1]), "`config` of a provider is a list"),
    "a pause": (with_provider(delay=5), "`delay` of a provider"),
    "headers": (with_provider(config={"headers": "a"}), "`headers` of openai:chat:m is a text"),
    "a parameter": (with_provider(config={"max_tokens": "all"}), "max_tokens: 'all' is not a"),
    "a price": (with_provider(config={"cost": 1}), "`cost` of openai:chat:m"),
    "a provider": ({"providers": [None, True, "echo"]}, "provider true"),
    "a prompt": ({"prompts": ["{{ x }}", None]}, "prompt null"),
    "a prompt's key": ({"prompts": [{"raw": "a", "foo": 1}]}, "`foo` of a prompt"),
    "no assertion": ({"tests": [{"vars": {"x": "a"}}]}, "no evaluator: answers are shown"),
}


def left_out(folder: Path, config: dict[str, Any]) -> list[str]:
    path = folder / "promptfooconfig.json"
    path.write_text(json.dumps(config))
    report = read_promptfoo(path).report
    return [line.text for line in report if line.outcome is ImportOutcome.LEFT_OUT]


def test_a_configuration_that_is_read_has_nothing_left_out(tmp_path: Path) -> None:
    assert left_out(tmp_path, CONFIG) == []


@pytest.mark.parametrize("case", UNREAD)
def test_a_key_that_is_not_carried_is_named(tmp_path: Path, case: str) -> None:
    keys, text = UNREAD[case]
    lines = left_out(tmp_path, {**CONFIG, **keys})
    assert [line for line in lines if line.startswith(text)], lines


def test_columns_of_csv_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "tests.csv").write_text(
        "x,__expected,__threshold,__config:foo,__metadata\na,a,half,1,b\n"
    )
    assert left_out(tmp_path, {**CONFIG, "tests": "tests.csv"}) == [
        "`threshold` of a test is a text",
        "`__config:foo` of a test",
        "`__metadata` of a test",
    ]


RESULT = {"prompt": {"raw": "a", "label": "a"}, "testCase": TEST, "provider": {"id": "echo"}}
BROKEN_RESULTS: dict[str, tuple[list[Any], list[Any]]] = {
    "no prompt": ([], [{"testCase": TEST}]),
    "no label": ([], [{"prompt": {"raw": "a"}}]),
    "null": ([{"raw": None}], [RESULT]),
}


def results_file(folder: Path, prompts: list[Any], results: list[Any]) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps({"results": {"prompts": prompts, "results": results}}))
    return path


@pytest.mark.parametrize("case", BROKEN_RESULTS)
def test_results_without_a_prompt_say_so(tmp_path: Path, case: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        read_results(results_file(tmp_path, *BROKEN_RESULTS[case]))
    assert caught.value.message == "no prompt can be carried: the file has none"


def test_results_that_cannot_be_placed_are_named(tmp_path: Path) -> None:
    results = [RESULT, None, True, {**RESULT, "testIdx": "a"}, {**RESULT, "promptIdx": [1]}]
    report = read_results(results_file(tmp_path, [{"raw": "a"}], results)).report
    (line,) = (line for line in report if line.text.startswith("a result without"))
    assert line.count == 4
