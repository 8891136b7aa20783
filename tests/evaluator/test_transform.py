"""The part of an output that an evaluator judges."""

import pytest
from bench import refusal

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluator.transform import NoPartError, read_transform
from workbench.model import Completion

ROW = {"expected_response": "Paris"}
LABELS = {"labels": ["Paris", "Rome"]}
THOUGHTS = "Let me think.\n\n**Answer:** Paris\nAnswer: Rome\n"


def score(name, outputs, root, **settings) -> Score:
    evaluator = load_evaluator(Spec(name, settings, root))
    return evaluator.score(
        inputs={}, expectations=ROW, completion=Completion("k", "ok", text=outputs)
    )


@pytest.mark.parametrize(
    ("transform", "outputs", "part"),
    [
        ("first_line", "\n Paris \nIt is in France.", "Paris"),
        ("last_line", "So:\nParis\n\n", "Paris"),
        ({"after": "Answer:"}, "Well. Answer: Paris", "Paris"),
        ([{"after": "Answer:"}, "first_line"], THOUGHTS, "Paris"),
        ({"after": "Answer:", "which": "last"}, THOUGHTS, "Rome"),
        ({"after": "answer:", "ignore_case": True, "which": "last"}, THOUGHTS, "Rome"),
        ({"json": "$.answer"}, '{"answer": "Paris"}', "Paris"),
        ({"json": "$.answer"}, 'Here:\n```json\n{"answer": "Paris"}\n```\nDone.', "Paris"),
        ({"json": "$.answer"}, 'It is {"answer": "Paris"}, I think.', "Paris"),
        ({"json": "$.choices[0]['the text']"}, '{"choices": [{"the text": "Paris"}]}', "Paris"),
        ({"json": "$[-1]"}, '["Rome", "Paris"]', "Paris"),
        ({"json": "$.answer"}, 'Of [1] and {2}: {"answer": "Paris"}', "Paris"),
        ({"json": "$.answer"}, '{"thought": "a\nb", "answer": "Paris"}', "Paris"),
        ({"json": "$.answer"}, '```\n[1]\n```\n```json\n{"answer": "Paris"}\n```', "Paris"),
        ({"after": "Answer:"}, "**Answer**: Paris", "Paris"),
        ({"after": "Answer:"}, "**Answer**:**Paris**", "**Paris**"),
        ({"json": "$.n"}, '{"n": 42}', "42"),
        ({"json": "$.ok"}, '{"ok": true}', "true"),
        ({"json": "$"}, '{"a": [1, "é"]}', '{"a": [1, "é"]}'),
        ({"regex": "[A-D]"}, "So B, not C", "B"),
        ({"regex": "[A-D]", "which": "last"}, "So B, not C", "C"),
        ({"regex": "is ([A-D])"}, "It is B", "B"),
        ({"regex": "is ([A-D])", "group": 0}, "It is B", "is B"),
        ({"regex": "(?P<letter>[a-d])", "group": "letter", "ignore_case": True}, "B", "B"),
    ],
)
def test_the_part_of_an_output(transform, outputs, part):
    assert read_transform(transform).apply(outputs) == part


@pytest.mark.parametrize(
    ("transform", "outputs", "reason"),
    [
        ("first_line", " \n ", "the output has no line with text"),
        ("last_line", "", "the output has no line with text"),
        ({"after": "Answer:"}, "Paris", "no 'Answer:' in the output"),
        ({"after": "Answer:"}, "Answer: ", "nothing after 'Answer:'"),
        ({"json": "$.answer"}, "Paris", "no JSON in the output"),
        ({"json": "$.a"}, 'So {"b": {"a": 1}}', "$.a is not in the output's JSON"),
        ({"json": "$.a"}, '[{"a": 1}]', "$.a is not in the output's JSON"),
        ({"json": "$.answer"}, '{"text": "Paris"}', "$.answer is not in the output's JSON"),
        ({"json": "$.answer"}, "[" * 100_000, "no JSON in the output"),
        ({"json": "$[3]"}, "[1]", "$[3] is not in the output's JSON"),
        ({"json": "$.answer"}, '{"answer": null}', "$.answer is null in the output's JSON"),
        ({"regex": "[A-D]"}, "none", "no match of '[A-D]' in the output"),
        ({"regex": "(a)|b"}, "b", "no match of '(a)|b' in the output"),
        ({"regex": "x*"}, "none", "what it finds in the output is empty"),
    ],
)
def test_what_was_not_found_is_the_reason(transform, outputs, reason):
    with pytest.raises(NoPartError) as caught:
        read_transform(transform).apply(outputs)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("exact_match", {}),
        ("contains", {}),
        ("numeric_answer", {}),
        ("label_match", LABELS),
        ("regex_match", {"pattern": ".*"}),
        ("json_valid", {}),
    ],
)
def test_an_output_without_the_part_is_wrong_in_each_evaluator(name, settings, tmp_path):
    if name == "numeric_answer":
        settings = {**settings, "which": "first"}
    evaluator = load_evaluator(Spec(name, {**settings, "transform": {"after": "####"}}, tmp_path))
    row = {"expected_response": "42"} if name == "numeric_answer" else ROW
    result = evaluator.score(
        inputs={}, expectations=row, completion=Completion("k", "ok", text="Paris 42 {}")
    )
    assert result == Score(False, "transform: no '####' in the output", "unparsed")


