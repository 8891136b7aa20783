"""The code task of the repository: its rows, its solutions, and wrong solutions of them."""

import inspect
import json
from collections import Counter
from pathlib import Path

import function_solutions
import pytest
from bench import Bench
from box_machine import boxes_missing

from workbench.evaluator import Score
from workbench.evaluators.python_compiles import python_compiles
from workbench.evaluators.python_tests import check_expected, python_tests

TASK = Path(__file__).parents[2] / "prompts" / "python_functions"
ROWS = [json.loads(line) for line in (TASK / "problems.jsonl").read_text("utf-8").splitlines()]
PROBLEMS = {row["id"]: row for row in ROWS}
TOPICS = ["strings", "numbers", "lists", "dictionaries"]
LEVELS = {"trivial": 4, "easy": 2, "moderate": 2}
PREFIX = "signature"
needs_box = pytest.mark.skipif(bool(boxes_missing()), reason=boxes_missing())

# The problem, a part of its solution, what stands there instead, and the mistake.
WRONG = [
    ("reverse_text", "[::-1]", "[:0:-1]", "the first character is lost"),
    ("count_vowels", "text.lower()", "text", "capital letters are ignored"),
    ("shout", "text.upper()", "text.title()", "other letters stay small"),
    ("first_word", ".split()", '.split(" ")', "spaces at the beginning"),
    ("reads_both_ways", '.replace(" ", "")', "", "spaces count"),
    ("initials", ".split()", '.split(" ")', "several spaces: an exception"),
    ("shared_start", "word.startswith(start)", "start in word", "found inside a word"),
    ("is_balanced", "return not still_open", "return True", "brackets that stay open"),
    ("is_balanced", "!= pairs[character]", "not in pairs.values()", "kinds are mixed"),
    ("larger", "a > b", "abs(a) > abs(b)", "signs are ignored"),
    ("is_even", "number % 2 == 0", "number / 2 % 2 == 0", "divides by four"),
    ("distance", "abs(a - b)", "abs(abs(a) - abs(b))", "signs are ignored"),
    ("clamp", "min(number, high)", "min(number, high - 1)", "off by one at the upper limit"),
    ("digit_sum", "abs(number)", "number", "negative: an exception"),
    ("is_leap_year", " or year % 400 == 0", "", "the year 2000"),
    ("clock", "{minutes // 60}", "{minutes // 60 % 24}", "a day has 24 hours"),
    ("roman_numeral", '"IV", "I"', '"IIII", "I"', "four as IIII"),
    ("total", "sum(numbers)", "sum(numbers[1:])", "off by one at the start"),
    ("last_or_none", "values[-1] if values", "values[-1] if values and values[-1]", "0 is last"),
    ("doubled", "2 * number", "number**2", "squared"),
    ("count_equal", "sum(value == wanted for value in values)", "wanted in values", "at most one"),
    ("without_repeats", "list(dict.fromkeys(values))", "sorted(set(values))", "order is lost"),
    ("rotate_left", " if values else 0", "", "empty: an exception"),
    ("flatten", "flatten(value) if", "value if", "one level only"),
    ("merge_intervals", "start <= merged", "start < merged", "intervals that touch"),
    ("merge_intervals", "max(end, merged[-1][1])", "end", "an interval inside another"),
    ("in_stock", "stock.get(article, 0)", "stock.get(article)", "missing: None"),
    ("sorted_keys", "sorted(table)", "sorted(table, key=table.get)", "ordered by value"),
    ("total_price", "prices.values()", "map(abs, prices.values())", "signs are ignored"),
    ("inverted", "value: key for", "key: value for", "unchanged"),
    ("count_words", ".lower()", "", "capital letters count"),
    ("group_by_length", "setdefault(len(word), [])", "setdefault(len(words), [])", "one group"),
    ("add_counts", "dict(first)", "first", "an argument is changed"),
    ("dotted_keys", "dotted_keys(value).items()", "value.items()", "two levels only"),
]


def solution(name: str) -> str:
    return inspect.getsource(getattr(function_solutions, name))


def body(name: str) -> str:
    """The lines below the signature, as a base model writes them."""
    return solution(name).partition("\n")[2]


def score(name: str, outputs: str) -> Score:
    tests = {"expected_response": PROBLEMS[name]["tests"]}
    return python_tests(outputs, PROBLEMS[name], tests, prefix=PREFIX)


