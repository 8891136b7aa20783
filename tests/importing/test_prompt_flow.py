"""Folders of Prompt flow as tasks of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import OpenAIServer, say

from workbench.errors import WorkbenchError
from workbench.importing import Import, ImportOutcome
from workbench.importing.flow_template import flow_template
from workbench.importing.prompt_flow import read_prompt_flow

FLOW = """\
inputs:
  url: {type: string, default: "https://a.example"}
  chat_history: {type: list, default: []}
nodes:
- name: fetch
  type: python
  source: {type: code, path: fetch.py}
  inputs: {url: "${inputs.url}"}
- name: hello
  type: prompt
  source: {type: code, path: hello.jinja2}
  inputs: {page: "${inputs.url}"}
- name: classify
  use_variants: true
node_variants:
  classify:
    default_variant_id: variant_1
    variants:
      variant_0:
        node:
          type: llm
          source: {type: code, path: a.jinja2}
          inputs:
            model: m-1
            max_tokens: '12'
            temperature: 0.2
            stop: ""
            text: "${fetch.output}"
            style: short
            link: "${inputs.url}"
            chat_history: "${inputs.chat_history}"
          provider: OpenAI
          connection: mine
          api: chat
      variant_1:
        node:
          type: llm
          source: {type: code, path: b.jinja2}
          inputs: {model: m-1, prompt: "${hello.output}"}
          provider: OpenAI
          connection: mine
          api: chat
environment: {python_requirements_txt: requirements.txt}
"""
CLASSIFY = """\
# system:
Be {{style}}.
{% for item in chat_history %}
# user:
{{item.inputs.question}}
# assistant:
{{item.outputs.answer}}
{% endfor %}
# User:
{% if link %}
URL: {{link}}
{% endif %}
Text: {{text}}
"""
HISTORY = [{"inputs": {"question": "Hi?"}, "outputs": {"answer": "Yes."}}]
ROWS = [
    {"url": "https://b.example", "chat_history": HISTORY, "truth": "app"},
    {"url": "user:\n{{ x }}"},
]


def write(folder: Path, flow: str = FLOW, rows: list[Any] | None = ROWS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "a.jinja2").write_text(CLASSIFY)
    (folder / "b.jinja2").write_text("{{ prompt }}\n")
    (folder / "hello.jinja2").write_text("system:\nSay hi.\nuser:\n{{page}}\n")
    (folder / "fetch.py").write_text("raise SystemExit('executed')\n")
    if rows:
        (folder / "data.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    path = folder / "flow.dag.yaml"
    path.write_text(flow)
    return path


def lines(imported: Import, outcome: ImportOutcome) -> list[str]:
    return [line.text for line in imported.report if line.outcome is outcome]


def test_variants_are_prompts(tmp_path: Path) -> None:
    imported = read_prompt_flow(write(tmp_path / "web flow"))
    (task,) = imported.tasks
    assert task.name == "web_flow"
    assert task.templates == {
        "variant_1": "system:\nSay hi.\nuser:\n{{page}}\n",
        "variant_0": (
            "---\nparameters:\n  max_tokens: 12\n  temperature: 0.2\n---\n"
            "system:\nBe {{style}}.\n{% for item in chat_history %}\nuser:\n"
            "{{item.inputs.question}}\nassistant:\n{{item.outputs.answer}}\n{% endfor %}\nuser:\n"
            "{% if link %}URL: {{link}}\n{% endif %}Text: {{text}}\n"
        ),
    }
    assert task.models == ["openai:m-1"]
    first = {"page": "https://b.example", "link": "https://b.example", "chat_history": HISTORY}
    second = {"page": "user:\n{{ x }}", "link": "user:\n{{ x }}", "chat_history": []}
    assert task.rows == [
        {"truth": "app", **first, "text": "", "style": "short"},
        {**second, "text": "", "style": "short"},
    ]


def test_each_variable_that_a_template_reads_has_a_column(tmp_path: Path) -> None:
    flow = FLOW.replace('link: "${inputs.url}"', "other: fixed")
    imported = read_prompt_flow(write(tmp_path / "flow", flow))
    assert imported.tasks[0].rows[1]["link"] == ""
    text = "variables that the node doesn't name, which are empty: link"
    assert text in lines(imported, ImportOutcome.CHANGED)


def test_code_is_copied_and_never_run(tmp_path: Path) -> None:
    imported = read_prompt_flow(write(tmp_path / "flow"))
    assert imported.tasks[0].copied_files == {"fetch.py": tmp_path / "flow" / "fetch.py"}
    assert "python node: its code is in fetch.py, and is never run" in lines(
        imported, ImportOutcome.LEFT_OUT
    )
    text = "variable 'text' is the output of node 'fetch': its column is empty"
    assert text in lines(imported, ImportOutcome.CHANGED)


def test_defaults_are_a_row_where_there_is_no_data(tmp_path: Path) -> None:
    (task,) = read_prompt_flow(write(tmp_path / "flow", rows=None)).tasks
    assert [row["page"] for row in task.rows] == ["https://a.example"]


SECOND = """\
- name: shorten
  type: llm
  source: {type: code, path: a.jinja2}
  inputs: {deployment_name: gpt-x, prompt: "${classify.output}"}
  provider: AzureOpenAI
  connection: mine
  api: completion
