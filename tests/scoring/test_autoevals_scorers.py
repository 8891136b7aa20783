"""Scorers of autoevals in the evaluators' process give what the package gives when it is called."""

import json
import random
from pathlib import Path
from typing import Any

import autoevals
import pytest
from bench import refusal
from evaluator_project import EvaluatorProject
from hypothesis import given
from hypothesis import strategies as st
from scored_answers import GRANTED, package_spec, score_answers

from workbench.evaluator import Evaluator, Score, bind
from workbench.evaluator.lookup import expected_check
from workbench.scoring.autoevals_scorer import adapt_scorer
from workbench.scoring.pool import EvaluatorPool

WORDS = ["workspaces", "section", "view", "others", "workspace", "team", "pinning"]
NAMES = ["starred", "multiple different workspaces", "shortcuts"]
SCHEMA = {"type": "object", "required": ["a"]}


# Most values are those of the package's own tests.
@pytest.mark.parametrize(
    ("name", "settings", "output", "expected", "value"),
    [
        ("autoevals:Levenshtein", {}, "abc", "axc", 0.66667),
        ("autoevals:Levenshtein", {}, "xabxcdxxefxgx", "1ab2cd34ef5g6", 0.53846),
        ("autoevals:LevenshteinScorer", {}, "", "a", 0),
        ("autoevals.string:Levenshtein", {}, "5", 5.0, 1),
        ("autoevals:ExactMatch", {}, "hello", "hello", 1),
        ("autoevals:ExactMatch", {}, "hello ", "hello", 0),
        ("autoevals:ExactMatch", {}, "123", 123, 1),
        ("autoevals:ExactMatch", {}, '{"a":1, "b":2}', {"a": 1, "b": 2}, 1),
        ("autoevals.value:ExactMatch", {}, "[3, 2, 1]", [1, 2, 3], 0),
        ("autoevals:NumericDiff", {}, "105", 100, 0.97561),
        ("autoevals:NumericDiff", {}, " 1\n", "2", 0.66667),
        ("autoevals.number:NumericDiff", {}, "-1", 2, 0),
        ("autoevals:NumericDiff", {}, "0", 0, 1),
        ("autoevals:JSONDiff", {}, '{"a": 1}', {"a": 2}, 0.66667),
        ("autoevals:JSONDiff", {}, '{"a": 1}', '["a", 1]', 0.57143),
        ("autoevals:JSONDiff", {}, "[1, 2]", "[2, 1]", 0.66667),
        ("autoevals:JSONDiff", {"preserve_strings": True}, "[1, 2]", "[2, 1]", 0.66667),
        ("autoevals:JSONDiff", {"preserve_strings": True}, "[1]", "[1 ]", 0.75),
        ("autoevals.list:ListContains", {}, '["a", "b"]', ["a"], 0.5),
        ("autoevals:ListContains", {"allow_extra_entities": True}, '["a", "b"]', '["a"]', 1),
        ("autoevals:ListContains", {}, json.dumps(WORDS), NAMES, 0.1218),
        ("autoevals:ValidJSON", {}, '{ "a": 1, "b": "hello" }', None, 1),
        ("autoevals:ValidJSON", {}, "1", "not a schema", 0),
        ("autoevals:ValidJSON", {"schema": SCHEMA}, '{"a": 1}', None, 1),
        ("autoevals.json:ValidJSON", {"schema": SCHEMA}, '{"b": 1}', "text", 0),
    ],
)
def test_a_scorer_has_the_packages_value(
    pool: EvaluatorPool,
    root: Path,
    name: str,
    settings: dict[str, Any],
    output: str,
    expected: Any,
    value: float,
) -> None:
    (score,) = score_answers(pool, package_spec(name, root, **settings), [output], [expected])
    assert (score.value, score.reason, score.error) == (pytest.approx(value, abs=1e-4), "", "")


