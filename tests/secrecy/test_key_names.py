"""Keys that only an experiment file names are refused in templates and shown by no command."""

import base64
import json
import textwrap
from pathlib import Path
from urllib.parse import quote

import pytest
from command import invoke

from workbench.model import Completion, Request
from workbench.store import Store

KEY = "lab-Zk83/hq0Ws71+mmPq92Lx"
EXPERIMENT = """\
dataset: {{path: rows.jsonl, expected: label}}
prompts: [plain]
models: [{model}]
evaluators: [exact_match]
"""
NAMED = {  # each names the variable WORD, whose name says nothing
    "api_key_env": '"openai:m": {base_url: "https://h/v1", api_key_env: WORD}',
    "an alias": '"openai:m": {identity: &v WORD, base_url: "https://h/v1", api_key_env: *v}',
    "a header": '"openai:m": {base_url: "https://h/v1", headers: {X-Lab: "v=${WORD}"}}',
    "Azure": '"openai:m": {base_url: "https://h/v1", headers: {api-key: "${WORD}"}}',
    "base_url": '"openai:m": {base_url: "https://h/v1?v=${WORD}"}',
    "no YAML": '"openai:m": {base_url: "https://h/v1", api_key_env: WORD}, [',
}
SPELLED = {
    "plain": KEY,
    "in capitals": KEY.upper(),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "in an address": quote(KEY, safe=""),
    "in JSON": json.dumps(f"\u200b{KEY[:9]}\n{KEY[9:]}")[1:-1],
    "over lines": "\n".join(textwrap.wrap(KEY, 9, break_on_hyphens=False)),
    "with a soft hyphen": f"{KEY[:9]}\xad{KEY[9:]}",
}
PLACES = {  # of a template and its files
    "the text": {"plain.jinja": "user:\n{{ text }} KEY\n"},
    "a comment": {"plain.jinja": "user:\n{{ text }}{# KEY #}\n"},
    "a partial": {"plain.jinja": 'user:\n{{ text }}{% include "_p.jinja" %}\n', "_p.jinja": "KEY"},
    "the description": {"plain.jinja": "---\ndescription: KEY\n---\nuser:\n{{ text }}\n"},
    "a choice": {"plain.jinja": "---\nchoices: [a, KEY]\n---\nuser:\n{{ text }}\n"},
    "a stop": {"plain.jinja": "---\nstop: KEY\n---\nuser:\n{{ text }}\n"},
    "a tools file": {
        "plain.jinja": "---\ntools: t.json\n---\nuser:\n{{ text }}\n",
        "t.json": '[{"name": "a", "description": "KEY"}]',
    },
}
IN_FILE = {  # of an experiment file
    "description": "description: KEY",
    "a parameter": 'parameters: {user: "KEY"}',
    "a parameter's name": "parameters: {extra_body: {KEY: 1}}",
    "a setting of an evaluator": 'margin: {"KEY": 1}',
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project without tracking whose `.env` has the key."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.jsonl").write_text('{"text": "a", "label": "a"}\n')
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(EXPERIMENT.format(model=NAMED["api_key_env"]))
    (tmp_path / ".env").write_text(f"WORD={KEY}\n")
    (tmp_path / "workbench.yaml").write_text("tracking_uri: none\n")
    return tmp_path


def holds(text: str) -> bool:
    return KEY.lower()[8:] in "".join(text.lower().split())


def refused_push(home: Path) -> tuple[int, str]:
    """`prompts push`, which reads no experiment, to a store that no test reaches."""
    done = invoke(home, "prompts", "push", "--tracking-uri", "http://127.0.0.1:9")
    assert not holds(done.stdout + done.stderr)
    return done.returncode, done.stderr.splitlines()[0]


