"""Judges in an experiment file: short and long forms, and what is refused with its mending."""

import pytest
from bench import Bench, refusal

EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain]
models: [echo:last]
evaluators:
  - exact_match
  - {entry}
"""
HELPFUL = """\
---
scores: {yes: 1, no: 0}
---
user:
{{ inputs.text }}
{{ outputs }}
Does it help?
"""


@pytest.fixture
def judged(bench: Bench) -> Bench:
    bench.write("rows.jsonl", '{"id": "a", "text": "one", "label": "one"}\n')
    bench.write("../judges/helpful.jinja", HELPFUL)
    return bench


def judges(bench: Bench, entry: str) -> dict:
    return dict(bench.experiment(EXPERIMENT.format(entry=entry)).judges)


def test_one_line_is_a_judge(judged: Bench) -> None:
    (judge,) = judges(judged, 'rubric: {rubric: "Polite.", model: echo:last}').values()
    assert (judge.name, judge.settings, judge.choices) == (
        "rubric",
        {"rubric": "Polite."},
        ("yes", "partly", "no"),
    )
    assert judge.prompt.ref == "workbench/rubric"


def test_each_question_of_a_checklist_is_a_column(judged: Bench) -> None:
    entry = 'checklist: {questions: ["Is it polite?", "Does it name a team?"], model: echo:last}'
    assert list(judges(judged, entry)) == ["Is it polite", "Does it name a team"]


def test_a_judge_is_a_file_of_the_project(judged: Bench) -> None:
    (judge,) = judges(judged, "judge: {prompt: judges/helpful, model: echo:last}").values()
    assert (judge.name, judge.values) == ("helpful", {"yes": 1, "no": 0})
    assert (
        judge.models[0]
        is judged.experiment(
            EXPERIMENT.format(entry="judge: {prompt: judges/helpful, model: echo:last}")
        ).models[0]
        or judge.models[0].model.ref == "echo:last"
    )


def test_a_file_of_the_project_wins_over_a_bundled_one(judged: Bench) -> None:
    judged.write("../judges/rubric.jinja", HELPFUL)
    (judge,) = judges(judged, 'rubric: {rubric: "Polite.", model: echo:last}').values()
    assert judge.choices == ("yes", "no")


REFUSED = {
    "judge: {model: echo:last}": "a judge needs a `prompt:`",
    "judge: {prompt: helpful, model: echo:last}": "is no judge",
    "judge: {prompt: judges/helpfull, model: echo:last}": "helpful",
    "judge: {prompt: workbench/rubrik, model: echo:last}": "rubric",
    "judge: {prompt: judges/helpful}": "no model is named to judge",
    "judge: {prompt: judges/helpful, models: [echo:last]}": "models",
    "judge: {prompt: judges/helpful, models: [echo:last, echo:last]}": "a panel of equal models",
    "judge: {prompt: judges/helpful, model: echo:last, samples: 0}": "samples",
    "judge: {prompt: judges/helpful, model: echo:last, sample: 2}": "samples",
    "judge: {prompt: judges/helpful, model: echo:last, combine: median}": "majority",
    "judge: {prompt: judges/helpful, model: echo:last, only_if: label}": "is not a condition",
    "judge: {prompt: judges/helpful, model: echo:last, only_if: labl is no}": "exact_match",
    "judge: {prompt: judges/helpful, model: gpt}": "is not a model",
    "judge: {prompt: judges/helpful, model: echo:lst}": "echo model",
    'judge: {prompt: judges/helpful, model: echo:last, rubric: "x"}': "`rubric` belongs to",
    "judge: {prompt: judges/helpful, model: echo:last, name: exact_match}": "two evaluators",
    'rubric: ""': "the rubric is empty",
    "checklist: []": "questions",
    "pairwise: {prompt: judges/helpful, model: echo:last}": "variable of a judge",
}


@pytest.mark.parametrize("entry", REFUSED)
def test_another_entry_is_refused_with_the_mending(judged: Bench, entry: str) -> None:
    message = refusal(judges, judged, entry)
    assert REFUSED[entry] in message
    assert "fix:" in message
    assert "experiment.yaml:6" in message or "helpful.jinja" in message


FILES = {
    "---\nscores: {yes: 1}\n---\nuser:\n{{ outputs }}\n": "`scores` has one choice",
    "---\nscores: {yes: 1, no: 0}\nchoices: [a, b]\n---\nuser:\n{{ outputs }}\n": "both set",
    "user:\n{{ outputs }}\n": "has no `scores`",
    "---\nscores: {yes: 1, no: 0}\n---\nuser:\n{{ output }}\n": "outputs",
    "---\nscores: {yes: one, no: 0}\n---\nuser:\n{{ outputs }}\n": "scores.yes",
}


@pytest.mark.parametrize("text", FILES)
def test_a_file_that_is_no_judge_is_refused(judged: Bench, text: str) -> None:
    judged.write("../judges/helpful.jinja", text)
    message = refusal(judges, judged, "judge: {prompt: judges/helpful, model: echo:last}")
    assert FILES[text] in message
    assert "helpful.jinja" in message


def test_scores_belong_to_judges(judged: Bench) -> None:
    judged.write("plain.jinja", "---\nscores: {yes: 1, no: 0}\n---\nuser:\n{{ text }}\n")
    assert "belongs to a judge" in refusal(judged.experiment, EXPERIMENT.format(entry="contains"))


def test_a_project_s_evaluator_of_a_reserved_name_is_refused(judged: Bench) -> None:
    (judged.root / "evaluators").mkdir()
    (judged.root / "evaluators" / "rubric.py").write_text("def rubric(outputs): return 1\n")
    message = refusal(judges, judged, 'rubric: {rubric: "Polite.", model: echo:last}')
    assert "reserved for judges" in message
    assert "my_rubric" in message
