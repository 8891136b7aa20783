"""Measures of one text: length, readability, repetition, and the rules for words and sentences."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec, Traits
from workbench.evaluator.lookup import load_evaluator
from workbench.evaluators._words import count_characters, split_sentences, split_words
from workbench.evaluators.length import length
from workbench.evaluators.readability import readability
from workbench.evaluators.repetition import repetition

ROOT = Path("/nowhere")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("Cafe\u0301", 4),
        ("नमस्ते", 3),
        ("🇩🇪🇫🇷", 2),
        ("🇩🇪🇫", 2),
        ("👩‍👩‍👧‍👦", 1),
        ("👍🏽", 1),
        ("\r\n", 1),
        ("한국어", 3),
        ("\u1112\u1161\u11ab", 1),
        ("e\u0301\u0302\u0303", 1),
        ("\ud800", 1),
    ],
)
def test_characters_are_those_that_a_reader_sees(text, count):
    assert count_characters(text) == count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("...", []),
        ("Don't panic!", ["Don't", "panic"]),
        ("l’été", ["l’été"]),
        ("'quoted'", ["quoted"]),
        ("state-of-the-art", ["state-of-the-art"]),
        ("$1,234.5, 3.14 and a,b", ["1,234.5", "3.14", "and", "a", "b"]),
        ("snake_case __x__", ["snake_case", "x"]),
        ("U.S. vs. U.K.", ["U.S", "vs", "U.K"]),
        ("x² ½", ["x²", "½"]),
        ("GPT-4 对话", ["GPT-4", "对", "话"]),
        ("コーヒー", list("コーヒー")),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("👍 ok", ["ok"]),
    ],
)
def test_words(text, words):
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("...\n---", []),
        ("One", ["One"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Kim met J. K. Rowling.", ["Dr. Kim met J. K. Rowling."]),
        ("He left... and came back.", ["He left... and came back."]),
        ('He said "No." Then he left.', ['He said "No."', "Then he left."]),
        ("It costs 3.50 EUR. Fine.", ["It costs 3.50 EUR.", "Fine."]),
        ("The answer is no. Then it ends.", ["The answer is no.", "Then it ends."]),
        ("It is I. You know.", ["It is I.", "You know."]),
        ("1. First\n2. Second", ["1. First", "2. Second"]),
        ("# Title\n\nText.", ["# Title", "Text."]),
        ("我爱你。他说：「好！」然后走了。", ["我爱你。", "他说：「好！」", "然后走了。"]),
        ("नमस्ते। ठीक है?", ["नमस्ते।", "ठीक है?"]),
        ("كيف حالك؟ بخير.", ["كيف حالك؟", "بخير."]),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


@pytest.mark.parametrize(
    ("outputs", "settings", "score"),
    [
        (" abc\n", {}, Score(3)),
        ("", {}, Score(0)),
        ("Two words.", {"unit": "words"}, Score(2)),
        ("One. Two.", {"unit": "sentences"}, Score(2)),
        ("a\n\n b\n", {"unit": "lines"}, Score(2)),
        ("abc", {"max": 3}, Score(True, "3 characters")),
        ("abc", {"max": 2}, Score(False, "3 characters, at most 2 allowed")),
        ("a", {"min": 2}, Score(False, "1 character, at least 2 wanted")),
        ("a b", {"unit": "words", "min": 2, "max": 2}, Score(True, "2 words")),
        ("", {"max": 0}, Score(True, "0 characters")),
    ],
)
def test_length(outputs, settings, score):
    assert length(outputs, **settings) == score


@pytest.mark.parametrize(
    ("outputs", "settings", "value", "reason"),
    [
        # 26 characters, 9 words, 2 sentences: 4.71 · 26/9 + 0.5 · 9/2 − 21.43
        (
            "The cat sat on the mat. It was warm.",
            {},
            4.71 * 26 / 9 + 0.5 * 9 / 2 - 21.43,
            "9 words, 2 sentences, 2.9 characters a word",
        ),
        # 0.0588 · (letters in 100 words) − 0.296 · (sentences in 100 words) − 15.8
        (
            "The cat sat on the mat. It was warm.",
            {"formula": "coleman_liau"},
            0.0588 * 26 / 9 * 100 - 0.296 * 2 / 9 * 100 - 15.8,
            "9 words, 2 sentences, 2.9 characters a word",
        ),
        ("Go.", {}, 4.71 * 2 + 0.5 - 21.43, "1 word, 1 sentence, 2.0 characters a word"),
        ("Go.", {"max": 3}, True, "grade -11.5, at most 3 allowed"),
        ("Incomprehensibilities.", {"max": 8.5}, False, "grade 78.0, at most 8.5 allowed"),
        ("", {}, None, "no words"),
        ("1 2 3.", {}, None, "no words"),
        ("我爱北京。", {}, None, "not in Latin letters"),
        ("Привет, how are you?", {"max": 3}, None, "not in Latin letters"),
        (
            "Über die Brücke führt ein Weg.",
            {},
            4.71 * 24 / 6 + 0.5 * 6 - 21.43,
            "6 words, 1 sentence, 4.0 characters a word",
        ),
    ],
)
def test_readability(outputs, settings, value, reason):
    score = readability(outputs, **settings)
    assert score.value == (pytest.approx(value) if isinstance(value, float) else value)
    assert score.reason == reason


@pytest.mark.parametrize(
    ("outputs", "n", "value", "reason"),
    [
        ("a b c d", 3, 0.0, ""),
        ("a b a b a b", 2, 3 / 5, '3 of 5 sequences repeated, most often "a b" (3 times)'),
        ("No, no! NO.", 1, 2 / 3, '2 of 3 sequences repeated, most often "no" (3 times)'),
        ("a a a a a", 4, 1 / 2, '1 of 2 sequences repeated, most often "a a a a" (2 times)'),
        ("哈哈哈哈", 3, 1 / 2, '1 of 2 sequences repeated, most often "哈 哈 哈" (2 times)'),
        ("a b", 3, None, "fewer than 3 words"),
        ("", 1, None, "fewer than 1 word"),
    ],
)
def test_repetition(outputs, n, value, reason):
    assert repetition(outputs, n=n) == Score(value, reason)


@given(st.text(max_size=80), st.integers(1, 5))
def test_repetition_is_a_share_and_grows_with_a_copy(outputs, n):
    value = repetition(outputs, n=n).value
    assert value is None or 0 <= value < 1
    twice = repetition(f"{outputs} {outputs}", n=n).value
    assert value is None or twice >= value


@given(st.text(max_size=80))
def test_units_are_ordered(text):
    words, sentences = len(split_words(text)), len(split_sentences(text))
    assert (sentences > 0) == (words > 0)
    assert sentences <= words <= len(text)
    assert count_characters(text) <= len(text)


@given(st.text(max_size=80), st.text(max_size=80))
def test_lines_add_up(first, second):
    both = f"{first}\n{second}"
    assert split_words(both) == split_words(first) + split_words(second)
    assert len(split_sentences(both)) == len(split_sentences(first)) + len(split_sentences(second))


@pytest.mark.parametrize(
    ("name", "settings", "traits"),
    [
        ("length", {}, Traits(higher_is_better=False, unit="characters", kind="number")),
        ("length", {"unit": "words"}, Traits(higher_is_better=False, unit="words", kind="number")),
        ("length", {"min": 5}, Traits(kind="pass")),
        ("length", {"unit": "lines", "max": 0}, Traits(kind="pass")),
        ("readability", {}, Traits(higher_is_better=False, kind="number")),
        ("readability", {"max": 8}, Traits(kind="pass")),
        ("repetition", {}, Traits(higher_is_better=False, kind="number", range=(0, 1))),
    ],
)
def test_a_limit_turns_a_number_into_a_pass(name, settings, traits):
    assert load_evaluator(Spec(name, settings, ROOT)).traits == traits


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "length",
            {"unit": "tokens"},
            "unknown value of length's `unit`: 'tokens'\n"
            "  fix: known: characters, lines, sentences, words",
        ),
        ("length", {"min": -1}, "length: min is -1\n  fix: write a whole number from 0"),
        ("length", {"max": 2.5}, "length: max is 2.5\n  fix: write a whole number from 0"),
        ("length", {"max": True}, "length: max is True\n  fix: write a whole number from 0"),
        ("length", {"min": 5, "max": 3}, "length: min is 5, max is 3\n  fix: swap them"),
        (
            "readability",
            {"formula": "flesch"},
            "unknown value of readability's `formula`: 'flesch'\n  fix: known: ari, coleman_liau",
        ),
        ("readability", {"max": "8"}, "readability: max is '8'\n  fix: write a grade: max: 8"),
        ("repetition", {"n": 0}, "repetition: n is 0\n  fix: write a whole number from 1 to 20"),
    ],
)
def test_settings_that_mean_nothing_are_refused(name, settings, message):
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec(name, settings, ROOT))
    assert str(caught.value) == message