@pytest.mark.parametrize("way", NAMED)
def test_a_key_is_known_however_an_experiment_names_its_variable(home: Path, way: str) -> None:
    task = home / "prompts" / "qa"
    (task / "experiment.yaml").write_text(EXPERIMENT.format(model=NAMED[way]))
    (task / "plain.jinja").write_text(f"user:\n{{{{ text }}}} {KEY}\n")
    message = "error: prompts/qa/plain.jinja:1: the template contains the value of WORD"
    assert refused_push(home) == (2, message)


@pytest.mark.parametrize("spelling", SPELLED)
def test_a_key_is_refused_however_it_is_written(home: Path, spelling: str) -> None:
    template = f"user:\n{{{{ text }}}} {SPELLED[spelling]}\n"
    (home / "prompts" / "qa" / "plain.jinja").write_text(template)
    message = "error: prompts/qa/plain.jinja:1: the template contains the value of WORD"
    assert refused_push(home) == (2, message)


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_refused_wherever_it_stands_in_a_prompt(home: Path, place: str) -> None:
    for name, text in PLACES[place].items():
        (home / "prompts" / "qa" / name).write_text(text.replace("KEY", KEY))
    code, message = refused_push(home)
    assert (code, message.partition(": the")[2]) == (2, " template contains the value of WORD")


@pytest.mark.parametrize("place", IN_FILE)
def test_a_key_in_an_experiment_file_is_refused(home: Path, place: str) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(file.read_text() + IN_FILE[place].replace("KEY", KEY) + "\n")
    done = invoke(home, "prompts", "lint", "qa")
    assert (done.returncode, holds(done.stdout + done.stderr)) == (2, False)
    assert "the file contains the value of WORD" in done.stdout


def test_no_command_shows_a_key_that_an_experiment_names(home: Path) -> None:
    task = home / "prompts" / "qa"
    rows = [{"text": KEY, "label": KEY, "id": f"r {KEY}"}, {"text": "b", "label": "b", "id": "2"}]
    (task / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (task / "loud.jinja").write_text(f"---\ndescription: {KEY}\n---\nuser:\n{{{{ text }}}} {KEY}\n")
    (home / "evaluators").mkdir()
    (home / "evaluators" / "mine.py").write_text(f'def mine(outputs):\n    """Is {KEY}."""\n')
    (home / ".workbench").mkdir()
    with Store(home / ".workbench") as store:  # as an earlier version stored it
        asked = {"provider": "openai", "model": "openai:m", "identity": {}}
        body = json.dumps({"messages": [{"role": "user", "content": KEY}]})
        completion = Completion("1" * 64, "ok", text="\u200b".join(KEY))
        store.save_completions([(Request("1" * 64, body, key_fields=asked), completion)])
    calls = [
        *(["plan", "qa"], ["plan", "qa", "--json"], ["compare", "qa"], ["gate", "qa"], ["decide"]),
        *(["run", "qa", "--dry-run"], ["history", "qa"], ["sync"], ["evaluators"]),
        *(["prompts", "list"], ["prompts", "list", "--json"], ["prompts", "show", "qa/loud"]),
        *(["prompts", "show", "qa/loud", "--json"], ["prompts", "diff", "qa/plain", "qa/loud"]),
        *(["prompts", "lint"], ["prompts", "lint", "--json", "--examples", "2"]),
        *(["store", "export"], ["store", "export", "--format", "csv"], ["store", "stats"]),
        *(["store", "export", "--out", "a.csv"], ["store", "explain", f"r {KEY}", "--task", "qa"]),
        *(["plan", KEY], ["prompts", "show", f"qa/{KEY}"], ["run", "--only", KEY, "--dry-run"]),
        ["plan", "qa", f"--limit={KEY}"],
    ]
    outputs = {}
    for words in calls:
        done = invoke(home, *words)
        outputs[" ".join(words).replace(KEY, "KEY")] = done.stdout + done.stderr
    outputs["a.csv"] = (home / "a.csv").read_text()
    assert [name for name, text in outputs.items() if holds(text)] == []
    assert [name for name, text in outputs.items() if "workbench failed" in text] == []