def test_each_topic_has_problems_of_each_level() -> None:
    counts = Counter((row["topic"], row["level"]) for row in ROWS)
    assert counts == {(topic, level): LEVELS[level] for topic in TOPICS for level in LEVELS}


def test_topics_take_turns_and_the_easiest_come_first() -> None:
    levels = [row["level"] for row in ROWS]
    assert [row["topic"] for row in ROWS] == TOPICS * sum(LEVELS.values())
    assert levels == sorted(levels, key=list(LEVELS).index)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_row_is_a_function_and_its_tests(row: dict) -> None:
    columns = {"id", "topic", "level", "signature", "description", "tests"}
    assert (set(row), row["description"][-1:]) == (columns, ".")
    assert solution(row["id"]).splitlines()[0] == row["signature"]
    check_expected({"expected_response": row["tests"]})
    for test in row["tests"]:
        assert f"assert {row['id']}(" in test
    assert len({*row["tests"]}) == len(row["tests"]) >= 4


def test_rows_and_solutions_are_the_same_functions() -> None:
    functions = inspect.getmembers(function_solutions, inspect.isfunction)
    assert sorted(PROBLEMS) == [name for name, _ in functions]
    assert len(PROBLEMS) == len(ROWS) == 32


def test_the_experiment_plans_both_prompts_for_all_rows(bench: Bench) -> None:
    for file in TASK.iterdir():
        bench.write(file.name, file.read_bytes())
    text = (TASK / "experiment.yaml").read_text("utf-8")
    model = "transformers:smollm2-135m-instruct: {as: smollm2}"
    assert model in text
    plan = bench.plan(text.replace(model, "echo:last"))
    settings = {each.name: dict(each.settings) for each in plan.experiment.evaluators}
    assert settings["python_tests"] == settings["python_compiles"] == {"prefix": PREFIX}
    answers = len(ROWS) * plan.experiment.repeats
    assert [len(cells) for cells in plan.cells] == [answers, answers]


def test_a_base_model_gets_the_beginning_of_the_function(bench: Bench) -> None:
    prompt = bench.prompt((TASK / "signature_only.jinja").read_text("utf-8"), "signature_only")
    (conversation,) = bench.rendered(prompt, PROBLEMS["larger"])
    assert conversation.text == (
        'def larger(a: int, b: int) -> int:\n    """Return the larger of two numbers."""'
    )


def test_a_chat_model_gets_the_code_block_begun(bench: Bench) -> None:
    prompt = bench.prompt((TASK / "instructed.jinja").read_text("utf-8"), "instructed")
    (conversation,) = bench.rendered(prompt, PROBLEMS["larger"])
    assert [message.role for message in conversation.messages] == ["user", "assistant"]
    assert conversation.messages[0].content.endswith(
        'def larger(a: int, b: int) -> int:\n    """Return the larger of two numbers."""'
    )
    assert conversation.prefill == "```python"


@pytest.mark.parametrize("name", PROBLEMS)
def test_solutions_compile_with_and_without_the_signature(name: str) -> None:
    answers = (body(name), solution(name), f"```python\n{solution(name)}```")
    scores = [python_compiles(answer, PROBLEMS[name], prefix=PREFIX) for answer in answers]
    assert [each.value for each in scores] == [True, True, True]


@needs_box
@pytest.mark.parametrize("name", PROBLEMS)
def test_solutions_pass(name: str) -> None:
    assert score(name, body(name)).label == "passed"


@needs_box
@pytest.mark.parametrize("name", ["larger", "flatten", "merge_intervals", "dotted_keys"])
def test_solutions_pass_as_a_code_block(name: str) -> None:
    text = f"Here it is:\n\n```python\n{solution(name)}```\n\nIt works."
    assert score(name, text).label == "passed"


def test_each_problem_has_a_wrong_solution() -> None:
    assert {name for name, *_ in WRONG} == set(PROBLEMS)


@needs_box
@pytest.mark.parametrize(
    ("name", "part", "instead"),
    [pytest.param(*row[:3], id=f"{row[0]}: {row[3]}") for row in WRONG],
)
def test_wrong_solutions_fail(name: str, part: str, instead: str) -> None:
    code = solution(name)
    assert code.count(part) == 1
    result = score(name, f"```python\n{code.replace(part, instead)}```")
    assert (result.value, result.label in ("failed", "error")) == (False, True), result
