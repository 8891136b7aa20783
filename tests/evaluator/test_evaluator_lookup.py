"""Lookup of evaluators, and their digests."""

import sys
from pathlib import Path

import pytest
from bench import refusal

from workbench.evaluator import Evaluator, Spec, list_evaluators
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.model import Completion

SIMPLE = "def {name}(outputs):\n    return len(outputs)\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file of the project, which Python then finds."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return written


def test_project_comes_before_the_library(tmp_path, write):
    write("evaluators/exact_match.py", SIMPLE.format(name="exact_match"))
    own_evaluator = load_evaluator(Spec("exact_match", {}, tmp_path))
    library = load_evaluator(Spec("contains", {}, tmp_path))
    assert (own_evaluator.source, library.source) == (
        "evaluators/exact_match.py",
        "workbench.evaluators.contains",
    )


def test_function_of_a_module_is_found_behind_a_colon(tmp_path, write):
    write("judges_a/__init__.py", "")
    write("judges_a/tone.py", SIMPLE.format(name="polite"))
    evaluator = load_evaluator(Spec("judges_a.tone:polite", {"name": "manners"}, tmp_path))
    score = evaluator.score(
        inputs={}, expectations={}, completion=Completion("k", "ok", text="four")
    )
    assert (evaluator.name, score.value) == ("manners", 4.0)


def test_list_names_those_of_the_project_too(tmp_path, write):
    write("evaluators/mine.py", SIMPLE.format(name="mine"))
    write("evaluators/_helper.py", "")
    sources = list_evaluators(tmp_path)
    assert (sources["mine"], sources["contains"], "_helper" in sources) == (
        "evaluators/mine.py",
        "workbench",
        False,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../outside", "'../outside' is not an evaluator name"),
        ("a/b", "'a/b' is not an evaluator name"),
        ("", "'' is not an evaluator name"),
        ("a\0", "'a\\x00' is not an evaluator name"),
    ],
)
def test_name_that_is_a_path_is_refused(tmp_path, write, name, expected):
    write("outside.py", "raise SystemExit('ran')")
    (tmp_path / "evaluators").mkdir()
    assert refusal(load_evaluator, Spec(name, {}, tmp_path, "e.yaml:4:5")) == (
        f"e.yaml:4:5: {expected}\n"
        f"  fix: write a name such as exact_match, or package.module:function"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "def mine(outputs)\n",
            "evaluators/mine.py:1 can't be imported: SyntaxError: expected ':' (mine.py, line 1)",
        ),
        (
            "\nimport no_such_module_x\n",
            "evaluators/mine.py:2 can't be imported: "
            "ModuleNotFoundError: No module named 'no_such_module_x'",
        ),
        ("raise SystemExit(3)\n", "evaluators/mine.py:1 can't be imported: SystemExit: 3"),
        (
            "x = 1\n",
            "evaluators/mine.py has no 'mine'\n"
            "  fix: define `def mine(outputs, expectations): …` in it",
        ),
        ("mine = 5\n", "'mine' is a int, not a function"),
    ],
)
def test_evaluator_that_can_not_be_used_is_named(tmp_path, write, text, expected):
    write("evaluators/mine.py", text)
    message = refusal(load_evaluator, Spec("mine", {}, tmp_path, "e.yaml:4:5"))
    assert message.replace(f"{tmp_path}/evaluators/", "") == f"e.yaml:4:5: {expected}"


def test_unknown_function_of_a_package_lists_the_nearest_first(tmp_path):
    message = refusal(load_evaluator, Spec("statistics:meen", {}, tmp_path, "e.yaml:4:5"))
    assert message.split("? known: ")[0] == (
        "e.yaml:4:5: unknown function of statistics: 'meen'\n  fix: did you mean 'mean'"
    )


def test_a_missing_package_of_scorers_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "autoevals", None)
    message = refusal(load_evaluator, Spec("autoevals:Levenshtein", {}, tmp_path, "e.yaml:4:5"))
    assert message == (
        "e.yaml:4:5: evaluator autoevals:Levenshtein needs the package autoevals\n"
        "  fix: pip install autoevals"
    )


