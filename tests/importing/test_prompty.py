"""Prompty files, of both versions, as tasks of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, say

from workbench.errors import WorkbenchError
from workbench.importing import Import, ImportOutcome
from workbench.importing.mustache import mustache_source
from workbench.importing.prompty import read_prompty

AZURE = """\
model:
  api: chat
  configuration:
    type: azure_openai
    azure_endpoint: ${env:AZURE_OPENAI_ENDPOINT}
    azure_deployment: gpt-x
    api_version: 2024-10-21
    api_key: sk-abc123
  parameters: {temperature: 0.2, max_tokens: 30, response_format: {type: json_object}, foo: 1}
"""
BODY = "system:\nBe brief.\n\nuser:\n{{question}}\n"


def write(folder: Path, front: str, body: str = BODY) -> Path:
    path = folder / "basic.prompty"
    path.write_text(f"---\n{front}---\n{body}" if front else body)
    return path


def lines(imported: Import, outcome: ImportOutcome) -> list[str]:
    return [line.text for line in imported.report if line.outcome is outcome]


def test_first_version(tmp_path: Path) -> None:
    front = (
        f"name: Basic\ndescription: Answers\nauthors: [ann]\n{AZURE}sample: {{question: Why?}}\n"
    )
    imported = read_prompty(write(tmp_path, front))
    (task,) = imported.tasks
    assert task.name == "basic"
    assert task.templates == {
        "prompt": (
            "---\ndescription: Answers\nparameters:\n  temperature: 0.2\n  max_tokens: 30\n"
            f"  response_format:\n    type: json_object\n---\n{BODY}"
        )
    }
    url = "${AZURE_OPENAI_ENDPOINT}/openai/deployments/gpt-x?api-version=2024-10-21"
    headers = {"api-key": "${AZURE_OPENAI_API_KEY}"}
    assert task.models == ({"openai:gpt-x": {"base_url": url, "headers": headers}},)
    assert task.rows == [{"question": "Why?"}]
    left_out = lines(imported, ImportOutcome.LEFT_OUT)
    assert "the key in api_key, which is written nowhere" in left_out
    assert "parameter foo" in left_out
    assert "sk-abc123" not in f"{imported}"


def test_second_version(tmp_path: Path) -> None:
    front = """\
model: {id: m-1, provider: openai, options: {temperature: 0, maxOutputTokens: 20, topP: 0.5}}
inputs:
  - {name: question, kind: string, default: Why?}
  - {name: past, kind: thread}
outputs: [{name: answer, kind: string, description: Short.}]
tools:
  - {name: look, kind: function, parameters: {properties: [{name: x, kind: float}]}}
  - {id: bing, type: web_search}