DRAWN = random.Random(20261130)
LETTERS = "ab é🙂\ud800\u202e\n\0"
TEXTS = ["".join(DRAWN.choices(LETTERS, k=DRAWN.randrange(9))) + "x" for _ in range(2_000)]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Levenshtein", TEXTS),
        ("ExactMatch", TEXTS[:1_500] + TEXTS[:500]),
        ("NumericDiff", [str(DRAWN.choice([-1, 1]) * DRAWN.random() * 9) for _ in TEXTS]),
        ("JSONDiff", [json.dumps({"a": text, "b": [len(text), None]}) for text in TEXTS]),
        ("ListContains", [json.dumps(text.split()) for text in TEXTS]),
    ],
)
def test_a_scorer_equals_the_package_on_drawn_answers(
    pool: EvaluatorPool, root: Path, name: str, texts: list[str]
) -> None:
    outputs, expected = texts[:1_000], texts[1_000:]
    scores = score_answers(pool, package_spec(f"autoevals:{name}", root), outputs, expected)
    read = {"NumericDiff": float, "ListContains": json.loads}.get(name, str)
    called = getattr(autoevals, name)()
    direct = [called.eval(read(a), read(b)).score for a, b in zip(outputs, expected, strict=True)]
    assert [score.value for score in scores] == pytest.approx(direct)
    assert len({*direct}) > 1


HEURISTICS = ("Levenshtein", "ExactMatch", "JSONDiff", "NumericDiff", "ListContains", "ValidJSON")
JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
).map(json.dumps)
ANY_TEXT = st.text(st.characters(), max_size=40) | JSON_TEXTS


@given(ANY_TEXT, ANY_TEXT | st.integers() | st.floats(allow_nan=False) | st.lists(st.text()))
def test_any_answer_has_a_score_from_0_to_1_or_an_error(output: str, expected: Any) -> None:
    for name in HEURISTICS:
        function = adapt_scorer(getattr(autoevals, name), {}, ())
        assert function
        evaluator = bind(function, {}, name=name)
        row = {"inputs": {}, "outputs": output, "expectations": {"expected_response": expected}}
        score = evaluator.call({argument: row[argument] for argument in evaluator.arguments})
        assert score.error or 0 <= float(score.value or 0) <= 1
        if output == expected and not score.error and name != "ValidJSON":
            assert score.value == 1


@pytest.mark.parametrize("output", ["[" * 100_000, "9" * 5_000, '{"a":' * 5_000, "a" * 200_000])
def test_large_answers_are_scored_or_errors(pool: EvaluatorPool, root: Path, output: str) -> None:
    for name in HEURISTICS:
        spec = package_spec(f"autoevals:{name}", root)
        (score,) = score_answers(pool, spec, [output], ["1"])
        assert (score.value is None) == bool(score.error)


def test_an_experiment_file_names_scorers(project: EvaluatorProject) -> None:
    project.answers = ["[]", "two"]
    objects = "{'autoevals:ValidJSON': {name: objects, schema: {type: object}}}"
    assert project.scores_by_row(f"'autoevals:ValidJSON', {objects}") == [
        {"ValidJSON": Score(1.0), "objects": Score(0.0)},
        {"ValidJSON": Score(0.0), "objects": Score(0.0)},
    ]


def test_values_are_numbers_from_0_to_1(pool: EvaluatorPool, root: Path) -> None:
    evaluator = pool.find(package_spec("autoevals:ListContains", root))
    assert (evaluator.traits.range, evaluator.traits.kind) == ((0.0, 1.0), "number")
    assert (
        evaluator.name,
        evaluator.source,
        evaluator.arguments,
        evaluator.needs_expectations,
    ) == (
        *("ListContains", "autoevals"),
        ("outputs", "expectations"),
        True,
    )
    assert not pool.find(package_spec("autoevals:ValidJSON", root)).needs_expectations


