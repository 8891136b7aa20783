"""Similarity to expected texts: edit distance, SQuAD's F1, BLEU, chrF and ROUGE."""

import random
import string
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from expected_rows import wanted
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from workbench.errors import WorkbenchError
from workbench.evaluator import Spec
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluators._summary_overlap import summary_overlap
from workbench.evaluators.bleu import bleu
from workbench.evaluators.chrf import chrf
from workbench.evaluators.edit_similarity import edit_similarity
from workbench.evaluators.rouge import rouge
from workbench.evaluators.token_f1 import token_f1

ROOT = Path("/nowhere")
EVALUATORS = {
    function.__name__: function for function in (edit_similarity, token_f1, bleu, chrf, rouge)
}
WORDS = ["the", "The", "cat", "cats", "sat", "on", "mat.", "running", "runs", "a", "an", "yyy"]
WORDS += ["happily", "42", "U.S.", "für", "don't", "-", "\n", "", "ok,"]


def squad_f1(answer: str, expected: str) -> float:
    """The F1 of SQuAD's evaluation, for texts in ASCII, written from its description."""
    bags = []
    for text in (answer, expected):
        letters = text.lower().translate(dict.fromkeys(map(ord, string.punctuation)))
        bags.append(sorted(word for word in letters.split() if word not in ("a", "an", "the")))
    left = list(bags[1])
    shared = sum(1 for word in bags[0] if word in left and not left.remove(word))
    return 2 * shared / (len(bags[0]) + len(bags[1]))


def drawn_pairs(count: int) -> Iterator[tuple[str, str]]:
    """An answer and an expected text with words; the same in each run."""
    draw = random.Random(3)
    for _ in range(count):
        answer, expected = (" ".join(draw.choices(WORDS, k=draw.randint(0, 15))) for _ in range(2))
        yield answer, f"{expected} {draw.choice(['dog', 'cat'])}"


@pytest.mark.parametrize(
    ("name", "outputs", "answer", "options", "value"),
    [
        ("edit_similarity", "kitten", "sitting", {}, 1 - 3 / 7),
        ("edit_similarity", "Saturday", "Sunday", {}, 1 - 3 / 8),
        ("edit_similarity", "", "Paris", {}, 0),
        ("edit_similarity", " Paris\n", "Paris", {}, 1),
        ("edit_similarity", "PARIS", "Paris", {}, 0.2),
        ("edit_similarity", "PARIS", "Paris", {"ignore_case": True}, 1),
        ("edit_similarity", "don’t", "don't", {}, 1),
        ("edit_similarity", "don’t", "don't", {"normalize": "none"}, 0.8),
        ("edit_similarity", "Pariss", ["Rome", "Paris"], {}, 1 - 1 / 6),
        ("edit_similarity", "the cat sat", "a cat sat", {"unit": "words"}, 2 / 3),
        ("edit_similarity", "The cat, sat!", "the cat sat", {"unit": "words"}, 2 / 3),
        ("edit_similarity", "我爱你", "我恨你", {"unit": "words"}, 2 / 3),
        # worked by hand from the formula of SQuAD
        ("token_f1", "the Norman dynasty", "Norman", {}, 2 / 3),
        ("token_f1", "the Norman dynasty", "Norman", {"measure": "precision"}, 1 / 2),
        ("token_f1", "the Norman dynasty", "Norman", {"measure": "recall"}, 1),
        ("token_f1", "A cat; the CAT!", "cat", {}, 2 / 3),
        ("token_f1", "don’t", "dont", {}, 1),
        ("token_f1", "", "cat", {}, 0),
        ("token_f1", "", "cat", {"measure": "precision"}, 0),
        ("token_f1", "Rome", ["Paris", "Rome, Italy"], {}, 2 / 3),
        ("token_f1", "我爱北京。", "北京", {}, 2 * 2 / 6),
        ("token_f1", "4", 4.0, {}, 1),
        # the example of sacrebleu's documentation: 48.53 for the corpus; here one sentence
        ("bleu", "The dog bit the man.", ["The dog bit the man.", "The dog had bit it."], {}, 1),
        ("bleu", "", "The dog bit the man.", {}, 0),
        ("bleu", "cat", "cat", {}, 1),
        ("bleu", "我爱北京", "我爱北京", {"tokenize": "zh"}, 1),
        ("bleu", "THE DOG", "the dog", {"lowercase": True}, 1),
        ("bleu", "THE DOG", "the dog", {}, 0),
        ("chrf", "", "The dog", {}, 0),
        ("chrf", "The dog", "The dog", {"word_order": 2}, 1),
        ("chrf", "我爱北京", "我爱北京", {}, 1),
        ("chrf", "THE DOG", "the dog", {"lowercase": True}, 1),
        # Lin 2004, section 3: S1 is the reference of S2 and S3
        ("rouge", "police kill the gunman", "police killed the gunman", {}, 3 / 4),
        ("rouge", "the gunman kill police", "police killed the gunman", {}, 2 / 4),
        ("rouge", "police kill the gunman", "police killed the gunman", {"type": "rouge2"}, 1 / 3),
        ("rouge", "police kill the gunman", "police killed the gunman", {"stemmer": True}, 1),
        ("rouge", "testing one two", "testing", {"type": "rouge1", "measure": "recall"}, 1),
        ("rouge", "testing one two", "testing", {"type": "rouge1", "measure": "precision"}, 1 / 3),
        ("rouge", "testing one two", "testing", {"type": "rouge1"}, 1 / 2),
        ("rouge", "one", "one", {"type": "rouge2"}, 0),
        ("rouge", "", "one", {}, 0),
        ("rouge", "one two", ["three", "two one two"], {}, 4 / 5),
        ("rouge", "我爱 cat", "cat", {}, 1),
    ],
)
def test_values_of_examples(name, outputs, answer, options, value):
    score = EVALUATORS[name](outputs, wanted(answer), **options)
    assert (score.value, score.error) == (pytest.approx(value), "")