def test_unknown_evaluator_lists_the_nearest_first(tmp_path):
    message = refusal(load_evaluator, Spec("exact_mach", {}, tmp_path, "e.yaml:4:5"))
    assert message.split(" known: ")[0] == (
        "e.yaml:4:5: unknown evaluator 'exact_mach'\n  fix: did you mean 'exact_match'?"
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "evaluators/mine.py",
            "from judges_b.tone import f\n\n\ndef mine(outputs):\n    return 1\n",
        ),
        ("judges_b/tone.py", "from . import words\nfrom .deep.er import g\n\n\nf = 2\n"),
        ("judges_b/words.py", "w = 2\n"),
        ("judges_b/deep/er.py", "g = 2\n"),
        ("judges_b/__init__.py", "x = 2\n"),
    ],
)
def test_digest_changes_with_every_file_that_is_imported(tmp_path, write, path, text):
    write(
        "evaluators/mine.py", "from judges_b.tone import f\n\n\ndef mine(outputs):\n    return f\n"
    )
    write("judges_b/__init__.py", "")
    write("judges_b/tone.py", "from . import words\nfrom .deep.er import g\n\nf = 1\n")
    write("judges_b/words.py", "w = 1\n")
    write("judges_b/deep/__init__.py", "")
    write("judges_b/deep/er.py", "g = 1\n")
    before = load_evaluator(Spec("mine", {}, tmp_path)).digest
    same = load_evaluator(Spec("mine", {}, tmp_path)).digest
    write(path, text)
    assert (same == before, load_evaluator(Spec("mine", {}, tmp_path)).digest == before) == (
        True,
        False,
    )


@pytest.mark.parametrize(
    ("head", "changes"),
    [
        ("import tone_words.lists as lists\n", True),
        ("def f():\n    from tone_words.lists import bad\n\n\n", True),
        ("import json, judges_c\n", True),
        ("from tone_words import *\n", True),
        ("from judges_d.inner import leaf\n", True),  # a folder without __init__.py
        ("import importlib\n\nw = importlib.import_module('tone_words.lists')\n", True),
        ("w = __import__('judges_c')\n", True),
        ("import importlib\n\nw = importlib.import_module('json')\n", False),
        ("import json\n", False),
    ],
)
def test_digest_changes_with_the_version_of_a_package_that_is_imported(
    tmp_path, write, monkeypatch, head, changes
):
    packages = tmp_path.with_name(f"{tmp_path.name}_packages")
    metadata = packages / "tone_words-1.dist-info"
    for folder in (metadata, packages / "tone_words"):
        folder.mkdir(parents=True)
    (packages / "tone_words" / "lists.py").write_text("bad = []\n")
    (metadata / "top_level.txt").write_text("tone_words\n")
    monkeypatch.syspath_prepend(packages)
    write("judges_c.py", "from tone_words import lists\n")
    write("judges_d/inner/leaf.py", "import judges_c as j\n")
    write("evaluators/mine.py", f"{head}def mine(outputs):\n    return 1\n")
    digests = set()
    for version in ("1.0", "1.1"):
        (metadata / "METADATA").write_text(f"Name: tone-words\nVersion: {version}\n")
        digests.add(load_evaluator(Spec("mine", {}, tmp_path)).digest)
    assert len(digests) == (2 if changes else 1)


def test_digest_changes_with_the_settings(tmp_path):
    digests = [
        load_evaluator(Spec("contains", settings, tmp_path)).digest
        for settings in ({}, {"ignore_case": True}, {"ignore_case": False})
    ]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("metric", "expected", "problem"),
    [
        ("rmse", "3.5", ""),
        ("rmse", "high", "the expected value is not a number"),
        ("r2_score", True, "the expected value is not a number"),
        ("f1_score", ["a", "b"], "the expected value is not a single value"),
        ("f1_score", 1.0, ""),
        ("rmse", None, "there is no expected value"),
        ("ndcg_at_k", "[1]", ""),
        ("rouge1", None, "there is no expected value"),
        ("bleu", ["a"], "the expected value is not a single value"),
        ("rougeLsum", 5, ""),
    ],
)
def test_an_expected_value_that_a_metric_of_mlflow_cannot_read_is_known_before_paying(
    tmp_path: Path, metric: str, expected: object, problem: str
) -> None:
    check = expected_check(Evaluator(metric, spec=Spec(f"mlflow.metrics:{metric}", {}, tmp_path)))
    assert check
    if problem:
        assert refusal(check, {"expected_response": expected}).startswith(problem)
    else:
        check({"expected_response": expected})
