"""Invalid experiment files: position, message and fix."""

import pytest
from bench import EXPERIMENT, refusal

from workbench.experiment import Resolvers, load_experiment
from workbench.model import Model, open_provider
from workbench.providers.echo import EchoProvider

FILE = "prompts/qa/experiment.yaml"
KEYS = (
    "baseline, dataset, description, evaluators, exclude, gate, grid, margin, max_failed, "
    "models, name, parameters, "
    "prompts, repeats"
)
PARAMETERS = (
    "temperature, extra_body, frequency_penalty, logit_bias, logprobs, max_completion_tokens, "
    "max_tokens, parallel_tool_calls, presence_penalty, reasoning_effort, repetition_penalty, "
    "response_format, …"
)
TYPO = f"unknown parameter 'temprature'\n  fix: did you mean 'temperature'? known: {PARAMETERS}"
NAME = (
    "is not a valid name"
    "\n  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("foo: 1", f"unknown key 'foo'\n  fix: known: {KEYS}"),
        ("metrics: [a]", "unknown key 'metrics'\n  fix: write `evaluators:`"),
        ("sample: 5", "unknown key 'sample'\n  fix: write `dataset: {sample: …}`"),
        ("seed: 5", "unknown key 'seed'\n  fix: write `parameters: {seed: …}`"),
        (
            "temperatur: 1",
            "unknown key 'temperatur'\n"
            "  fix: did you mean 'temperature'? write `parameters: {temperature: …}`",
        ),
        (
            "concurrency: 5",
            "unknown key 'concurrency'\n  fix: write it at the model: "
            "`models: [NAME: {concurrency: …}]`",
        ),
        (
            "repeat: 2",
            "unknown key 'repeat'\n  fix: did you mean 'repeats'? known: repeats, baseline, "
            "dataset, description, evaluators, exclude, gate, grid, margin, max_failed, models, "
            "name, parameters, prompts",
        ),
        (
            "repeats: ten",
            (
                "repeats: 'ten' should be a valid integer"
                "\n  fix: write a whole number from 1 to 1000"
            ),
        ),
        (
            "repeats: 0",
            (
                "repeats: 0 should be greater than or equal to 1"
                "\n  fix: write a whole number from 1 to 1000"
            ),
        ),
        (
            "repeats: 1.5",
            ("repeats: 1.5 should be a valid integer\n  fix: write a whole number from 1 to 1000"),
        ),
        (
            "repeats: true",
            ("repeats: True should be a valid integer\n  fix: write a whole number from 1 to 1000"),
        ),
        (
            "repeats: 1000000",
            (
                "repeats: 1000000 should be less than or equal to 1000"
                "\n  fix: write a whole number from 1 to 1000"
            ),
        ),
        (
            "max_failed: -1",
            (
                "max_failed: -1 should be greater than or equal to 0"
                "\n  fix: write a whole number from 0"
            ),
        ),
        ("name: a/b", f"name: 'a/b' {NAME}"),
        ("name: ../b", f"name: '../b' {NAME}"),
        ("name: ''", f"name: '' {NAME}"),
        (f"name: {'x' * 65}", f"name: '{'x' * 65}' {NAME}"),
        (
            "name: 5",
            (
                "name: 5 should be a valid string\n"
                "  fix: write a name: up to 64 letters, digits, _ or -; the first a letter or digit"
            ),
        ),
        (
            "description: [a]",
            ("description: ['a'] should be a valid string\n  fix: write a string"),
        ),
        (
            "parameters: [1]",
            ("parameters: [1] should be a valid dictionary\n  fix: write a mapping"),
        ),
        ("grid: [1]", ("grid: [1] should be a valid dictionary\n  fix: write a mapping")),
        (
            "exclude: {prompt: a}",
            ("exclude: {'prompt': 'a'} should be a valid list\n  fix: write a list"),
        ),
        ("repeats: 1\nrepeats: 2", "duplicate key 'repeats'\n  fix: keep one"),
        ("name: !x a", "the tag !x is not allowed\n  fix: remove it"),
        (
            "\tname: a",
            "found character '\\t' that cannot start any token\n  fix: indent with spaces",
        ),
        (
            "---\nname: a",
            "but found another document\n"
            "  fix: keep one document: remove the `---` or `...` in the middle",
        ),
    ],
)
def test_bad_line_is_named(bench, line, expected):
    said = refusal(bench.experiment, EXPERIMENT + line + "\n")
    row = 6 if line.startswith("repeats: 1\n") else 5
    column = 7 if "!x" in line else 1
    assert said == f"{FILE}:{row}:{column}: {expected}"


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        (
            "parameters: {seed: 1, temprature: 0}",
            "5:23",
            TYPO,
        ),
        (
            "grid: {temprature: [0]}",
            "5:21",
            TYPO,
        ),
        (
            "parameters: {temperature: warm}",
            "5:14",
            (
                "temperature: 'warm' is not a number from 0 to 2"
                "\n  fix: write a number from 0 to 2, or null to leave it out"
            ),
        ),
        (
            "parameters: {temperature: true}",
            "5:14",
            (
                "temperature: True is not a number from 0 to 2"
                "\n  fix: write a number from 0 to 2, or null to leave it out"
            ),
        ),
        (
            "grid: {temperature: [0, 3]}",
            "5:25",
            (
                "temperature: 3 is not a number from 0 to 2"
                "\n  fix: write a number from 0 to 2, or null to leave it out"
            ),
        ),
        (
            "parameters: {max_tokens: 0}",
            "5:14",
            (
                "max_tokens: 0 is not a whole number from 1"
                "\n  fix: write a whole number from 1, or null to leave it out"
            ),
        ),
        (
            "parameters: {max_tokens: 1.5}",
            "5:14",
            (
                "max_tokens: 1.5 is not a whole number from 1"
                "\n  fix: write a whole number from 1, or null to leave it out"
            ),
        ),
        (
            "parameters: {stop: [1]}",
            "5:14",
            (
                "stop: [1] is not a text or a list of texts; none may be empty"
                "\n  fix: write a text or a list of texts, or null to leave it out"
            ),
        ),
        (
            "parameters: {stop: []}",
            "5:14",
            (
                "stop: [] is not a text or a list of texts; none may be empty"
                "\n  fix: write a text or a list of texts, or null to leave it out"
            ),
        ),
        (
            "grid: {temperature: []}",
            "5:8",
            (
                "grid.temperature: [] is empty; at least one entry is needed"
                "\n  fix: write a list with at least one entry"
            ),
        ),
        (
            "grid: {temperature: 1}",
            "5:8",
            (
                "grid.temperature: 1 should be a valid list"
                "\n  fix: write a list with at least one entry"
            ),
        ),
        (
            "parameters: {temperature: .nan}",
            "5:27",
            "'.nan' is not a JSON float\n"
            "  fix: write null for a missing value, or put the text in quotes",
        ),
        (
            "exclude: [{promt: a}]",
            "5:12",
            "unknown key in exclude.0 'promt'\n  fix: did you mean 'prompt'? known: prompt, model",
        ),
        (
            "exclude: [{prompt: 1}]",
            "5:12",
            ("exclude.0.prompt: 1 should be a valid string\n  fix: write a string"),
        ),
    ],
)
def test_bad_piece_of_a_line_is_named(bench, line, place, expected):
    assert refusal(bench.experiment, EXPERIMENT + line + "\n") == f"{FILE}:{place}: {expected}"


