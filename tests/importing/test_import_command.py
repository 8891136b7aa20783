"""`workbench import`: what it writes, reports and refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from openai_server import Reply, say, serve

from workbench.document import read_document

CONFIG = """\
description: Which team answers?
prompts:
  - file://prompts/*.txt
  - label: chat
    raw: |
      [{"role": "system", "content": "You route tickets of {{ company }}."},
       {"role": "user", "content": "Ticket: {{ ticket }}"}]
providers:
  - id: openai:chat:mock
    label: small
    config: {temperature: 0.5, max_tokens: 20, apiBaseUrl: "URL"}
  - anthropic:messages:other
defaultTest:
  vars: {company: Acme}
  assert: [{type: not-icontains, value: sorry}]
tests:
  - description: a charge
    vars: {ticket: "user:\\nMy card"}
    assert: [{type: icontains, value: "{{ company }}"}, {type: python, value: file://check.py}]
  - vars: {ticket: [One, Two]}
    assert: [{type: contains, value: "{{ ticket }}"}]
"""


def write_source(folder: Path, url: str = "http://127.0.0.1:9/v1") -> Path:
    (folder / "triage" / "prompts").mkdir(parents=True)
    source = folder / "triage"
    (source / "promptfooconfig.yaml").write_text(CONFIG.replace("URL", url))
    (source / "prompts" / "short.txt").write_text("Route: {{ ticket }}\n---\nTeam of {{ticket}}?\n")
    (source / "check.py").write_text("raise SystemExit('run')\n")
    return source


def import_json(home: Path, *words: str) -> dict:
    done = invoke(home, "import", *words, "--json")
    return json.loads(done.stdout)


def test_a_configuration_becomes_a_task(tmp_path: Path) -> None:
    write_source(tmp_path)
    (tmp_path / "home").mkdir()
    report = import_json(tmp_path / "home", "../triage")
    assert report["tasks"] == [
        {
            "name": "triage",
            "prompts": ["short", "short_2", "chat"],
            "rows": 3,
            "models": ["openai:mock"],
            "evaluators": 5,
        }
    ]
    shared = ["evaluators/promptfoo_text.py", ".gitignore", "workbench.yaml"]
    assert report["files"] == ["prompts/triage/", *shared]
    task = tmp_path / "home" / "prompts" / "triage"
    assert (task / "chat.jinja").read_text() == (
        "system:\nYou route tickets of {{ company }}.\nuser:\nTicket: {{ ticket }}\n"
    )
    rows = [json.loads(line) for line in (task / "rows.jsonl").read_text().splitlines()]
    assert rows[0] == {
        "id": "1",
        "inputs": {"company": "Acme", "ticket": "user:\nMy card"},
        "expectations": {"icontains": "Acme"},
        "metadata": {"description": "a charge"},
    }
    assert [row["id"] for row in rows] == ["1", "2.1", "2.2"]
    assert [row["expectations"] for row in rows[1:]] == [{"contains": "One"}, {"contains": "Two"}]


def test_the_report_names_what_is_left_out_with_its_line_and_fix(tmp_path: Path) -> None:
    write_source(tmp_path)
    report = import_json(tmp_path, "triage", "--to", "new")
    left_out = [line for line in report["report"] if line["outcome"] == "left out"]
    assert [(line["where"], line["text"]) for line in left_out] == [
        ("promptfooconfig.yaml:12:5", "provider anthropic:messages:other"),
        ("promptfooconfig.yaml:17:5 assert[2]", "assert `python` with code"),
    ]
    assert all(line["fix"] for line in left_out)
    assert report["next"] == "cd new && workbench run triage"


def test_code_of_the_source_is_copied_and_not_run(tmp_path: Path) -> None:
    write_source(tmp_path)
    import_json(tmp_path, "triage", "--to", "new")
    copied = tmp_path / "new" / "prompts" / "triage" / "promptfoo" / "check.py"
    assert copied.read_text() == "raise SystemExit('run')\n"


def test_an_imported_task_runs_at_once(tmp_path: Path) -> None:
    with serve() as server:
        write_source(tmp_path, server.url)
        invoke(tmp_path, "import", "triage", "--to", "new")
        done = invoke(tmp_path / "new", "run", "triage", "--json", "--tracking-uri", "none")
        assert (done.returncode, len(server.requests)) == (0, 9)
        assert server.bodies[0]["max_tokens"] == 20
    variant = next(v for v in json.loads(done.stdout)["variants"] if v["prompt"] == "short")
    metrics = variant["metrics"]
    assert [metrics[name]["mean"] for name in ("contains", "icontains", "not-icontains")] == [
        1.0,
        0.0,
        1.0,
    ]


def test_an_editor_finds_the_schemas_of_the_files(tmp_path: Path) -> None:
    write_source(tmp_path)
    import_json(tmp_path, "triage", "--to", "new")
    for name in ("workbench.yaml", "prompts/triage/experiment.yaml"):
        file = tmp_path / "new" / name
        mark, _, path = file.read_text().splitlines()[0].partition("$schema=")
        assert mark == "# yaml-language-server: "
        assert "properties" in json.loads((file.parent / path).read_text())


def test_settings_of_a_project_stay_as_they_are(tmp_path: Path) -> None:
    write_source(tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "workbench.yaml").write_text("traces: 10\n")
    report = import_json(tmp_path, "triage", "--to", "new")
    assert "workbench.yaml" not in report["files"]
    assert (tmp_path / "new" / "workbench.yaml").read_text() == "traces: 10\n"


# Assertions of two tests, and the evaluator that leads the tables.
LEADERS = {
    "passed": ("[{type: contains, value: b}, {type: equals, value: a}]", "[]"),
    "score": ("[{type: contains, value: b}, {type: equals, value: a}]", "[], threshold: 0.5"),
    "llm-rubric": ("[{type: llm-rubric, value: polite}]", "[]"),
    "both": ("[{type: assert-set, metric: both, assert: [{type: contains, value: a}, {type: "
             "equals, value: a}]}]", "[]"),
}  # fmt: skip


@pytest.mark.parametrize("leader", LEADERS)
def test_the_result_of_a_test_leads(tmp_path: Path, leader: str) -> None:
    tests = "".join(f"  - vars: {{x: a}}\n    assert: {each}\n" for each in LEADERS[leader])
    tests = tests.replace("], threshold", "]\n    threshold")
    text = f"prompts: ['{{{{ x }}}}']\nproviders: [echo, 'openai:chat:m']\ntests:\n{tests}"
    (tmp_path / "promptfooconfig.yaml").write_text(text)
    assert "error" not in import_json(tmp_path, "promptfooconfig.yaml", "--to", "new")
    (file,) = (tmp_path / "new" / "prompts").glob("*/experiment.yaml")
    (settings,) = read_document(file).content["evaluators"][0].values()
    assert settings["name"] == leader


def test_wrong_rows_are_those_that_failed_there(tmp_path: Path) -> None:
    assertions = "[{type: contains, value: a}, {type: equals, value: a}]"
    tests = "".join(f"  - {{vars: {{x: {x}}}, assert: {assertions}}}\n" for x in ("a", "ab", "b"))
    text = f"prompts: ['{{{{ x }}}}']\nproviders: [echo]\ntests:\n{tests}"
    (tmp_path / "promptfooconfig.yaml").write_text(text)
    import_json(tmp_path, "promptfooconfig.yaml", "--to", "new")
    done = invoke(tmp_path / "new", "run", "--show", "wrong", "--tracking-uri", "none")
    assert ": 2 of 3 rows are wrong by passed" in done.stdout
    assert "\n  row 2, 2: 'ab'\n" in done.stdout


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_source(tmp_path)
    assert "error" not in import_json(tmp_path, "triage", "--to", "new")
    error = import_json(tmp_path, "triage", "--to", "new")["error"]
    assert error["message"] == "is there already, and nothing is overwritten"
    assert "--to DIR" in error["fix"]


def test_an_evaluator_file_with_other_content_is_kept_and_nothing_written(tmp_path: Path) -> None:
    write_source(tmp_path)
    (tmp_path / "new" / "evaluators").mkdir(parents=True)
    (tmp_path / "new" / "evaluators" / "promptfoo_text.py").write_text("mine = 1\n")
    error = import_json(tmp_path, "triage", "--to", "new")["error"]
    assert error["message"].startswith("is there already with other content")
    assert not (tmp_path / "new" / "prompts").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("promptfooconfig.yaml", "prompts: [a\nproviders: b: c\n", "expected ',' or ']'"),
        ("promptfooconfig.json", '{"prompts": [\n}', "not JSON"),
        ("promptfooconfig.yaml", "- a\n", "the file is no mapping"),
        ("promptfooconfig.yaml", "prompts: [file://../x.txt]\n", "lies outside of the folder"),
        ("notes.yaml", "a: 1\n", "no kind of file that can be imported"),
        ("image.png", "\0\0", "a binary file"),
        ("promptfooconfig.yaml", f"{'[' * 60}{']' * 60}\n", "nested more than 50 deep"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_with_its_place(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    error = import_json(tmp_path, name, "--to", "new")["error"]
    assert message in error["message"]
    assert error["where"].startswith(name)
    assert not (tmp_path / "new").exists()


def test_a_folder_without_a_known_file_lists_what_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    error = import_json(tmp_path, "empty")["error"]
    assert "promptfoo, configuration: promptfooconfig.yaml" in error["fix"]


def test_equal_lines_are_one_with_a_count(tmp_path: Path) -> None:
    tests = "".join("  - assert: [{type: javascript, value: a}]\n" for _ in range(40))
    (tmp_path / "promptfooconfig.yaml").write_text(
        f"prompts: [Hi]\nproviders: [echo]\ntests:\n{tests}"
    )
    done = invoke(tmp_path, "import", "promptfooconfig.yaml", "--to", "new")
    lines = [line for line in done.stdout.splitlines() if "javascript" in line]
    assert lines == ["  promptfooconfig.yaml:4:5 assert[0]  assert `javascript` (and 39 more)"]


def test_a_link_out_of_the_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").symlink_to(tmp_path / "secret.txt")
    (source / "promptfooconfig.yaml").write_text("prompts: [Hi, file://a.txt]\nproviders: [echo]\n")
    report = import_json(tmp_path, "source", "--to", "new")
    texts = [line["text"] for line in report["report"] if line["outcome"] == "left out"]
    assert texts[0] == "prompt: 'a.txt' lies outside of the folder"


GRADED = """\
prompts: ["Where is {{ place }}?"]
providers: [{id: "openai:chat:mock", config: {apiBaseUrl: "URL"}}]
defaultTest:
  options: {provider: {embedding: {id: "openai:embedding:small", config: {apiBaseUrl: "URL"}}}}
  assert: [{type: similar, value: "{{ place }}", threshold: 0.9}]
tests:
  - vars: {place: Rome}
    assert: [{type: llm-rubric, value: "names {{ place }}"}]
  - vars: {place: Oslo}
"""


def graded_reply(path: str, body: Any, nth: int) -> Reply:
    if path.endswith("embeddings"):
        vector = [1.0, 0.0] if "Rome" in body["input"] else [0.0, 1.0]
        data = [{"index": 0, "object": "embedding", "embedding": vector}]
        return Reply(body={"object": "list", "data": data, "usage": {"prompt_tokens": 1}})
    question = body["messages"][-1]["content"]
    return say("Verdict: yes" if "The rubric" in question else "In Rome.")


def test_similarities_and_rubrics_are_scored_by_models(tmp_path: Path) -> None:
    with serve() as server:
        server.script = graded_reply
        (tmp_path / "promptfooconfig.yaml").write_text(GRADED.replace("URL", server.url))
        report = import_json(tmp_path, "promptfooconfig.yaml", "--to", "new")
        home = tmp_path / "new"
        task = report["tasks"][0]["name"]
        done = invoke(home, "run", task, "--json", "--tracking-uri", "none")
        judged = [b for b in server.bodies if "messages" in b and "The rubric" in str(b)]
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)["variants"][0]["metrics"]
    assert [(metrics[name]["mean"], metrics[name]["n"]) for name in ("similar", "llm-rubric")] == [
        (0.5, 2),
        (1.0, 1),
    ]
    assert len(judged) == 1
    assert "names Rome" in judged[0]["messages"][-1]["content"]


RESULT = {
    "promptIdx": 0,
    "testIdx": 0,
    "provider": {"id": "openai:chat:mock"},
    "prompt": {"raw": "Say cat", "label": "Say {{ word }}"},
    "vars": {"word": "cat"},
    "testCase": {"vars": {"word": "cat"}, "assert": [{"type": "equals", "value": "tac"}]},
    "response": {"output": "tac", "finishReason": "stop"},
    "latencyMs": 120,
}


def test_recorded_answers_of_the_same_conversation_are_not_paid_for_again(tmp_path: Path) -> None:
    changed = {**RESULT, "testIdx": 1, "vars": {"word": "dog"}, "testCase": {"vars": {}}}
    failed = {**RESULT, "testIdx": 2, "vars": {"word": "cow"}, "testCase": {}, "response": {}}
    with serve() as server:
        settings = {"id": "openai:chat:mock", "config": {"apiBaseUrl": server.url}}
        content = {
            "results": {
                "prompts": [{"raw": "Say {{ word }}", "label": "Say {{ word }}"}],
                "results": [RESULT, changed, failed],
            },
            "config": {"providers": [settings]},
        }
        (tmp_path / "triage.json").write_text(json.dumps(content))
        report = import_json(tmp_path, "triage.json", "--to", "new")
        done = invoke(tmp_path / "new", "run", "triage", "--json", "--tracking-uri", "none")
        sent = [body["messages"][0]["content"] for body in server.bodies]
    answers = [
        (line["outcome"], line["text"], line["count"])
        for line in report["report"]
        if line["text"].startswith("answer")
    ]
    assert answers == [
        ("left out", "answer: an error there", 1),
        ("carried", "answer, which isn't paid for again", 1),
        ("left out", "answer: the conversation differs", 1),
    ]
    assert (done.returncode, sorted(sent)) == (0, ["Say cow", "Say dog"])
    metrics = json.loads(done.stdout)["variants"][0]["metrics"]
    assert (metrics["equals"]["mean"], metrics["equals"]["n"]) == (1.0, 1)


@pytest.mark.parametrize("prompt", [None, 7, [], "text"])
def test_a_result_without_a_prompt_is_no_crash(prompt: object, tmp_path: Path) -> None:
    result = {"prompt": prompt, "vars": {}, "response": {"output": "a"}}
    for listed in ({}, {"prompts": [prompt]}):
        content = {
            "results": {**listed, "results": [result]},
            "config": {"prompts": ["x"], "providers": ["echo"]},
        }
        (tmp_path / "results.json").write_text(json.dumps(content))
        done = invoke(tmp_path, "import", "results.json", "--to", "project")
        assert done.returncode == 2, done.stderr
        assert "no prompt can be carried" in done.stderr
