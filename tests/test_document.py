"""YAML files: accepted content, and errors with their positions."""

import os

import pytest
from bench import refusal

from workbench.document import parse_document, read_document
from workbench.project import find_project

ALIAS = "\n  fix: quote a value that begins with *"
QUOTE = "\n  fix: quote the value if it holds : # { [ or begins with @ % `"
NUMBER = "\n  fix: write null for a missing value, or put the text in quotes"
DEEP = (
    "more than 10,000 values, or nested more than 50 deep"
    "\n  fix: put rows in a dataset file; an alias counts as all the values it stands for"
)
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: yes\nb: no\nc: on\n", {"a": "yes", "b": "no", "c": "on"}),
        ("a: true\nb: False\nc: ~\nd:\n", {"a": True, "b": False, "c": None, "d": None}),
        ("a: &x true\nb: *x\n", {"a": True, "b": True}),
        ("a: 014\nb: 0o14\nc: -0x1f\nd: 12:30\n", {"a": 14, "b": 12, "c": -31, "d": "12:30"}),
        ("a: 1.0\nb: 1e3\nc: '1'\n", {"a": 1.0, "b": 1000.0, "c": "1"}),
        ("a: 2020-01-01\n", {"a": "2020-01-01"}),
        ("1: a\ntrue: b\nnull: c\n", {"1": "a", "true": "b", "null": "c"}),
        ("x: &d {k: 1, z: 0}\ny: {<<: *d, z: 2}\n", {"x": {"k": 1, "z": 0}, "y": {"k": 1, "z": 2}}),
        ("a: [1, [2, {b: 3}]]\n", {"a": [1, [2, {"b": 3}]]}),
        ("a: !!str 5\n", {"a": "5"}),
        ("a: |\n  {{ x }}\n  \U0001f600\n", {"a": "{{ x }}\n\U0001f600\n"}),
    ],
)
def test_yaml_is_read_as_plain_data(text, expected):
    assert repr(parse_document(text, "f.yaml").content) == repr(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key 'a'\n  fix: keep one"),
        ("1: a\n'1': b\n", "f.yaml:2:1: duplicate key '1'\n  fix: keep one"),
        (
            "a:\n\t- 1\n",
            "f.yaml:2:1: found character '\\t' that cannot start any token"
            "\n  fix: indent with spaces",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "f.yaml:2:1: but found another document"
            "\n  fix: keep one document: remove the `---` or `...` in the middle",
        ),
        (
            "a: !!python/object/apply:os.run [ls]\n",
            "f.yaml:1:4: the tag !!python/object/apply:os.run is not allowed\n  fix: remove it",
        ),
        (
            "a: !!python/name:os.system x\n",
            "f.yaml:1:4: the tag !!python/name:os.system is not allowed\n  fix: remove it",
        ),
        ("a: !env {b: 1}\n", "f.yaml:1:4: the tag !env is not allowed\n  fix: remove it"),
        ("a: !!set {b}\n", "f.yaml:1:4: the tag !!set is not allowed\n  fix: remove it"),
        ("a: !!binary aGk=\n", "f.yaml:1:4: the tag !!binary is not allowed\n  fix: remove it"),
        ("a: .nan\n", "f.yaml:1:4: '.nan' is not a JSON float" + NUMBER),
        ("a: [1, -.inf]\n", "f.yaml:1:8: '-.inf' is not a JSON float" + NUMBER),
        ("a: " + "1" * 5000, f"f.yaml:1:4: '{'1' * 39}… is not a JSON int" + NUMBER),
        ("? [a, b]\n: c\n", ("f.yaml:1:3: a key must be a string\n  fix: use one word as the key")),
        (
            "choices: {{ options }}\n",
            'f.yaml:1:11: a key must be a string\n  fix: quote a template: "{{ … }}"',
        ),
        (
            'a: "\\ud800"\n',
            (
                "f.yaml:1:4: '\\ud800' contains half a character"
                "\n  fix: write the character itself, or both halves of its \\u escape"
            ),
        ),
        (
            "a: 1\nb: \x00\n",
            "f.yaml:2: the character '\\x00' is not allowed in YAML\n  fix: remove it",
        ),
        ("a: b: c\n", "f.yaml:1:5: mapping values are not allowed here" + QUOTE),
        (
            "a: *b\n",
            "f.yaml:1:4: found undefined alias 'b'\n  fix: quote a value that begins with *",
        ),
        ("a: @b\n", "f.yaml:1:4: found character '@' that cannot start any token" + QUOTE),
        ("a: &x {b: *x}\n", f"f.yaml:1:1: {DEEP}"),
        ("a: " + "[" * 60 + "]" * 60, f"f.yaml:1:53: {DEEP}"),
        ("[" * 1500 + "]" * 1500, f"f.yaml:1:51: {DEEP}"),
        (BOMB, f"f.yaml:4:1: {DEEP}"),
    ],
)
def test_what_is_not_plain_yaml_is_named(text, expected):
    assert refusal(parse_document, text, "f.yaml") == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: caf\xe9\n", "f.yaml: not UTF-8 at byte 6\n  fix: save the file as UTF-8"),
        (
            b"a: 1\n" * 400_000,
            (
                "f.yaml: 2,000,000 bytes; a YAML file may have at most 1,000,000"
                "\n  fix: put rows in a dataset file; "
                "an alias counts as all the values it stands for"
            ),
        ),
    ],
)
def test_unreadable_file_is_named(tmp_path, content, expected):
    (tmp_path / "f.yaml").write_bytes(content)
    assert refusal(read_document, tmp_path / "f.yaml", display_name="f.yaml") == expected


