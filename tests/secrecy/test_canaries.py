"""Planted secrets, echoed in eight encodings, are never written."""

import base64
import json
import os
import sqlite3
import stat
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from command import invoke
from openai_server import OpenAIServer, Reply, answer, refuse

from workbench.report.safe_text import plain

NAMES = [
    "LOCAL_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "HF_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GITHUB_TOKEN",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "DATABASE_PASSWORD",
    "SERVICE_SECRET",
    "SIGNING_PRIVATE_KEY",
]
# Not variables of their own: a header, a body, an address of a database, a query, a .env file,
# and a variable in a header, whose name says nothing.
PLACES = ["header", "body", "address", "query", "dotenv_token", "dotenv_password", "cookie", "lab"]


def canary(name: str) -> str:
    """A value like a key's: letters, digits and signs that encodings change."""
    seed = base64.b85encode(name.encode() * 3).decode()[:12]
    return f"cn+{name.lower()[:9].replace('_', '/')}={seed.replace(chr(36), 'Q')}~9"


CANARIES = {name: canary(name) for name in [*NAMES, *PLACES]}


def encodings(value: str) -> dict[str, str]:
    raw = value.encode()
    return {
        "raw": value,
        "base64": base64.b64encode(raw).decode(),
        "base64 after a name": base64.b64encode(b"u:" + raw).decode(),
        "in an address": quote(value, safe=""),
        "escaped": json.dumps(value)[1:-1],
        "in capitals": value.upper(),
        "zero-width": "\u200b".join(value),
        "colours": "\x1b[31m".join(value),
        "broken over lines": "\n".join(textwrap.wrap(value, 9, break_on_hyphens=False)),
    }


EVERYTHING = " | ".join(text for value in CANARIES.values() for text in encodings(value).values())


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A project full of secrets, and an endpoint that echoes all of them."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = ["plain", "error", "server error", "model", "no json", f"row {CANARIES['HF_TOKEN']}"]
    (task / "rows.jsonl").write_text(
        "\n".join(json.dumps({"text": row, "label": row}) for row in rows)
    )
    (task / "ask.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl, expected: label}\n"
        "prompts: [ask]\n"
        "models:\n"
        f'  - "openai:m": {{base_url: "{server.url}", api_key_env: LOCAL_KEY, backoff_s: 0.01,\n'
        f"      headers: {{X-Api-Key: {json.dumps(CANARIES['header'])},\n"
        f'                 Cookie: {json.dumps(CANARIES["cookie"])}, X-Lab: "${{LAB_WORD}}"}}}}\n'
        f"parameters: {{extra_body: {{access_token: {json.dumps(CANARIES['body'])}}}}}\n"
        "evaluators: [exact_match, chatty]\n"
        "max_failed: 100\n"
    )
    evaluators = tmp_path / "evaluators"
    evaluators.mkdir()
    (evaluators / "chatty.py").write_text(
        "from workbench.evaluator import Score\n\n\n"
        "def chatty(outputs: str, inputs: dict) -> Score:\n"
        '    print("judging", outputs, inputs)\n'
        '    if "model" in str(inputs):\n'
        '        raise ValueError(f"no idea about {outputs} {inputs}")\n'
        '    return Score(1.0, reason=f"because of {outputs}")\n'
    )
    (tmp_path / ".env").write_text(
        f"OTHER_TOKEN={CANARIES['dotenv_token']}\nDB_PASSWORD='{CANARIES['dotenv_password']}'\n"
        f"LAB_WORD={CANARIES['lab']}\n"
    )
    server.script = repeat_everything
    return tmp_path


def repeat_everything(path: str, body: dict, nth: int) -> Reply:
    question = body["messages"][-1]["content"]
    if question == "error":
        return refuse(400, f"bad request with {EVERYTHING}")
    if question == "server error" and nth == 1:
        return refuse(500, f"trace: {EVERYTHING}")
    if question == "model":
        return Reply(body=answer(EVERYTHING, model=f"model of {CANARIES['LOCAL_KEY']}"))
    if question == "no json":
        return Reply(body=f"<html>{EVERYTHING}</html>".encode())
    return Reply(
        body=answer(f"{question}: {EVERYTHING}", finish=EVERYTHING, echoed={"env": CANARIES})
    )


