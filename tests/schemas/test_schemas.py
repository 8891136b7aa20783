"""The schemas that editors check experiment.yaml and workbench.yaml by.

WORKBENCH_WRITE_DOCS=1 writes those of the package: make schemas.
"""

import ast
import copy
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import PACKAGE, ROOT
from jsonschema import Draft7Validator

from workbench.document import parse_document
from workbench.errors import WorkbenchError
from workbench.experiment.file import ExperimentFile
from workbench.project.project_file import ProjectFile
from workbench.schemas import SCHEMAS, file_schema, schema_text, write_schemas
from workbench.schemas.shape_schema import Schema

VALIDATORS = {name: Draft7Validator(file_schema(name)) for name in SCHEMAS}
KEYS = {"experiment": {*ExperimentFile.model_fields}, "workbench": {*ProjectFile.model_fields}}
NEEDED = {"dataset", "prompts", "models", "evaluators"}
PLACEHOLDER = re.compile(r"\{[a-z]+\}|MODEL")  # of `format` and `replace`
BASE = "dataset: rows.jsonl\nprompts: [a]\nmodels: [echo:last]\nevaluators: [exact_match]\n"


def content(text: str) -> Any:
    return parse_document(text, "f.yaml").content


def problems(name: str, value: Any, *, partly: bool = False) -> list[str]:
    """What the schema refuses; `partly`: missing keys of the whole file are allowed."""
    errors = VALIDATORS[name].iter_errors(value)
    return [
        f"{error.json_path}: {error.message[:200]}"
        for error in errors
        if not (partly and error.validator == "required" and not error.path)
    ]


def examples_of_documents() -> Iterator[tuple[str, str, Any]]:
    """The YAML blocks of the documentation that are parts of one of the two files."""
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", file.read_text(), re.S)):
            try:
                value = content(block)
            except WorkbenchError:  # several ways to write one key
                continue
            if isinstance(value, list):
                value = {"evaluators": value}
            for name, keys in KEYS.items():
                if isinstance(value, dict) and set(value) <= keys:
                    yield f"{file.name}-{number}", name, value
                    break


def files_of_tests() -> Iterator[tuple[str, Any]]:
    """The experiment files that tests hold as a constant of their module."""
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
                continue
            text = node.value.value
            if not isinstance(text, str) or PLACEHOLDER.search(text):
                continue
            try:
                parse_document(text, "f.yaml").check(ExperimentFile)
            except WorkbenchError:
                continue
            value = content(text)
            if set(value) >= NEEDED:
                yield f"{file.name}-{ast.unparse(node.targets[0])}", value


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_of_the_package_are_those_of_the_code(name: str) -> None:
    file = PACKAGE / "schemas" / f"{name}.json"
    text = schema_text(file_schema(name))
    if os.environ.get("WORKBENCH_WRITE_DOCS"):
        file.write_text(text, "ascii")
        return
    assert file.read_text("ascii") == text


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_key_is_described(name: str) -> None:
    schema = file_schema(name)
    Draft7Validator.check_schema(schema)
    assert [path for path, inner in properties(schema) if not described(inner, schema)] == []


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, Schema]]:
    if isinstance(schema, dict):
        for key, inner in schema.get("properties", {}).items():
            yield f"{path}.{key}", inner
        for key, inner in schema.items():
            yield from properties(inner, f"{path}.{key}")
    elif isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from properties(inner, f"{path}.{number}")


def described(schema: Schema, root: Schema) -> bool:
    for reference in [schema, *schema.get("anyOf", ())]:
        target: Any = root
        for step in reference.get("$ref", "#").split("/")[1:]:
            target = target[step]
        if reference.get("description") or ("$ref" in reference and target.get("description")):
            return True
    return False


@pytest.mark.parametrize(
    "file", sorted((ROOT / "prompts").glob("*/*.yaml")), ids=lambda file: file.parent.name
)
def test_the_experiments_of_the_project_are_valid(file: Path) -> None:
    assert problems("experiment", content(file.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=where) for where, name, value in examples_of_documents()],
)
def test_the_examples_of_the_documentation_are_valid(name: str, value: Any) -> None:
    assert problems(name, value, partly=True) == []


@pytest.mark.parametrize("value", [pytest.param(v, id=where) for where, v in files_of_tests()])
def test_the_experiments_of_the_tests_are_valid(value: Any) -> None:
    assert problems("experiment", value) == []