@pytest.mark.parametrize(
    ("name", "output", "expected", "error"),
    [
        ("Levenshtein", "a", None, "there is no expected value"),
        ("Levenshtein", "a", ["a", "b"], "the expected value is not a single value"),
        ("ExactMatch", "a", " ", "there is no expected value"),
        ("JSONDiff", "a", [], "there is no expected value"),
        ("NumericDiff", "about five", 5, "the answer is not a number"),
        ("NumericDiff", "5", "high", "the expected value is not a number"),
        ("ListContains", "a, b", ["a"], "the answer is not a JSON list"),
        ("ListContains", '["a"]', "a", "the expected value is not a JSON list"),
        ("EmbeddingSimilarity", "a", None, "there is no expected value"),
    ],
)
def test_what_a_scorer_cannot_read_is_an_error_of_its_row(
    pool: EvaluatorPool, root: Path, name: str, output: str, expected: Any,
    error: str,
) -> None:  # fmt: skip
    spec = package_spec(f"autoevals:{name}", root, GRANTED)
    (score,) = score_answers(pool, spec, [output], [expected])
    assert score == Score(error=error)
    check = expected_check(Evaluator(name, spec=spec))
    assert check
    if "expected" in error and expected not in (" ", []):  # empty cells are named by the dataset
        assert refusal(check, {"expected_response": expected}) == error
    elif expected == 5:
        check({"expected_response": expected})


@pytest.mark.parametrize(
    ("name", "settings", "env", "message"),
    [
        ("autoevals:Levenstein", {}, (), "unknown function or class of autoevals: 'Levenstein'"
         "\n  fix: did you mean 'Levenshtein'? known: Levenshtein, "),
        ("autoevals:ListContains", {"allow_extra": True}, (), "unknown setting of scorer "
         "'ListContains': 'allow_extra'\n  fix: did you mean 'allow_extra_entities'? known: "
         "allow_extra_entities"),
        ("autoevals:Levenshtein", {"k": 3}, (), "unknown setting of scorer 'Levenshtein': 'k'"
         "\n  fix: there are none yet"),
        ("autoevals:ClosedQA", {"criterion": "short"}, GRANTED, "unknown setting of scorer "
         "'ClosedQA': 'criterion'\n  fix: did you mean 'criteria'? known: criteria, "),
        ("autoevals:Faithfulness", {"contexts": "a"}, GRANTED, "unknown setting of scorer "
         "'Faithfulness': 'contexts'\n  fix: did you mean 'context'? known: context, "),
        ("autoevals:Scorer", {}, (), "evaluator 'autoevals:Scorer': TypeError: Can't instantiate "
         "abstract class Scorer"),
        ("autoevals:LLMClassifier", {"choice_scores": {"Y": 1}}, GRANTED, "LLMClassifier needs the "
         "setting 'prompt_template'\n  fix: LLMClassifier: {prompt_template: …}"),
        ("autoevals:JSONDiff", {"string_scorer": "autoevals:ExactMatch"}, (), "JSONDiff: the "
         "setting 'string_scorer' is an object of Python\n  fix: write `judge = JSONDiff("
         "string_scorer=…)` into evaluators/judge.py, and name `judge` here"),
        ("autoevals:Factuality", {"api_key": "sk-1"}, GRANTED, "Factuality: a key is no setting"
         "\n  fix: grant it by name: env: [OPENAI_API_KEY, OPENAI_BASE_URL]"),
        ("autoevals:EmbeddingSimilarity", {}, (), "the scorer 'EmbeddingSimilarity' calls a model, "
         "and is granted no key\n  fix: grant it by name: env: [OPENAI_API_KEY, OPENAI_BASE_URL]"),
        ("autoevals:ContextEntityRecall", {}, ("OPENAI_BASE_URL",), "the scorer "
         "'ContextEntityRecall' calls a model, and is granted no key\n  fix: grant it"),
        ("autoevals:Moderation", {}, ("OPENAI_API_KEY",), "the scorer 'Moderation' would send its "
         "key to Braintrust's gateway\n  fix: set OPENAI_BASE_URL, as in "
         "https://api.openai.com/v1, and grant it: env: [OPENAI_API_KEY, "
         "OPENAI_BASE_URL]; or grant BRAINTRUST_API_KEY if you mean the gateway"),
    ],
)  # fmt: skip
def test_a_scorer_that_cannot_be_used_says_why(
    pool: EvaluatorPool, root: Path, name: str, settings: Any, env: Any, message: str
) -> None:
    spec = package_spec(name, root, env, **settings)
    assert refusal(pool.find, spec).startswith(f"e.yaml:4:5: {message}")


