"""Any text has a score; an evaluator that lacks a package names it."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator, Spec
from workbench.evaluator.lookup import LIBRARY, load_evaluator
from workbench.evaluator.sources import library_versions

ROOT = Path("/nowhere")
EXPECTED = {"language": "de"}
SETTINGS = [
    ("contains", {}),
    ("contains", {"texts": ["a", "b"], "match": "none"}),
    ("starts_with", {}),
    ("ends_with", {}),
    ("regex_match", {"pattern": r"(\w+\s?)+$"}),
    ("edit_similarity", {}),
    ("edit_similarity", {"unit": "words"}),
    ("bleu", {}),
    ("bleu", {"tokenize": "char"}),
    ("bleu", {"tokenize": "intl"}),
    ("chrf", {"word_order": 2}),
    *[("rouge", {"type": kind}) for kind in ("rouge1", "rouge2", "rougeL", "rougeLsum")],
    ("rouge", {"type": "rouge1", "stemmer": True}),
    ("token_f1", {}),
    *[("length", {"unit": unit}) for unit in ("characters", "words", "sentences", "lines")],
    ("readability", {}),
    ("language", {}),
    ("repetition", {}),
    ("refusal", {}),
]
EVALUATORS = [load_evaluator(Spec(name, settings, ROOT)) for name, settings in SETTINGS]
NAMES = [f"{name} {' '.join(map(str, settings.values()))}".strip() for name, settings in SETTINGS]
TIMED_OUT = "the pattern took longer than 1 s"
# Each is slow to read where the time grows with the square of the length.
REPEATED = [
    *("a", "a ", "y", "\n", " ", ".", "!?", "a. ", "1. ", "e.g. ", "'", '"', "```", "`", "-", "a-"),
    *(
        "我",
        "。",
        "ก",
        "กิ",
        "\u0301",
        "🇩🇪",
        "👩\u200d",
        "\ud800",
        "\x00",
        "\u202e",
        "א",
        "한",
        "1,",
    ),
    *(
        "I can't ",
        "sorry, but ",
        "As an AI, ",
        "no, ",
        "我无法",
        "その",
        "ich kann nicht ",
        "http://",
    ),
]


def score_of(evaluator: Evaluator, outputs: str):
    assert evaluator.spec
    answer = EXPECTED.get(evaluator.spec.name, "the cat sat on a mat")
    return evaluator.call(
        {
            name: {"outputs": outputs, "expectations": {"expected_response": answer}}[name]
            for name in evaluator.arguments
        }
    )


@pytest.mark.parametrize("evaluator", EVALUATORS, ids=NAMES)
@settings(max_examples=40)
@given(
    outputs=st.text(st.characters(), max_size=60) | st.text("\ud800\x00\u202e א🇩é\n.'", max_size=60)
)
def test_any_text_has_a_score(evaluator, outputs):
    assert score_of(evaluator, outputs).error in ("", TIMED_OUT)


@pytest.mark.parametrize("evaluator", EVALUATORS, ids=NAMES)
def test_a_long_text_has_a_score(evaluator):
    errors = {score_of(evaluator, text * (10_000 // len(text))).error for text in REPEATED}
    assert errors <= {"", TIMED_OUT}


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("bleu", "sacrebleu.metrics", "sacrebleu"),
        ("chrf", "sacrebleu.metrics", "sacrebleu"),
        ("rouge", "rouge_score.tokenize", "rouge-score"),
        ("rouge", "rapidfuzz.distance", "rapidfuzz"),
        ("edit_similarity", "rapidfuzz.distance", "rapidfuzz"),
        ("language", "py3langid.langid", "py3langid"),
    ],
)
def test_a_missing_package_is_named(name, module, package, monkeypatch):
    importlib.import_module(f"workbench.evaluators.{name}")
    monkeypatch.delitem(sys.modules, f"workbench.evaluators.{name}")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec(name, {}, ROOT, where="evaluators[0]"))
    assert str(caught.value) == (
        f"evaluators[0]: evaluator {name} needs the package {package}\n"
        "  fix: pip install 'prompt-workbench[evaluators]'"
    )


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("contains", set()),
        ("regex_match", {"regex"}),
        ("length", {"regex"}),
        ("rouge", {"rapidfuzz", "rouge_score", "nltk", "numpy"}),
        ("language", {"py3langid"}),
    ],
)
def test_stored_scores_depend_on_the_versions_of_these_packages(name, packages):

    module = importlib.import_module(f"workbench.evaluators.{name}")
    versions = library_versions([module], ROOT, LIBRARY)
    named = {version.partition("==")[0].lower().replace("-", "_") for version in versions}
    assert named == packages


def test_rouge_loads_nltk_only_for_the_stemmer():
    """It takes seconds to import."""
    code = (
        "import sys; from workbench.evaluators.rouge import rouge;"
        "rouge('a cat', {'expected_response': 'a cat'}); print('nltk' in sys.modules)"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"