def test_the_union_of_subsequences_counts_each_word_once():
    """The example of Lin 2004, section 3.2."""
    reference = [["w1", "w2", "w3", "w4", "w5"]]
    candidate = [["w1", "w2", "w6", "w7", "w8"], ["w1", "w3", "w8", "w9", "w5"]]
    assert summary_overlap(reference, candidate) == 4


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("tokenize", ["13a", "intl", "zh", "char", "none"])
@pytest.mark.parametrize("smooth", ["exp", "floor", "add-k", "none"])
def test_bleu_is_that_of_sacrebleu(lowercase, tokenize, smooth):
    metric = BLEU(lowercase, tokenize=tokenize, smooth_method=smooth, effective_order=True)
    options = {"lowercase": lowercase, "tokenize": tokenize, "smooth": smooth}
    pairs = list(drawn_pairs(100))
    values = [bleu(answer, wanted(expected), **options).value for answer, expected in pairs]
    reference = [metric.sentence_score(answer, [expected]).score for answer, expected in pairs]
    assert values == [min(1.0, score / 100) for score in reference]


@pytest.mark.parametrize("options", [{}, {"word_order": 2}, {"char_order": 3, "beta": 1}])
def test_chrf_is_that_of_sacrebleu(options):
    pairs = list(drawn_pairs(1_000))
    values = [chrf(answer, wanted(expected), **options).value for answer, expected in pairs]
    metric = CHRF(**options)
    reference = [metric.sentence_score(answer, [expected]).score for answer, expected in pairs]
    assert values == [min(1.0, score / 100) for score in reference]


@pytest.mark.parametrize("stemmer", [False, True])
def test_rouge_is_that_of_rouge_score(stemmer):
    kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    scorer = RougeScorer(kinds, use_stemmer=stemmer)
    for answer, expected in drawn_pairs(1_000):
        for kind, score in scorer.score(expected, answer).items():
            values = [
                rouge(answer, wanted(expected), type=kind, measure=measure, stemmer=stemmer).value
                for measure in ("f1", "precision", "recall")
            ]
            assert values == pytest.approx([score.fmeasure, score.precision, score.recall])


def test_of_several_answers_rouge_takes_the_one_of_rouge_score():
    scorer = RougeScorer(["rougeL"])
    pairs = list(drawn_pairs(300))
    for (answer, expected), (_, other) in pairwise(pairs):
        score = scorer.score_multi([expected, other], answer)["rougeL"]
        value = rouge(answer, wanted([expected, other]), measure="recall").value
        assert value == pytest.approx(score.recall)


def test_token_f1_is_that_of_its_description():
    pairs = list(drawn_pairs(1_000))
    values = [token_f1(answer, wanted(expected)).value for answer, expected in pairs]
    assert values == pytest.approx([squad_f1(answer, expected) for answer, expected in pairs])


def test_edit_similarity_is_that_of_rapidfuzz():
    pairs = list(drawn_pairs(1_000))
    plain = {"normalize": "none"}
    values = [edit_similarity(answer, wanted(text), **plain).value for answer, text in pairs]
    reference = [Levenshtein.normalized_similarity(a.strip(), b.strip()) for a, b in pairs]
    assert values == pytest.approx(reference)