def call(home: Path, *words: str) -> str:
    """Output of a command on both streams."""
    variables = {
        **{name: CANARIES[name] for name in NAMES},
        "BACKUP_DATABASE": f"postgresql://me:{quote(CANARIES['address'], safe='')}@db/x",
        "WEBHOOK": f"https://hooks.example/x?token={quote(CANARIES['query'], safe='')}",
        "WORKBENCH_DEBUG": "1",
    }
    done = invoke(home, *words, **variables)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def written(home: Path) -> Iterator[tuple[str, str]]:
    """Every file below .workbench as text, and every cell of every database (cells span pages)."""
    for file in sorted((home / ".workbench").rglob("*")):
        if not file.is_file():
            continue
        content = file.read_bytes()
        yield str(file), content.decode("latin-1")
        if content.startswith(b"SQLite format 3"):
            with closing(sqlite3.connect(file)) as db:
                tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                for (table,) in tables.fetchall():
                    for row in db.execute(f'SELECT * FROM "{table}"'):
                        yield f"{file}:{table}", "\n".join(map(str, row))


def find_leaks(text: str) -> list[str]:
    """Secrets in a text and their encodings, with and without line breaks."""
    packed = "".join(plain(text).split()).replace("\\n", "").replace("\\\\", "\\")
    packed = packed.replace("\\u200b", "").replace("\\u001b[31m", "").replace("[31m", "")
    hits = []
    for name, value in CANARIES.items():
        core = base64.b64encode(value.encode()).decode()[:-4]
        shifted = base64.b64encode(b"u:" + value.encode()).decode()[4:-4]
        forms = {
            value.upper(),
            value,
            quote(value, safe=""),
            json.dumps(value)[1:-1],
            core,
            shifted,
        }
        hits += [f"{name}: {form}" for form in forms if form in text or form in packed]
    return hits


@pytest.mark.slow
def test_no_secret_is_written_anywhere(home, server):
    output = "".join(
        call(home, *words)
        for words in (
            ("plan", "--json"),
            ("run",),
            ("run", "--json"),
            ("run", "--retry-failed"),
            ("plan",),
        )
    )
    (sent,) = {request.headers["authorization"] for request in server.requests}
    assert sent == f"Bearer {CANARIES['LOCAL_KEY']}"
    assert {request.headers["x-api-key"] for request in server.requests} == {CANARIES["header"]}
    assert {request.headers["x-lab"] for request in server.requests} == {CANARIES["lab"]}
    assert {body["access_token"] for body in server.bodies} == {CANARIES["body"]}
    assert CANARIES["HF_TOKEN"] not in {body["messages"][-1]["content"] for body in server.bodies}
    assert "rows: a secret was redacted in 1 of 6 rows" in output
    assert "[secret LOCAL_KEY]" in output
    everything = [("terminal", output), *written(home)]
    assert [place for place, _ in everything if place.endswith("mlflow.db:assessments")]
    assert {place: hits for place, text in everything if (hits := find_leaks(text))} == {}


def test_a_template_that_holds_a_secret_is_refused(home, server):
    (home / "prompts" / "qa" / "ask.jinja").write_text(
        f"user:\n{{{{ text }}}} {CANARIES['OPENAI_API_KEY']}\n"
    )
    output = call(home, "run")
    assert output.startswith("error: prompts/qa/ask.jinja:1: the template contains the value of ")
    assert find_leaks(output) == []
    assert server.requests == []


@pytest.mark.slow
def test_what_a_run_writes_is_for_its_owner_only(home, server):
    before = os.umask(0)
    try:
        call(home, "run")
    finally:
        os.umask(before)
    store = home / ".workbench"
    modes = {
        str(path.relative_to(home)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in [store, *store.rglob("*")]
        if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
    }
    assert modes == {}
