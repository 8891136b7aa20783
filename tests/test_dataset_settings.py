"""Settings of `dataset:` from the experiment file to the plan: rows, ids, variables, samples."""

import json

import pytest
from bench import EXPERIMENT, refusal

from workbench.comparing.slices import rows_by_value
from workbench.lint.warnings import column_warnings
from workbench.plan import Scope, summarize_plan
from workbench.plan.redact_rows import redact_rows
from workbench.secrets import Redactor, Secret, find_secrets, key_variables

INLINE = """\
dataset:
  rows:
    - {id: a, text: Fun., label: pos}
    - id: b
      text: Dull.
      label: neg
  expected: label
prompts: [plain]
models: [echo:last]
evaluators: [exact_match]
"""
LIST = """\
dataset: [{text: Fun.}, {text: Dull.}]
prompts: [plain]
models: [echo:last]
evaluators: [output_tokens]
"""


def dataset(settings: str) -> str:
    return EXPERIMENT.replace("rows.jsonl", settings)


def texts(plan) -> list[str]:
    return [
        json.loads(plan.bodies[cell.key].text)["messages"][0]["content"] for cell in plan.cells[0]
    ]


def test_rows_may_stand_in_the_experiment_file(bench):
    data = bench.experiment(INLINE).dataset
    assert [(e.id, e.inputs, e.expectations) for e in data.examples] == [
        ("a", {"text": "Fun."}, {"expected_response": "pos"}),
        ("b", {"text": "Dull."}, {"expected_response": "neg"}),
    ]
    assert [data.row_label(index) for index in range(2)] == [
        "a, experiment.yaml:3",
        "b, experiment.yaml:4",
    ]
    assert [e.inputs["text"] for e in bench.experiment(LIST).dataset.examples] == ["Fun.", "Dull."]


def test_rows_in_a_file_and_in_the_experiment_are_the_same_data(bench):
    rows = [
        {"id": "a", "text": "Fun.", "label": "pos"},
        {"id": "b", "text": "Dull.", "label": "neg"},
    ]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    file = bench.experiment(dataset("{path: rows.jsonl, expected: label}")).dataset
    inline = bench.experiment(INLINE).dataset
    assert (inline.digest, inline.examples) == (file.digest, file.examples)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "text: Dull.\n      label: neg",
            "text: Dull.",
            "experiment.yaml:4: unknown column 'label'\n  fix: known: text",
        ),
        (
            "id: b\n",
            "id: a\n",
            "experiment.yaml:4: the id 'a' is already used in prompts/qa/experiment.yaml:3\n"
            "  fix: give each row its own id, or ignore the column: `id: null`",
        ),
        (
            "- {id: a, text: Fun., label: pos}",
            "- Fun.",
            "experiment.yaml:3:7: dataset.rows.0: 'Fun.' should be a valid dictionary\n"
            "  fix: write a mapping",
        ),
    ],
)
def test_a_bad_row_in_the_experiment_file_is_named_by_its_line(bench, old, new, expected):
    assert refusal(bench.experiment, INLINE.replace(old, new)) == f"prompts/qa/{expected}"


def test_a_list_of_rows_without_expected_values_names_the_form_that_has_them(bench):
    assert refusal(bench.plan, LIST.replace("output_tokens", "exact_match")) == (
        "prompts/qa/experiment.yaml: the evaluator 'exact_match' needs expectations, and the "
        "dataset has none\n  fix: write `dataset: {rows: […], expected: COLUMN}`"
    )


def test_columns_named_like_secrets_are_data(bench):
    text = INLINE.replace("expected: label", "vars: {password: hunter2hunter2}")
    experiment = bench.experiment(text.replace("label: neg", "api_key: neg-neg-neg"))
    assert find_secrets(experiment.settings) == set()
    assert list(key_variables(bench.experiment(INLINE.replace("label", "env")).settings)) == []


def test_templates_read_id_and_split_and_variables(bench):
    bench.write(
        "plain.jinja", "user:\n{{ id }} {{ split }} {{ text }} in {{ language }} for {{ firm }}"
    )
    rows = [{"id": 7, "text": "a", "split": "dev"}, {"id": "q", "text": "b", "split": "dev"}]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    plan = bench.plan(dataset("{path: rows.jsonl, vars: {firm: Acme, language: [en, de]}}"))
    assert texts(plan) == [
        "7 dev a in en for Acme",
        "7 dev a in de for Acme",
        "q dev b in en for Acme",
        "q dev b in de for Acme",
    ]
    assert plan.clusters([0]) == (0, 0, 1, 1)
    assert rows_by_value("language", plan) == {"en": {0, 2}, "de": {1, 3}}
    assert rows_by_value("split", plan) == {"dev": {0, 1, 2, 3}}
    assert plan.notes == ()
    assert list(column_warnings(plan.variants[0].prompt, plan.experiment.dataset)) == []


def test_metadata_is_read_by_comparisons_only(bench):
    bench.write(
        "rows.jsonl",
        '{"id": "r1", "inputs": {"text": "a"}, "metadata": {"topic": "x"}}\n'
        '{"inputs": {"text": "b"}, "metadata": {"topic": "y"}}\n',
    )
    assert rows_by_value("topic", bench.plan()) == {"x": {0}, "y": {1}}
    bench.write("plain.jinja", "{{ text }} {{ topic }}")
    assert refusal(bench.plan) == (
        "prompts/qa/plain.jinja:1:15: unknown variable 'topic' (row r1, rows.jsonl:1)\n"
        "  fix: templates can't read metadata; move 'topic' into `inputs`"
    )


def test_a_split_that_templates_read_is_part_of_the_invocation(bench):
    def digest_of(template: str, split: str) -> str:
        bench.write("plain.jinja", template)
        bench.write("rows.jsonl", json.dumps({"id": 1, "text": "a", "split": split}))
        plan = bench.plan()
        assert summarize_plan(plan).digest == plan.digest
        return plan.digest

    assert digest_of("{{ text }}", "dev") == digest_of("{{ text }}", "test")
    assert digest_of("{{ text }}{{ split }}", "dev") != digest_of("{{ text }}{{ split }}", "test")


def test_secrets_in_ids_and_metadata_are_redacted(bench):
    bench.write(
        "rows.jsonl",
        '{"id": "KEY", "inputs": {"text": "a"}, "metadata": {"m": "KEY"}}\n'.replace(
            "KEY", "k-1234567890abcdef"
        ),
    )
    redactor = Redactor([Secret("KEY", "k-1234567890abcdef")])
    (example,) = redact_rows(bench.experiment(), redactor).dataset.examples
    assert "k-1234567890abcdef" not in str([example.id, *example.columns()])


def test_a_sample_is_part_of_the_scope(bench):
    scope = Scope(limit=5, sample=20)
    assert scope.as_json() == {"sample": 20, "limit": 5}
    assert Scope.from_json(scope.as_json()) == scope
    assert (scope.rows.limit, scope.rows.sample) == (5, 20)
    rows = [{"id": n, "text": str(n)} for n in range(30)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    plan = bench.plan(dataset("{path: rows.jsonl, sample: 10, seed: 4}"))
    assert (plan.rows, plan.notes) == (10, ("a sample of 10 of 30 rows by `seed: 4`",))
