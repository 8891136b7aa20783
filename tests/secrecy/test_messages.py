"""Passwords and keys in settings that are refused: no message shows them."""

from pathlib import Path

import pytest
from command import invoke

PASSWORD = "hunter2pw"
LIKE_KEY = "sk-proj-hunter2pw0123"
EXPERIMENT = "dataset: {path: r.jsonl, expected: label}\nprompts: [a]\nevaluators: [exact_match]\n"
ADDRESSES = [
    "postgres://u:hunter2pw@h/db",
    "HTTPS://u:hunter2pw@h/db",
    "postgres://u:a/b hunter2pw@h/db",
    "postgres://u:p@hunter2pw@h/db",
    "u:hunter2pw@h:5432/db",
    "//u:hunter2pw@h/db",
    "foo://h/db?user=u&password=hunter2pw",
    "foo:///?odbc_connect=PWD%3Dhunter2pw",
]
PROJECT_FILES = [
    *(f'tracking_uri: "{address}"' for address in ADDRESSES),
    "tracking_uri: [postgres://u:hunter2pw@h/db]",
    "tracking_uri: {password: hunter2pw}",
    "tracking_uri: !secret postgres://u:hunter2pw@h/db",
    "tracking_uri: !!int postgres://u:hunter2pw@h/db",
    "tracking_uri: !!float hunter2pw",
    "tracking_uri: !!python/object/apply:os.system [hunter2pw]",
    "tracking_uri: !hunter2pw",
    "tracking_uri: !postgres://u:hunter2pw@h/db x",
    "tracking_uri: *hunter2pw",
    "tracking_uri: &hunter2pw &hunter2pw x",
    "tracking_uri: @hunter2pw",
    "tracking_uri: !hunter2pw!x y",
    'tracking_uri: "postgres://u:hunter2pw@h/\\db"',
    "tracking_uri: 'postgres://u:hunter2pw@h/db",
    "postgres://u:hunter2pw@h/db: 1",
    "postgres://u:hunter2pw@h/db",
    "postgres://u:hunter2pw@h/db: 1\npostgres://u:hunter2pw@h/db: 2",
    "api_key: hunter2pw",
    "currency: sk-proj-hunter2pw0123",
    "prices: {a: {input: postgres://u:hunter2pw@h}}",
    "drain_s: Bearer hunter2pw",
]
MODELS = [
    '- "openai:m": {base_url: ["http://u:hunter2pw@h/v1"]}',
    '- "openai:m": {base_url: "http://u:hunter2pw@h/v1"}',
    '- "openai:m": {base_url: "u:hunter2pw@h/v1"}',
    '- "openai:m": {base_url: "ftp://u:hunter2pw@h/v1"}',
    '- "openai:m": {base_url: "http://h/v1/chat/completions?sig=hunter2pw"}',
    '- "openai:m": {base_url: "https://h/v1", headers: {X-Lab: [hunter2pw]}}',
    '- "openai:m": {base_url: "https://h/v1", headers: hunter2pw}',
    '- "openai:m": {base_url: "https://h/v1", headers: ["X-Lab: hunter2pw"]}',
    '- "openai:m": {base_url: "https://h/v1", headers: {"X-Lab: hunter2pw": ""}}',
    '- "openai:m": {base_url: "https://h/v1", headers: {X-Lab: !!int hunter2pw}}',
    '- "openai:m": {base_url: "https://h/v1", headers: {X-Lab: "hunter2pw é"}}',
    '- "openai:m": {base_url: "https://h/v1"}\n    api_key: hunter2pw',
    '- "openai:m": {base_url: "https://h/v1", api_key: hunter2pw}',
    '- "openai:m": {api_key_env: [hunter2pw]}',
    '- "openai:m": {api_key_env: hunter2-pw hunter2pw}',
    '- "openai:m": {parameters: {extra_body: "Bearer hunter2pw"}}',
    '- "openai:m": {parameters: sk-proj-hunter2pw0123}',
    '- "openai:m": {as: "sk-proj-hunter2pw0123/x"}',
    '- "openai:m": {reasoning: "ghp_hunter2pwhunter2pw"}',
    '- "sk-proj-hunter2pw0123"',
    '"openai:m": {base_url: "https://h/v1", headers: {X-Lab: hunter2pw}}',
]
WORDS = [
    *(("store", "stats", "--tracking-uri", address) for address in ADDRESSES[:3]),
    *(("prompts", "list", "--tracking-uri", address) for address in ADDRESSES),
    *(("prompts", "list", "--json", "--tracking-uri", address) for address in ADDRESSES),
    *(("plan", "qa", address) for address in ADDRESSES[:4]),
    ("plan", "qa", "--limit", ADDRESSES[0]),
    ("plan", "qa", f"--trakcing-uri={ADDRESSES[0]}"),
    ("run", "--max-cost", LIKE_KEY),
    (ADDRESSES[2],),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "r.jsonl").write_text('{"text": "a", "label": "a"}\n')
    (task / "a.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(f"{EXPERIMENT}models: [echo:last]\n")
    return tmp_path


def check_refused(home: Path, *words: str, **variables: str) -> None:
    for more in ((), ("--json",)):
        done = invoke(home, *words, *more, **variables, WORKBENCH_DEBUG="1")
        output = done.stdout + done.stderr
        assert (done.returncode, "error" in output, PASSWORD in output) == (2, True, False), output


@pytest.mark.parametrize("text", PROJECT_FILES)
def test_an_error_in_the_project_file_shows_no_password(home: Path, text: str) -> None:
    (home / "workbench.yaml").write_text(text + "\n")
    check_refused(home, "prompts", "list")


@pytest.mark.parametrize("text", MODELS)
def test_an_error_in_a_model_shows_no_password(home: Path, text: str) -> None:
    file = home / "prompts" / "qa" / "experiment.yaml"
    file.write_text(f"{EXPERIMENT}models:\n  {text}\n")
    check_refused(home, "plan", "qa")


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_an_error_in_the_arguments_shows_no_password(home: Path, words: tuple[str, ...]) -> None:
    check_refused(home, *words)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_error_in_the_environment_shows_no_password(home: Path, address: str) -> None:
    check_refused(home, "prompts", "list", MLFLOW_TRACKING_URI=address)
    (home / ".env").write_text(f'MLFLOW_TRACKING_URI="{address}"\n')
    check_refused(home, "prompts", "list")


def test_an_error_of_ours_shows_no_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_store: object) -> None:
        raise RuntimeError(f"at {ADDRESSES[0]}, {{'api_key': '{PASSWORD}'}}, Bearer {PASSWORD}")

    monkeypatch.setattr("workbench.store.statistics.statistics", lambda *_: fail(None))
    done = invoke(home, "store", "stats", WORKBENCH_DEBUG="1")
    assert (done.returncode, PASSWORD in done.stderr) == (70, False)
    assert "RuntimeError: at postgres://u:***@h/db, {'api_key': '***'}, ***" in done.stderr