OWN = {
    "instance": "from autoevals import Levenshtein\nown = Levenshtein()\n",
    "class": "from autoevals import Levenshtein as own\n",
    "strings compared exactly": "from autoevals import ExactMatch, JSONDiff\n"
    "own = JSONDiff(string_scorer=ExactMatch())\n",
    "partial of the package": "from autoevals import ValidJSON\n"
    "own = ValidJSON.partial(schema={'required': ['b']})\n",
    "partial of functools": "from functools import partial\nfrom autoevals import ListContains\n"
    "own = partial(ListContains, allow_extra_entities=True)\n",
    "subclass": "from autoevals import Scorer, Score\n\nclass Own(Scorer):\n"
    "    def _run_eval_sync(self, output, expected=None, *, tone='', input=None):\n"
    "        return Score('own', 0.4, {'rationale': f'{tone}: {input}'})\n\nown = Own()\n",
    "not applicable": "from autoevals import Scorer, Score\n\nclass Own(Scorer):\n"
    "    def _run_eval_sync(self, output, expected=None, **others):\n"
    "        return Score('own', None)\n\nown = Own()\n",
    "number": "from autoevals import Scorer\n\nclass Own(Scorer):\n"
    "    def _run_eval_sync(self, output, expected=None, **others):\n"
    "        return others['input']['tone'] == 'calm'\n\nown = Own()\n",
    "out of range": "from autoevals import Scorer\n\nclass Own(Scorer):\n"
    "    def _run_eval_sync(self, output, expected=None):\n        return 7\n\nown = Own()\n",
    "coroutine": "from autoevals import Scorer\n\nclass Own(Scorer):\n"
    "    def _run_eval_sync(self, output, expected=None):\n"
    "        return self.eval_async(output)\n\nown = Own()\n",
}


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        ("instance", Score(0.5)),
        ("class", Score(0.5)),
        ("strings compared exactly", Score(0.0)),
        ("partial of the package", Score(0.0)),
        ("partial of functools", Score(1.0)),
        ("subclass", Score(0.4, "calm: the question")),
        ("not applicable", Score()),
        ("number", Score(True)),
        ("out of range", Score(error="returned 7, outside its range [0.0, 1.0]")),
        ("coroutine", Score(error="the scorer is async: its `eval` returned a coroutine")),
    ],
)
def test_a_scorer_of_the_project_is_taken_as_it_is(
    pool: EvaluatorPool, tmp_path: Path, kind: str, score: Score
) -> None:
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "own.py").write_text(OWN[kind])
    lists = kind == "partial of functools"
    output, expected = ('["ab", "c"]', ["ab"]) if lists else ("ab", "ac")
    inputs = {"text": "the question", "tone": "calm"}
    assert score_answers(pool, package_spec("own", tmp_path), [output], [expected], inputs) == [
        score
    ]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "from autoevals import Scorer\n\nclass Own(Scorer):\n"
            "    async def _run_eval_sync(self, output, expected=None):\n        return 1\n\n"
            "own = Own()\n",
            "the scorer 'Own' is async\n  fix: write a plain `def _run_eval_sync`",
        ),
        (
            "from autoevals import Factuality\nfrom openai import AsyncOpenAI\n"
            "own = Factuality(client=AsyncOpenAI(api_key='none'))\n",
            "the scorer 'Factuality' has an async client\n  fix: give it an openai.OpenAI",
        ),
    ],
)
def test_an_async_scorer_is_refused(
    pool: EvaluatorPool, tmp_path: Path, code: str, message: str
) -> None:
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "own.py").write_text(code)
    assert refusal(pool.find, package_spec("own", tmp_path)) == f"e.yaml:4:5: {message}"