def test_missing_file_is_named(tmp_path):
    assert refusal(read_document, tmp_path / "f.yaml", display_name="f.yaml") == (
        "f.yaml: no such file\n  fix: check the path"
    )


def test_byte_order_mark_and_crlf_are_read(tmp_path):
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_document(tmp_path / "f.yaml").content == {"a": 1, "b": 2}


def test_place_of_a_piece_is_its_line_and_column():
    document = parse_document("a:\n  - b: 1\n    c: [x, y]\n", "f.yaml", first_line=10)
    places = [("a",), ("a", 0), ("a", 0, "c", 1), ("a", 0, "no", "such"), ("none",)]
    assert [document.where(*place) for place in places] == [
        "f.yaml:10:1",
        "f.yaml:11:5",
        "f.yaml:12:12",
        "f.yaml:11:5",
        "f.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("# nothing\n", ""), ("tracking_uri: http://h:5000\n", "http://h:5000")],
)
def test_project_file_may_say_little(tmp_path, text, expected):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "workbench.yaml").write_text(text)
    assert find_project(tmp_path / "prompts").file.tracking_uri == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "price: {}\n",
            "workbench.yaml:1:1: unknown key 'price'\n"
            "  fix: did you mean 'prices'? known: prices, traces, currency, drain_s, "
            "judge, mlflow_metrics, registry_prefix, tracking_uri",
        ),
        (
            "prices:\n  openai:m: {inptu: 1, output: 2}\n",
            "workbench.yaml:2:14: unknown key in prices.openai:m 'inptu'\n"
            "  fix: did you mean 'input'? known: input, cache_write, cached_input, long_prompt, "
            "output",
        ),
        (
            "prices:\n  openai:m: {input: -1, output: 2}\n",
            (
                "workbench.yaml:2:14: prices.openai:m.input: -1 should be greater than or "
                "equal to 0"
                "\n  fix: write a number from 0 to 1000000000"
            ),
        ),
        (
            "prices:\n  openai:m: {input: 1, output: 2, cached_input: 3}\n",
            "workbench.yaml:2:35: prices.openai:m.cached_input: 3 is above `input`\n"
            "  fix: the price of cached input is the lower one",
        ),
        (
            "prices: {openai:m: 1}\n",
            (
                "workbench.yaml:1:10: prices.openai:m: 1 should be a valid dictionary"
                "\n  fix: write a mapping with input, output, cached_input, cache_write, "
                "long_prompt"
            ),
        ),
        (
            "- a\n",
            "workbench.yaml: ['a'] is not a mapping\n"
            "  fix: use these keys: tracking_uri, registry_prefix, currency, prices, drain_s, "
            "traces, mlflow_metrics, judge",
        ),
        (
            "mlflow_metrics: [cost, latency]\n",
            "workbench.yaml:1:24: mlflow_metrics.1: 'latency' should be 'cost', 'latency_s' or "
            "'tokens'\n  fix: write one of cost, latency_s, tokens",
        ),
    ],
)
def test_bad_project_file_is_named(tmp_path, text, expected):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "workbench.yaml").write_text(text)
    assert refusal(find_project, tmp_path) == expected


def test_folder_without_prompts_is_no_project(tmp_path):
    assert refusal(find_project, tmp_path) == (
        f"{tmp_path}: not a project: no folder `prompts` here or above\n"
        "  fix: workbench init writes a small project that runs at once"
    )


def test_unknown_task_lists_the_tasks_nearest_first(bench):
    bench.write("../sentiment/a.jinja", "x")
    assert refusal(bench.project.task_folder, "sentimant") == (
        "prompts: unknown task 'sentimant'\n  fix: did you mean 'sentiment'? known: sentiment, qa"
    )


def test_environment_wins_over_the_env_file(tmp_path, monkeypatch):
    (tmp_path / "prompts").mkdir()
    (tmp_path / ".env").write_text("WB_TEST_ONE=file\nWB_TEST_TWO='fi le'\n")
    monkeypatch.setenv("WB_TEST_ONE", "shell")
    monkeypatch.delenv("WB_TEST_TWO", raising=False)
    find_project(tmp_path)
    assert [os.environ.get("WB_TEST_ONE"), os.environ.get("WB_TEST_TWO")] == ["shell", "fi le"]


def test_env_file_that_is_no_text_is_named_without_its_content(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / ".env").write_bytes(b"WB_TEST_KEY=\xff\xfesecret\n")
    assert refusal(find_project, tmp_path) == (
        ".env: can't be read\n  fix: save it as UTF-8 text: one NAME=value per line"
    )