def test_the_part_that_is_found_is_judged(tmp_path):
    steps = [{"after": "Answer:"}, "first_line"]
    assert [
        score("exact_match", THOUGHTS, tmp_path, transform=steps).value,
        score("exact_match", THOUGHTS, tmp_path).value,
        score("label_match", THOUGHTS, tmp_path, transform=steps, **LABELS).parsed,
    ] == [True, False, "Paris"]


def test_unparsed_answers_can_be_left_out(tmp_path):
    settings = {**LABELS, "unparsed": "not_applicable", "transform": {"after": "####"}}
    assert score("label_match", "Paris", tmp_path, **settings).value is None


def test_a_row_without_an_expected_answer_stays_an_error(tmp_path):
    evaluator = load_evaluator(Spec("exact_match", {"transform": {"after": "####"}}, tmp_path))
    result = evaluator.score(
        inputs={}, expectations={}, completion=Completion("k", "ok", text="Paris")
    )
    assert "no expected_response" in result.error


def test_a_function_of_the_project_cuts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "cutting.py"
    file.write_text(
        "def part(text):\n    return text.partition('=')[2] or None\n"
        "def number(text):\n    return 7\n"
    )
    transform = {"function": "cutting:part"}
    first = load_evaluator(Spec("exact_match", {"transform": transform}, tmp_path))
    assert score("exact_match", "x = Paris", tmp_path, transform=transform).value is True
    assert score("exact_match", "x", tmp_path, transform=transform) == Score(
        False, "transform: cutting:part found nothing in the output", "unparsed"
    )
    wrong_type = score("exact_match", "x", tmp_path, transform={"function": "cutting:number"})
    assert "transform cutting:number returned int, not a string" in wrong_type.error
    file.write_text("def part(text):\n    return text\n")
    edited = load_evaluator(Spec("exact_match", {"transform": transform}, tmp_path))
    assert edited.digest != first.digest


def test_the_transform_is_in_the_digest_and_not_in_the_settings(tmp_path):
    plain = load_evaluator(Spec("exact_match", {}, tmp_path))
    cut = load_evaluator(Spec("exact_match", {"transform": "last_line"}, tmp_path))
    assert plain.digest != cut.digest
    assert cut.settings == {}
    check = expected_check(cut)
    assert check
    check(ROW)


@pytest.mark.parametrize(
    ("name", "transform", "message"),
    [
        ("exact_match", "firstline", "unknown transform 'firstline'"),
        ("exact_match", "after", "transform is 'after', not one step or a list"),
        ("exact_match", {"aftr": "a"}, "unknown transform 'aftr'\n  fix: did you mean 'after'?"),
        ("exact_match", {}, "transform is {}, not one step or a list"),
        ("exact_match", [], "transform is an empty list"),
        ("exact_match", 3, "transform is 3, not one step or a list"),
        ("exact_match", {"after": "a", "json": "$"}, "not one step or a list"),
        ("exact_match", {"after": ""}, "transform.after is '', not a string"),
        ("exact_match", {"after": "a", "wich": "last"}, "unknown option of transform's `after`"),
        (
            "exact_match",
            {"after": "a", "which": "all"},
            "unknown value of transform.after's `which`",
        ),
        ("exact_match", {"after": "a", "ignore_case": "yes"}, "ignore_case is 'yes'"),
        ("exact_match", {"json": "answer"}, "transform.json 'answer' is not a path"),
        ("exact_match", {"regex": "(a"}, "transform.regex '(a' is not a regular expression"),
        ("exact_match", {"regex": "a", "group": 1}, "transform.regex: no group 1 in 'a'"),
        ("exact_match", {"function": "cut"}, "transform.function 'cut' is not a function's name"),
        ("exact_match", {"function": "nowhere:cut"}, "nowhere can't be imported"),
        ("latency", "last_line", "evaluator 'latency' takes no outputs"),
    ],
)
def test_a_transform_that_means_nothing_is_refused(name, transform, message, tmp_path):
    error = refusal(load_evaluator, Spec(name, {"transform": transform}, tmp_path, "e.yaml:4:5"))
    assert error.startswith("e.yaml:4:5: ")
    assert message in error
    with pytest.raises(WorkbenchError):
        load_evaluator(Spec(name, {"transform": transform}, tmp_path))
