"""Texts of traces: secrets never reach the disk, long texts are cut, and all may be left out."""

import json
from dataclasses import replace
from typing import Any

import pytest
from served_calls import call

from workbench.secrets import Redactor, Secret
from workbench.serving.traces.served_records import encode_call, encode_feedback
from workbench.serving.traces.trace_texts import MAX_CHARACTERS, MAX_VALUES, TraceTexts
from workbench.serving.traces.types import ServedFeedback

KEY = "sk-proj-a1b2c3d4e5f6g7h8"
TOKEN = "mY4wQ0gH1kq3mZx7Tn2bVc5sLd8fJp9r"
TEXTS = TraceTexts(Redactor([Secret("LAB_KEY", "hunter2-hunter2-x")]), 50, lambda w: w == TOKEN)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain words", "plain words"),
        ("the key is hunter2-hunter2-x", "the key is [secret LAB_KEY]"),
        (f"my key: {KEY}", "my key: ***"),
        (f"call it with {TOKEN}, please", "call it with [token], please"),
        ("password=swordfish", "password=***"),
        ("x" * 60, f"{'x' * 50}… [cut: 60 characters]"),
        (f"{'y' * 45}{KEY}", f"{'y' * 45}{KEY}"[:50] + "… [cut: 69 characters]"),
        (f"{'y ' * 23}{KEY}", f"{'y ' * 23}***"),
        (f"{'y ' * 24}{KEY} and", f"{'y ' * 24}**… [cut: 76 characters]"),
        ("data:image/png;base64," + "A" * 4000, "[image/png, 3.0 kB]"),
        ("a\x00b\ud800", "a\ufffdb\ufffd"),
    ],
)
def test_a_text_is_safe_to_write(text: str, kept: str) -> None:
    assert TEXTS.cleaner().clean(text) == kept


def test_keys_and_nested_values_are_cleaned_too() -> None:
    value = {KEY: [{"a": (KEY, 1, None, True)}]}
    assert TEXTS.cleaner().clean(value) == {"***": [{"a": ["***", 1, None, True]}]}


def test_what_is_too_deep_for_mlflow_is_left_out() -> None:
    value: Any = "deep"
    for _ in range(150):
        value = [value]
    assert "[deeper than 100 levels]" in json.dumps(TEXTS.cleaner().clean(value))


def test_a_record_has_no_secret_wherever_it_stood() -> None:
    served = call(1, text=f"my key is {KEY}")
    served = replace(served, error=f"401: {KEY}", route=f"/v1?key={KEY}")
    payload = encode_call(served, TraceTexts(Redactor(), 1000))
    feedback = ServedFeedback("req_1", KEY, rationale=KEY, source=KEY)
    assert KEY.encode() not in payload
    assert KEY.encode() not in encode_feedback(feedback, TraceTexts(Redactor(), 9), with_texts=True)


def test_without_texts_a_record_has_counts_and_states_alone() -> None:
    record = json.loads(encode_call(call(1, text="a private matter"), TEXTS, with_texts=False))
    assert record["answers"][0].keys() == {"sent_ns", "answered_ns", "completion"}
    assert record["answers"][0]["completion"] == {
        "state": "ok",
        "finish_reason": "stop",
        "latency_s": 0.2,
        "model": "gpt-6-luna-2026",
        "attempts": 1,
        "usage": {
            "input_tokens": 120,
            "output_tokens": 3,
            "cached_tokens": None,
            "reasoning_tokens": None,
        },
    }
    failed = encode_call(
        replace(call(2, failed=True), error="no: a private matter"), TEXTS, with_texts=False
    )
    assert b"private" not in failed
    assert b"HTTP 500" not in failed
    feedback = ServedFeedback("req_1", False, rationale="private")
    assert b"private" not in encode_feedback(feedback, TEXTS, with_texts=False)


def test_all_texts_of_a_record_have_a_limit_and_the_answer_comes_first() -> None:
    row = replace(call(1).answers[0], inputs={f"column {n}": "word " * 2_000 for n in range(40)})
    payload = encode_call(replace(call(1), answers=(row,)), TraceTexts(Redactor(), 20_000))
    record = json.loads(payload)["answers"][0]
    assert len(payload) < 1.1 * MAX_CHARACTERS
    assert record["completion"]["text"] == "billing"
    assert record["inputs"]["column 3"] == "word " * 2_000
    assert "… [cut: 10,000 characters]" in record["inputs"]["column 9"]
    assert record["inputs"].keys() > {"column 8", "[cut]"}


@pytest.mark.parametrize("value", [list(range(9_000)), {str(n): "" for n in range(9_000)}])
def test_a_record_has_a_limited_number_of_values(value: Any) -> None:
    assert len(TEXTS.cleaner().clean(value)) == MAX_VALUES - 1


def test_nested_values_share_the_limit() -> None:
    text = json.dumps(TEXTS.cleaner().clean([[["x"] * 90] * 90] * 90))
    assert 0 < text.count("x") <= MAX_VALUES