"""
    imported = read_prompty(
        write(tmp_path, front, "Be brief.\n\n{{past}}\n\nUser:\n{{question}}\n")
    )
    (task,) = imported.tasks
    source = task.templates["prompt"]
    assert source.endswith(
        "---\nsystem:\nBe brief.\n\n{% messages past %}\n\nuser:\n{{question}}\n"
    )
    assert "max_tokens: 20" in source
    assert "top_p: 0.5" in source
    assert "response_schema:\n  type: object\n  properties:\n    answer:" in source
    assert "- name: look\n" in source
    assert task.models == ("openai:m-1",)
    assert task.rows == [{"question": "Why?", "past": []}]
    assert "tool 'bing'" in lines(imported, ImportOutcome.LEFT_OUT)


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ("# System:\na\n\n## user:\nb", "system:\na\n\nuser:\nb\n"),
        ("Only text.", "system:\nOnly text.\n"),
        ('user[name="Ann"]:\na', "user:\na\n"),
        ("user:\na\n![thread]\nb", "user:\na\n{% messages thread %}\n\nuser:\nb\n"),
        ("user:\n![x]({{ url }})", "user:\n{% image url %}\n"),
        ('user:\n![x](https://a.b/c.png "t")', 'user:\n{% image "https://a.b/c.png" %}\n'),
        ("user:\n![x](../../etc/passwd)a", "user:\na\n"),
    ],
)
def test_role_lines_are_ours(tmp_path: Path, body: str, source: str) -> None:
    (task,) = read_prompty(write(tmp_path, "model: m-1\nsample: {url: a}\n", body)).tasks
    assert task.templates == {"prompt": source}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("{% if formal %}Dear {{ name }}{% endif %}", ["formal", "name"]),
        ("{% for each in parts %}{{ each }}{% endfor %}", ["parts"]),
        ("{% set a = b %}{{ a|join(c) }}", ["b", "c"]),
        ("{{ 'x' if d is defined else e[0].f }}", ["d", "e"]),
        ("{% for a in b if a > c %}{{ loop.index }}{% endfor %}{{ a }}", ["a", "b", "c"]),
        ("{% macro m(x) %}{{ x }}{{ y }}{% endmacro %}{{ m(1) }}", ["y"]),
    ],
)
def test_each_variable_that_is_read_has_a_column(
    tmp_path: Path, body: str, names: list[str]
) -> None:
    imported = read_prompty(write(tmp_path, "name: Basic\n", f"user:\n{body}\n"))
    (row,) = imported.tasks[0].rows
    assert sorted(row) == names
    (text,) = (line for line in lines(imported, ImportOutcome.CHANGED) if "variables" in line)
    assert sorted(text.partition(": ")[2].split(", ")) == names


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("a\n{% if %}\n", "line 3 of the template: Expected an expression"),
        ("{% include 'a.txt' %}\n", "line 2 of the template: `include`"),
    ],
)
def test_a_template_that_jinja_refuses_is_named(tmp_path: Path, body: str, text: str) -> None:
    imported = read_prompty(write(tmp_path, "name: Basic\n", f"user:\n{body}"))
    assert text in "\n".join(lines(imported, ImportOutcome.LEFT_OUT))


def test_image_beside_the_file_is_copied(tmp_path: Path) -> None:
    picture = tmp_path / "pic.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    (task,) = read_prompty(write(tmp_path, "model: m-1\n", "user:\n![x](./pic.png)")).tasks
    assert task.templates == {"prompt": 'user:\n{% image "pic.png" %}\n'}
    assert task.copied_files == {"pic.png": picture}


@pytest.mark.parametrize("name", ["rows.json", "${file:rows.json}"])
def test_sample_of_a_file(tmp_path: Path, name: str) -> None:
    rows = [{"question": "a\nsystem:\nb"}, {"question": "{{ x }}"}]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (task,) = read_prompty(write(tmp_path, f"model: m-1\nsample: {name}\n")).tasks
    assert task.rows == rows


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../x.json", "it lies outside of the folder"),
        ("/etc/passwd", "it lies outside of the folder"),
        ("link.json", "it lies outside of the folder"),
        ("none.json", "there is none"),
        (".", "it is a folder"),
        ("broken.json", "not JSON"),
    ],
)
def test_sample_that_is_not_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    imported = read_prompty(write(tmp_path, f"model: m-1\nsample: {name}\n"))
    assert [text for text in lines(imported, ImportOutcome.LEFT_OUT) if reason in text]
    assert imported.tasks[0].rows == [{"question": ""}]


@pytest.mark.parametrize(
    ("front", "where"),
    [("a: [\n", "basic.prompty:3:1"), ("[]\n", "basic.prompty:2"), ("a: 1\na: 2\n", ":3:1")],
)
def test_broken_front_matter_is_named(tmp_path: Path, front: str, where: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        read_prompty(write(tmp_path, front))
    assert where in caught.value.where


VALUES: dict[str, Any] = {"names": [{"n": "a"}], "words": ["x"], "ann": {"age": 3}, "yes": True}


@pytest.mark.parametrize(
    ("text", "source", "unclear"),
    [
        ("{{yes}} {{{yes}}} {{& yes}}", "{{ yes }} {{ yes }} {{ yes }}", []),
        (
            "{{#names}}{{n}} {{yes}}{{/names}}",
            "{% for names_entry in names %}{{ names_entry.n }} {{ yes }}{% endfor %}",
            [],
        ),
        (
            "{{#words}}{{.}}{{/words}}",
            "{% for words_entry in words %}{{ words_entry }}{% endfor %}",
            [],
        ),
        ("{{#ann}}{{age}}{{/ann}}", "{% if ann %}{{ ann.age }}{% endif %}", []),
        ("{{#yes}}a{{/yes}}", "{% if yes %}a{% endif %}", []),
        ("{{^yes}}b{{/yes}}", "{% if not yes %}b{% endif %}", []),
        ("{{! note }}{% x %}", '{{ "{%" }} x %}', []),
        ("{{> part}}", "", ["{{> part}}"]),
        ("{{#zip}}a{{/zip}}", "{% if zip %}a{% endif %}", ["{{#zip}}"]),
        ("{{#yes}}a", "{% if yes %}a{% endif %}", ["{{#yes}} without an end"]),
        ("{{/yes}}", "", ["{{/yes}}"]),
        ("{{a b}}", "", ["{{a b}}"]),
    ],
)
def test_mustache_is_jinja(text: str, source: str, unclear: list[str]) -> None:
    result = mustache_source(text, VALUES)
    assert (result.text, result.unclear) == (source, unclear)


def test_imported_prompty_runs(tmp_path: Path, server: OpenAIServer) -> None:
    front = (
        f"{AZURE}inputs: {{name: {{type: string}}, question: {{type: string}}}}\nsample: s.json\n"
    )
    (tmp_path / "s.json").write_text(json.dumps({"question": "a\nsystem:\n{{ b }}"}))
    path = write(
        tmp_path, front, "# System:\nHello {{name}}{{unknown}}.\n\n# User:\n{{question}}\n"
    )
    server.script = lambda path, body, nth: say("Fine.")
    server.paths = ("/openai/deployments/gpt-x/chat/completions?api-version=2024-10-21",)
    home = tmp_path / "home"
    home.mkdir()
    variables = {"AZURE_OPENAI_ENDPOINT": server.url.removesuffix("/v1")}
    variables |= {"AZURE_OPENAI_API_KEY": "k", "MLFLOW_TRACKING_URI": "none"}
    imported = invoke(home, "import", str(path), "--to", str(home), **variables)
    assert imported.returncode == 0, imported.stderr
    result = invoke(home, "run", "basic", "--json", **variables)
    assert result.returncode == 0, result.stderr
    (sent,) = server.bodies
    assert sent["messages"] == [
        {"role": "system", "content": "Hello ."},
        {"role": "user", "content": "a\nsystem:\n{{ b }}"},
    ]
    assert sent["response_format"] == {"type": "json_object"}
    assert server.requests[0].headers["api-key"] == "k"