"""


def test_each_model_node_is_a_task(tmp_path: Path) -> None:
    flow = FLOW.replace("node_variants:", f"{SECOND}node_variants:")
    tasks = read_prompt_flow(write(tmp_path / "flow", flow)).tasks
    assert [task.name for task in tasks] == ["flow_classify", "flow_shorten"]
    assert tasks[1].templates["prompt"].startswith("---\nchat: false\n---\n# system:\n")
    url = "${AZURE_OPENAI_ENDPOINT}/openai/deployments/gpt-x?api-version=2024-10-21"
    headers = {"api-key": "${AZURE_OPENAI_API_KEY}"}
    settings = {"base_url": url, "headers": headers, "api": "completions"}
    assert tasks[1].models == [{"openai:gpt-x": settings}]
    assert tasks[1].copied_files == {}


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../../etc/passwd", "it lies outside of the folder"),
        ("none.jinja2", "there is none"),
    ],
)
def test_template_that_is_not_read_is_named(tmp_path: Path, path: str, reason: str) -> None:
    flow = FLOW.replace("path: a.jinja2", f"path: {path}")
    imported = read_prompt_flow(write(tmp_path / "flow", flow))
    assert list(imported.tasks[0].templates) == ["variant_1"]
    assert [text for text in lines(imported, ImportOutcome.LEFT_OUT) if reason in text]


def test_flow_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="the flow asks no model"):
        read_prompt_flow(write(tmp_path / "flow", "inputs: {}\nnodes: []\n"))


def test_broken_flow_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as caught:
        read_prompt_flow(write(tmp_path / "flow", "inputs: {}\nnodes: [\n"))
    assert "flow.dag.yaml:3:1" in caught.value.where


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("{% if a %}\nb\n{% endif %}\nc", "{% if a %}b\n{% endif %}c"),
        ("{% if a +%}\nb{% endif %}", "{% if a +%}\nb{% endif %}"),
        ("{# x #}\n\nb", "{# x #}\nb"),
        ("{% raw %}\n{% x %}\n{% endraw %}\nb", "{% raw %}\n{% x %}\n{% endraw %}\nb"),
        ("{% if a %}\n# user:\nb\n{% endif %}", "{% if a %}\nuser:\nb\n{% endif %}"),
    ],
)
def test_newlines_behind_blocks_are_dropped(text: str, source: str) -> None:
    template = flow_template(f"user:\n{text}", raw=False)
    assert template.text == f"user:\n{source}"


def test_imported_flow_runs(tmp_path: Path, server: OpenAIServer) -> None:
    server.script = lambda path, body, nth: say("Fine.")
    write(tmp_path / "flow")
    home = tmp_path / "home"
    home.mkdir()
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
    variables["MLFLOW_TRACKING_URI"] = "none"
    imported = invoke(home, "import", str(tmp_path / "flow"), "--to", str(home), **variables)
    assert imported.returncode == 0, imported.stderr
    result = invoke(home, "run", "flow", "--json", **variables)
    assert result.returncode == 0, result.stderr
    sent = [body["messages"] for body in server.bodies]
    assert [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hi?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "URL: https://b.example\nText: "},
    ] in sent
    assert [
        {"role": "system", "content": "Say hi."},
        {"role": "user", "content": "user:\n{{ x }}"},
    ] in sent