texts = st.text(max_size=30)
expected_texts = texts.map(lambda text: f"{text} x1")
OPTIONS = [
    *[("edit_similarity", {"unit": unit}) for unit in ("characters", "words")],
    *[("token_f1", {"measure": measure}) for measure in ("f1", "precision", "recall")],
    *[("bleu", {"tokenize": tokenizer}) for tokenizer in ("13a", "intl", "zh", "char", "none")],
    *[("chrf", {"word_order": order}) for order in (0, 2)],
    *[("rouge", {"type": kind}) for kind in ("rouge1", "rougeL", "rougeLsum")],
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
@settings(max_examples=40)
@given(outputs=texts, answer=expected_texts)
def test_values_are_shares_and_1_for_the_expected_text(name, options, outputs, answer):
    function = EVALUATORS[name]
    assert 0 <= function(outputs, wanted(answer), **options).value <= 1
    assert function(answer, wanted(answer), **options).value == pytest.approx(1)
    assert function(answer, wanted([f"{outputs} x2", answer]), **options).value == pytest.approx(1)


@given(expected_texts, expected_texts)
def test_these_are_symmetric(first, second):
    for function, options in (
        (edit_similarity, {}),
        (edit_similarity, {"unit": "words"}),
        (token_f1, {}),
        (rouge, {"type": "rouge2"}),
        (rouge, {}),
    ):
        forward = function(first, wanted(second), **options).value
        assert forward == pytest.approx(function(second, wanted(first), **options).value)


@given(expected_texts, expected_texts, expected_texts)
def test_a_further_acceptable_answer_lowers_nothing(outputs, first, second):
    for function in (edit_similarity, token_f1, chrf, rouge):
        value = function(outputs, wanted([first, second])).value
        assert value >= function(outputs, wanted(first)).value - 1e-12


@pytest.mark.parametrize(
    ("function", "options", "length", "error"),
    [
        (edit_similarity, {}, 100_001, "100,001 and 100,002 characters"),
        (rouge, {}, 100_001, "100,001 and 100,001 words"),
        (rouge, {"type": "rougeLsum"}, 8_000, "8,000 and 8,000 words"),
    ],
)
def test_texts_that_would_take_minutes_are_an_error_of_the_row(function, options, length, error):
    unit = " a" if function is rouge else "a"
    score = function(
        unit * length, wanted(unit * length + ("." if "words" in error else "b")), **options
    )
    assert (score.value, score.error) == (None, f"the texts are too long to compare: {error}")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "edit_similarity",
            {"unit": "word"},
            "unknown value of edit_similarity's `unit`: 'word'\n"
            "  fix: did you mean 'words'? known: words, characters",
        ),
        (
            "token_f1",
            {"measure": "F1"},
            "unknown value of token_f1's `measure`: 'F1'\n"
            "  fix: did you mean 'f1'? known: f1, precision, recall",
        ),
        (
            "bleu",
            {"tokenize": "flores200"},
            "bleu: the tokenizer 'flores200' needs a model that is downloaded\n"
            "  fix: use one of 13a, intl, zh, char, none",
        ),
        (
            "bleu",
            {"tokenize": "13b"},
            "unknown value of bleu's `tokenize`: '13b'\n"
            "  fix: did you mean '13a'? known: 13a, char, intl, none, zh",
        ),
        (
            "bleu",
            {"smooth": "add_k"},
            "unknown value of bleu's `smooth`: 'add_k'\n"
            "  fix: did you mean 'add-k'? known: add-k, exp, floor, none",
        ),
        (
            "chrf",
            {"char_order": 0},
            "chrf: char_order is 0\n  fix: write a whole number from 1 to 10",
        ),
        (
            "chrf",
            {"word_order": -1},
            "chrf: word_order is -1\n  fix: write a whole number from 0 to 4",
        ),
        ("chrf", {"beta": 11}, "chrf: beta is 11\n  fix: write a whole number from 1 to 10"),
        (
            "rouge",
            {"type": "rouge-l"},
            "unknown value of rouge's `type`: 'rouge-l'\n"
            "  fix: did you mean 'rougeL'? known: rougeL, rouge2, rouge1, rougeLsum",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(name, options, message):
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec(name, options, ROOT))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "options", "answer", "message"),
    [
        *[
            (
                name,
                {},
                None,
                "this row has no expected_response\n"
                "  fix: add `expected: COLUMN` to the dataset, or fill in that column",
            )
            for name in EVALUATORS
        ],
        (
            "edit_similarity",
            {"unit": "words"},
            "...",
            "expected_response '...' has no words\n  fix: use `unit: characters`",
        ),
        (
            "token_f1",
            {},
            "A",
            "nothing is left of expected_response 'A' without articles and punctuation\n"
            "  fix: use exact_match or label_match for such answers",
        ),
        (
            "rouge",
            {},
            "北京",
            "expected_response '北京' has no letters from a to z and no digits\n"
            "  fix: rouge reads no other letters; use chrf",
        ),
    ],
)
def test_an_expected_answer_that_nothing_can_match_is_refused(name, options, answer, message):
    evaluator = load_evaluator(Spec(name, options, ROOT))
    for judge in (expected_check(evaluator), lambda row: EVALUATORS[name]("a", row, **options)):
        with pytest.raises(WorkbenchError) as caught:
            judge(wanted(answer))
        assert str(caught.value) == message
