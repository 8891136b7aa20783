"""Scores of calls of tools."""

import json
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluator import Spec
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluators.tool_call import tool_call
from workbench.model import Completion


def call(name: str, **arguments: object) -> dict:
    return {"type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def wanted(name: str, **arguments: object) -> dict:
    return {"name": name, "arguments": arguments}


OSLO, ROME = {"city": "Oslo"}, {"city": "Rome"}


@pytest.mark.parametrize(
    ("calls", "expected", "settings", "value", "label"),
    [
        ([call("f", **OSLO)], wanted("f", **OSLO), {}, True, ""),
        ([call("f", a=1, b=2.0)], wanted("f", b=2, a=1), {}, True, ""),
        ([call("f", a=1)], wanted("f", a=True), {}, False, "other_arguments"),
        ([call("f", a=[{"b": 1.0}])], wanted("f", a=[{"b": 1}]), {}, True, ""),
        ([call("f", a=[1, 2])], wanted("f", a=[2, 1]), {}, False, "other_arguments"),
        ([call("f", **OSLO, days=1)], wanted("f", **OSLO), {}, False, "other_arguments"),
        ([call("f", **OSLO, days=1)], wanted("f", **OSLO), {"arguments": "include"}, True, ""),
        (
            [call("f", **ROME)],
            wanted("f", **OSLO),
            {"arguments": "include"},
            False,
            "other_arguments",
        ),
        ([call("f", **ROME)], wanted("f", **OSLO), {"arguments": "ignore"}, True, ""),
        ([call("f", **ROME)], "f", {}, True, ""),
        ([call("f", **OSLO)], json.dumps(wanted("f", **OSLO)), {}, True, ""),
        ([call("f", **OSLO)], call("f", **OSLO), {}, True, ""),
        ([call("g")], "f", {}, False, "other_tool"),
        ([], "f", {}, False, "no_call"),
        ([], "none", {}, True, ""),
        ([], {"name": "none"}, {}, True, ""),
        ([call("f")], "none", {}, False, "other_tool"),
        ([call("f"), call("f")], "f", {}, False, "other_tool"),
        ([call("f", a=1), call("f", a=2)], [wanted("f", a=2), wanted("f", a=1)], {}, True, ""),
        (
            [call("f", a=1), call("f", a=2)],
            [wanted("f", a=2), wanted("f", a=1)],
            {"ordered": True},
            False,
            "other_arguments",
        ),
        ([call("f"), call("g")], ["g", "f"], {}, True, ""),
        ([call("f"), call("g")], ["g", "f"], {"ordered": True}, False, "other_order"),
        (
            [{"type": "function", "function": {"name": "f", "arguments": "{broken"}}],
            wanted("f"),
            {},
            False,
            "other_arguments",
        ),
        (
            [{"type": "function", "function": {"name": "f", "arguments": ""}}],
            wanted("f"),
            {},
            True,
            "",
        ),
    ],
)
def test_calls_are_compared(calls, expected, settings, value, label):
    answer = Completion("k", "ok", tool_calls=tuple(calls))
    score = tool_call(answer, {"expected_response": expected}, **settings)
    assert (score.value, score.label) == (value, label)


def test_calls_in_the_text_of_a_local_model_are_read():
    text = (
        '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call><tool_call>"g"</tool_call>'
    )
    score = tool_call(Completion("k", "ok", text), {"expected_response": [wanted("f", a=1), "g"]})
    assert (score.value, score.parsed) == (True, "f, g")


@pytest.mark.parametrize("expected", [None, "", 7, {"city": "Oslo"}, [[]], []])
def test_expected_value_that_is_no_call_is_refused(expected):
    check = expected_check(load_evaluator(Spec("tool_call", {}, Path("/nowhere"))))
    assert check
    with pytest.raises(WorkbenchError, match="not a call"):
        check({"expected_response": expected})


def test_setting_with_another_word_is_refused():
    with pytest.raises(WorkbenchError, match="unknown arguments of tool_call: 'same'"):
        load_evaluator(Spec("tool_call", {"arguments": "same"}, Path("/nowhere")))
