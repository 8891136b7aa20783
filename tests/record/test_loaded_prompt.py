"""`workbench.load_prompt`: for every version the messages that a run sends."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import mlflow
import pytest
from bench import refusal
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient
from pictures import data_url, picture
from recording import Recording

import workbench
from workbench.errors import WorkbenchError
from workbench.project import find_project
from workbench.prompt import parse_reference
from workbench.tracking.mlflow_lookup import RegisteredVersions
from workbench.tracking.registry import push_prompts
from workbench.tracking.tracking_store import connect_to_read

pieces = st.sampled_from(
    [
        "user:\n{{ text }}\n",
        "system:\nBe brief: é “{}” \\ ☃\n",
        "developer:\n{# a note #}Now\n\n",
        "assistant:\n  The answer is\n",
        "\\user:\nplain {{ text | upper }}\n",
        "{% raw %}{{ x }}\nuser:\n{% endraw %}\n",
        "{% for turn in turns %}\nuser:\n{{ turn }}\n\nassistant:\nyes\n{% endfor %}\n",
        '{% include "_style.jinja" %}\n',
        "{% if text %}\nuser:\nif {{ text }}\n{% endif %}\n",
        "\n\n{{ text }}\n",
        "{{ text }} {{ '{{ text }}' }}{%- set y = 1 %}\n",
    ]
)
fronts = st.sampled_from(
    ["", "---\nchat: false\n---\n", "---\nstop: [END]\nparameters: {temperature: 0}\n---\n"]
)
values = st.text(st.sampled_from("a\n {}%\\:é☃"), max_size=8) | st.sampled_from(
    ["user:\nhi", "{{ text }}", "{% for %}", "\\user:", "<|im_start|>"]
)
LOOP = "{% for turn in turns %}\nuser:\n{{ turn }}\n{% endfor %}\nassistant:\nSo\n"


@pytest.fixture
def project(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.chdir(recording.project.root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    recording.bench.write("_style.jinja", "In one word.\n\\assistant:\n")
    return recording


def push(project: Recording, text: str, name: str = "plain") -> None:
    list(push_prompts(project.project, project.uri, [project.bench.prompt(text, name)]))


@given(fronts, st.lists(pieces, min_size=1, max_size=4).map("".join), values, st.lists(values))
@settings(max_examples=40)
@example("", LOOP, "a", ["b", "user:\n"])
@example("---\nchat: false\n---\n", "user:\n{{ text }}\n", "a", [])
def test_the_messages_are_those_that_a_run_sends(
    project: Recording, front: str, body: str, text: str, turns: list[str]
) -> None:
    name = f"p{uuid4().hex[:8]}"
    try:
        prompt = project.bench.prompt(front + body, name)
        row = {"text": text, "turns": turns}
        (sent,) = project.bench.rendered(prompt, row)
    except WorkbenchError:  # no template, or none of this row
        return
    push(project, front + body, name)
    loaded = workbench.load_prompt(f"qa.{name}")
    variables = {key: value for key, value in row.items() if key in loaded.variables}
    expected = sent.text if sent.text is not None else [m.as_json() for m in sent.messages]
    assert loaded.messages(**variables) == expected
    assert workbench.load_prompt(f"qa/{name}").messages(**variables) == expected


def test_every_form_of_a_name_finds_its_version(project: Recording) -> None:
    for number in (1, 2, 3):
        push(project, f"user:\n{number} {{{{ text }}}}\n")
    client = MlflowClient(project.uri, project.uri)
    client.set_prompt_alias("qa.plain", "production", 2)
    project.bench.write("plain.jinja", "user:\nfile {{ text }}\n")
    names = {
        "qa.plain": "3",
        "qa.plain@1": "1",
        "qa.plain@production": "2",
        "prompts:/qa.plain/1": "1",
        "prompts:/qa.plain@production": "2",
        "prompts:/qa.plain@latest": "3",
        "qa/plain": "file",
        "qa/plain@2": "2",
    }
    contents = {
        name: workbench.load_prompt(name).messages(text="x")[0]["content"] for name in names
    }
    assert contents == {name: f"{content} x" for name, content in names.items()}


def test_tools_of_a_version_are_those_of_its_file(project: Recording) -> None:
    tools = "[{name: f, parameters: {type: object, properties: {b: {}, a: {default: null}}}}]"
    turns = "user:\n{{ text }}\nassistant:\n{% tool_call f(a=1) %}\ntool:\n2\n"
    text = f"---\ntools: {tools}\n---\n{turns}"
    push(project, text)
    push(project, text)
    file, loaded = project.bench.prompt(text, "plain"), workbench.load_prompt("qa.plain")
    assert (loaded.version, loaded.prompt.digest) == (1, file.digest)
    assert loaded.settings == {"tools": list(file.settings.tools)}
    assert loaded.messages(text="x")[2] == {
        "role": "tool",
        "content": "2",
        "tool_call_id": "call00001",
    }


def test_files_of_images_are_data_urls(project: Recording) -> None:
    (project.project.root / "a.png").write_bytes(picture())
    push(project, "user:\nWhat?\n{% image photo %}\n")
    part = {"type": "image_url", "image_url": {"url": data_url(picture())}}
    expected = [{"role": "user", "content": [{"type": "text", "text": "What?"}, part]}]
    for name in ("qa.plain", "qa/plain"):
        assert workbench.load_prompt(name).messages(photo="a.png") == expected
    message = refusal(workbench.load_prompt("qa.plain").messages, photo="../a.png")
    assert "the image '../a.png' leads out of the project" in message


def test_a_prefix_may_be_left_out(project: Recording) -> None:
    (project.project.root / "workbench.yaml").write_text("registry_prefix: team\n")
    prompt = project.bench.prompt("user:\nhi\n", "plain")
    list(push_prompts(find_project(Path.cwd()), project.uri, [prompt]))
    for name in ("qa.plain", "team.qa.plain", "prompts:/team.qa.plain/1", "qa/plain@1"):
        assert workbench.load_prompt(name).messages() == [{"role": "user", "content": "hi"}]


def test_wrong_names_get_the_nearest_right_one(project: Recording) -> None:
    push(project, "user:\n{{ text }} {{ label }}\n")
    MlflowClient(project.uri, project.uri).set_prompt_alias("qa.plain", "production", 1)
    load = workbench.load_prompt
    assert "did you mean 'qa.plain'?" in refusal(load, "qa.plian")
    assert "did you mean 'production'?" in refusal(load, "qa.plain@prodction")
    missing = refusal(load, "prompts:/qa.plain/9")
    assert "'qa.plain' has no version 9" in missing
    assert "it has version 1;" in missing
    assert "unknown prompt of task 'qa': 'plian'" in refusal(load, "qa/plian")
    assert "'a b' is not the name of a prompt" in refusal(load, "a b")
    messages = load("qa.plain").messages
    assert refusal(messages, text="x", labl="y").startswith(
        "qa.plain@1:1: unknown variable 'labl'\n  fix: did you mean 'label'?"
    )
    assert refusal(messages) == (
        "qa.plain@1:1: missing variables: text, label\n  fix: pass text=…, label=…"
    )


def test_a_version_with_roles_in_blocks_is_tagged(project: Recording) -> None:
    push(project, LOOP, "looped")
    push(project, "user:\n{{ text }}\n", "flat")
    push(project, "---\nchat: false\n---\n{{ text }}\n", "raw")
    client = MlflowClient(project.uri, project.uri)
    tags = {
        name: client.get_prompt_version(f"qa.{name}", "1").tags.get("workbench.roles", "")
        for name in ("looped", "flat", "raw")
    }
    assert "workbench.load_prompt" in tags.pop("looped")
    assert set(tags.values()) == {""}


def test_the_settings_of_mlflow_stay_as_they_were(
    project: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(project, "user:\nhi\n")
    other = f"sqlite:///{project.project.root}/other.db"
    before, registry_before = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_REGISTRY_URI")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", before)  # mlflow.set_tracking_uri changes it, too
    try:
        mlflow.set_tracking_uri(other)
        del os.environ["MLFLOW_TRACKING_URI"]
        assert workbench.load_prompt("qa.plain", tracking_uri=project.uri).version == 1
        assert mlflow.get_tracking_uri() == other
        assert "MLFLOW_TRACKING_URI" not in os.environ
        assert os.environ.get("MLFLOW_REGISTRY_URI") == registry_before
        # Without an address of its own it reads where the application records.
        assert "other.db" in refusal(workbench.load_prompt, "qa.plain")
    finally:
        mlflow.set_tracking_uri(before)


def test_importing_the_package_imports_no_mlflow() -> None:
    code = "import sys, workbench; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_versions_are_listed_once_for_all_references(project: Recording) -> None:
    texts = [f"user:\nText {number}: {{{{ text }}}}" for number in range(1, 4)]
    for text in texts:
        push(project, text)
    store, searches = connect_to_read(project.project, project.uri), list[str]()

    def search(name: str, **options: object) -> object:
        searches.append(name)
        return store.client.search_prompt_versions(name, **options)

    client = SimpleNamespace(search_prompt_versions=search)
    versions = RegisteredVersions(replace(store, client=client))
    prompts = [versions.read("qa.plain", parse_reference(f"plain@{n}")) for n in (1, 2, 3)]
    assert [prompt.source for prompt in prompts] == texts
    assert searches == ["qa.plain"]