def test_missing_prompts_are_the_templates_of_the_folder(bench):
    for name in ("b", "a", "_partial"):
        bench.write(f"{name}.jinja", "user:\n{{ text }}\n")
    text = "\n".join(line for line in EXPERIMENT.split("\n") if not line.startswith("prompts:"))
    shown = refusal(bench.experiment, text)
    assert shown == f"{FILE}: prompts is missing\n  fix: add `prompts: [a, b, plain]`"


@pytest.mark.parametrize(
    ("line", "first", "second"),
    [
        ("repeat: 2\nbase: x", "key 'repeat'", "also: FILE:6:1: unknown key 'base'\n"),
        (
            "parameters: {temprature: 0, n: 2}",
            "parameter 'temprature'",
            "also: FILE:5:29: unknown parameter 'n'\n  fix: `repeats:` of the experiment",
        ),
        (
            "exclude: [{promt: a, mdl: b}]",
            "key in exclude.0 'promt'",
            "also: FILE:5:22: unknown key in exclude.0 'mdl'\n  fix: did you mean 'model'?",
        ),
    ],
)
def test_all_unknown_names_are_named_each_with_its_fix(bench, line, first, second):
    shown = refusal(bench.experiment, EXPERIMENT + line + "\n")
    assert shown.startswith(f"{FILE}:5:")
    assert f": unknown {first}\n  fix: " in shown
    assert second.replace("FILE", FILE) in shown


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (
            "echo:last",
            "{openai:m: {concurency: 2, timeout: 3}}",
            ("key 'concurency'", "key 'timeout'"),
        ),
        ("output_tokens", "{contains: {ignore: 1, normalise: 2}}", ("'ignore'", "'normalise'")),
        ("rows.jsonl", "{path: rows.jsonl, expect: a, colums: [b]}", ("'expect'", "'colums'")),
    ],
)
def test_unknown_settings_are_named_together(bench, old, new, names):
    shown = refusal(bench.experiment, EXPERIMENT.replace(old, new))
    assert all(name in shown for name in names)
    assert shown.count("unknown ") == shown.count("  fix: ") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "['a'] is not a mapping"),
        ("words\n", "'words' is not a mapping"),
    ],
)
def test_file_without_keys_is_told_its_keys(bench, text, expected):
    assert refusal(bench.experiment, text) == (
        f"{FILE}: {expected}\n  fix: use these keys: name, description, dataset, prompts, models, "
        "exclude, parameters, grid, repeats, evaluators, baseline, margin, gate, max_failed"
    )