@pytest.mark.parametrize(
    "line",
    [
        "dataset: [{q: a}, {q: b}]",
        "dataset: {path: a.csv, expected: label, id: null, sample: 5}",
        "models: [openai:m, {'openai:n': null}, {'transformers:t': {as: t}}, {'lab:x': {any: 1}}]",
        "models: [{'openai:m': {api_key_env: K, parameters: {top_p: null}, reasoning: [plan]}}]",
        "parameters: {temperature: 0, max_tokens: null, stop: [a]}",
        "grid: {temperature: [0, 0.7, null]}",
        "evaluators: [exact_match: null, contains: {texts: [a], name: has a}]",
        "evaluators: [{my_own: {anything: 1}}, my_own, 'lab.judges:tone', {'a.py:f': null}]",
        "evaluators: [{rubric: Polite.}, {rubric: {rubric: Polite., model: 'openai:m'}}]",
        "evaluators: [{checklist: ['Is it?']}, {checklist: {questions: ['Is it?'], samples: 3}}]",
        "evaluators: [{judge: {prompt: judges/a, models: ['openai:m', {'openai:n': {}}]}}]",
        "evaluators: [pairwise, {pairwise: {combine: mean}}, expected_likelihood]",
        "evaluators: [{json_fields: [a, b]}, {json_fields: {fields: [a], ignore_case: true}}]",
        "evaluators: [{weighted: {of: {exact_match: 2, b: 0.5}, rows: {topic: sports}}}]",
        "evaluators: [{ratio: {of: cost, per: exact_match}}, {pass_at: {of: a, k: 5, name: p}}]",
        "evaluators: [{embedding_similarity: {model: {'openai:e': {base_url: 'http://h/v1'}}}}]",
        "evaluators: [{exact_match: {transform: last_line, rows: {a: [b]}, by: c, timeout_s: 5}}]",
        "evaluators: [{exact_match: {transform: [first_line, {after: 'Answer:', which: last}]}}]",
        "margin: 0.02",
        "margin: {exact_match: 0.02}",
        "gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}",
    ],
)
def test_every_way_to_write_a_key_is_valid(line: str) -> None:
    assert problems("experiment", content(BASE) | content(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "metrics: [a]",
        "repeats: 0",
        "name: a/b",
        "prompts: few_shot",
        "models: [gpt]",
        "models: [{'openai:m': {temperature: 0}}]",
        "models: [{'transformers:m': {base_url: 'http://h/v1'}}]",
        "models: [{'echo:last': {base_url: 'http://h/v1'}}]",
        "models: ['openai:m', {'openai:a': {}, 'openai:b': {}}]",
        "dataset: {pth: a.csv}",
        "parameters: {temprature: 1}",
        "parameters: {temperature: 3}",
        "grid: {temperature: 0}",
        "evaluators: [{exact_match: {ignorecase: true}}]",
        "evaluators: [{exact_match: {ignore_case: 'yes'}}]",
        "evaluators: [{contains: {match: some}}]",
        "evaluators: [{regex_match: {}}]",
        "evaluators: [{regex_match: null}]",
        "evaluators: [{rubric: {model: 'openai:m'}}]",
        "evaluators: [{rubric: [a]}]",
        "evaluators: [{checklist: a}]",
        "evaluators: [{judge: {prompt: a, rubric: b}}]",
        "evaluators: [{pairwise: {questions: [a]}}]",
        "evaluators: [{pass_at: {of: a}}]",
        "evaluators: [{threshold: {of: a, env: [K]}}]",
        "exclude: [{prompts: a}]",
        "gate: {exact_match: {minimum: 0.6}}",
    ],
)
def test_what_the_loader_refuses_is_not_valid(line: str) -> None:
    assert problems("experiment", content(BASE) | content(line)) != []


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("", True),
        ("judge: openai:gpt-6-luna", True),
        ("judge: {model: {openai:m: {api_key_env: K}}, min_kappa: null}", True),
        ("prices: {'openai:m': {input: 1, output: 2, cached_input: 0.1}}", True),
        ("mlflow_metrics: [cost]\ncurrency: €\ntraces: 0\ndrain_s: 1.5", True),
        ("judge: gpt", False),
        ("judge: {models: [a]}", False),
        ("prices: {'openai:m': {input: 1}}", False),
        ("prices: {'openai:m': {input: -1, output: 2}}", False),
        ("mlflow_metrics: [price]", False),
        ("tracking: none", False),
    ],
)
def test_settings_of_a_project_are_checked(text: str, valid: bool) -> None:
    assert (problems("workbench", content(text)) == []) is valid


@pytest.mark.parametrize(
    "file", sorted((ROOT / "prompts").glob("*/*.yaml")), ids=lambda file: file.parent.name
)
def test_an_unknown_key_is_refused_at_every_place_whose_keys_are_fixed(file: Path) -> None:
    value = content(file.read_text("utf-8"))
    places = [path for path in mappings(value) if not is_open(path)]
    accepted = [path for path in places if problems("experiment", with_key(value, path)) == []]
    assert accepted == []


def mappings(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from mappings(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from mappings(inner, (*path, number))


def is_open(path: tuple[str | int, ...]) -> bool:
    """True for mappings by a user's names: metrics, columns, evaluators, chat templates."""
    users = {"margin", "gate", "of", "rows", "vars", "columns", "chat_template", "extra_body"}
    users |= {"response_format", "headers", "schema"}
    return bool(users.intersection(path[-1:])) or (len(path) == 2 and path[0] == "evaluators")


def with_key(value: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for step in path:
        place = place[step]
    place["unknown_key"] = 1
    return changed


def test_a_project_s_schemas_have_its_evaluators(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "evaluators").mkdir()
    (tmp_path / "evaluators" / "tone.py").write_text(
        'def tone(outputs, *, strict: bool = False):\n    """Tone.\n\n    Args:\n'
        '        outputs: the answer.\n        strict: no slang.\n    """\n    return True\n'
    )
    paths = write_schemas(tmp_path)
    folder = tmp_path / ".workbench" / "schema"
    assert paths == [folder / "experiment.json", folder / "workbench.json"]
    assert sorted(each.name for each in folder.iterdir()) == ["experiment.json", "workbench.json"]
    text = schema_text(file_schema("experiment", tmp_path))
    assert paths[0].read_text("ascii") == text
    validator = Draft7Validator(file_schema("experiment", tmp_path))
    for settings, valid in (("strict: true", True), ("strict: 1", False), ("stric: true", False)):
        value = content(BASE) | content(f"evaluators: [tone, {{tone: {{{settings}}}}}]")
        assert validator.is_valid(value) is valid, settings