def test_missing_file_is_named(bench, renderer):
    resolvers = Resolvers(lambda *_: None, lambda _: [])
    path = bench.task / "other.yaml"
    assert refusal(load_experiment, path, bench.project, renderer, resolvers) == (
        "prompts/qa/other.yaml: no such file\n  fix: check the path"
    )


@pytest.mark.parametrize("folder", ["my task", "über", "-x", "x" * 65, "a.b"])
def test_folder_that_is_no_name_is_refused(bench, renderer, folder):
    path = bench.write(f"../{folder}/experiment.yaml", EXPERIMENT)
    resolvers = Resolvers(lambda *_: None, lambda _: [])
    assert refusal(load_experiment, path, bench.project, renderer, resolvers) == (
        f"prompts/{folder}/experiment.yaml: {folder!r} is not a valid task name\n"
        "  fix: rename the folder: up to 64 letters, digits, _ or -; the first a letter or digit"
    )


def test_all_that_a_file_may_say_is_read(bench):
    bench.write("rows.jsonl", '{"id": "a", "text": "x", "label": "y", "split": "dev"}\n')
    experiment = bench.experiment(
        "name: mine\ndescription: words\n"
        "dataset: {path: rows.jsonl, expected: label, split: dev}\nprompts: [plain]\n"
        "models: [echo:last, echo:prompt: {as: whole, reasoning: [plan], parameters: {seed: 1}}]\n"
        "exclude: [{model: 'echo:p*'}]\nparameters: {max_tokens: 8}\n"
        "grid: {temperature: [0, 0.7], top_p: [1]}\nrepeats: 2\n"
        "evaluators: [exact_match, contains: {ignore_case: false, name: has}]\nmax_failed: 3\n"
    )
    assert (
        experiment.name,
        [example.expectations for example in experiment.dataset.examples],
        [(model.model.label, model.model.reasoning) for model in experiment.models],
        experiment.grid,
        [evaluator.name for evaluator in experiment.evaluators],
        experiment.repeats,
        experiment.max_failed,
    ) == (
        "mine",
        [{"expected_response": "y"}],
        [("last", "strip"), ("whole", ["plan"])],
        ({"temperature": 0, "top_p": 1}, {"temperature": 0.7, "top_p": 1}),
        ["exact_match", "has"],
        2,
        3,
    )


def test_a_provider_that_is_installed_meanwhile_is_found(tmp_path, monkeypatch):
    assert "unknown provider 'late'" in refusal(open_provider, Model("late", "last"))
    (tmp_path / "late-1.dist-info").mkdir()
    (tmp_path / "late-1.dist-info" / "entry_points.txt").write_text(
        "[workbench.providers]\nlate = workbench.providers.echo:EchoProvider\n"
    )
    (tmp_path / "late-1.dist-info" / "METADATA").write_text("Name: late\nVersion: 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(open_provider(Model("late", "last")), EchoProvider)
