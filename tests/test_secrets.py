"""Secrets are found however they are written, and nothing else is touched."""

import base64
import io
import json
import textwrap
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.cli.project_secrets import project_secrets
from workbench.errors import WorkbenchError
from workbench.report.safe_text import escape_printed, plain
from workbench.secrets import (
    RedactedStream,
    Redactor,
    Secret,
    find_secrets,
    mask_text,
    mask_url,
    quote_value,
)
from workbench.secrets.redacted_pieces import RedactedPieces

VALUE = "sk-proj/4f9+a7\"Q~z'80ünicode"
values = st.text(
    st.characters(codec="ascii", exclude_categories=("C", "Z")), min_size=16, max_size=60
)
texts = st.text(st.characters(codec="utf-8"), max_size=40)


def encoded(value: str) -> dict[str, str]:
    """A secret in the ways that a server or a library may write it."""
    raw = value.encode()
    return {
        "as it is": value,
        "base64": base64.b64encode(raw).decode(),
        "base64 in a header": base64.b64encode(b"user:" + raw).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(b"ab" + raw + b"tail").decode(),
        "in an address": quote(value, safe=""),
        "in a form": quote_plus(value),
        "in JSON": json.dumps(value)[1:-1],
        "in JSON in JSON": json.dumps(json.dumps({"a": value.replace('"', "")})),
        "escaped as in .NET": "".join(c if c.isalnum() else f"\\u{ord(c):04X}" for c in value),
        "escaped as in Go": value.replace("+", "\\u002b").replace("&", "\\u0026"),
        "broken over lines": "\n".join(textwrap.wrap(value, 7, break_on_hyphens=False)),
        "broken in JSON": "\\n".join(textwrap.wrap(value, 7, break_on_hyphens=False)),
        "base64 over lines": base64.encodebytes(raw * 3).decode(),
    }


WAYS = list(encoded(VALUE))


@pytest.mark.parametrize("way", WAYS)
def test_secret_is_found_however_it_is_written(way):
    value = VALUE.replace('"', "") if "JSON in JSON" in way else VALUE
    redactor = Redactor([Secret("KEY", value)])
    written = encoded(VALUE)[way]
    cleaned = redactor.redact(f"before {written} after")
    assert "[secret KEY]" in cleaned
    assert (cleaned.startswith("before "), cleaned.endswith(" after")) == (True, True)
    assert VALUE[4:14] not in cleaned


@pytest.mark.parametrize("way", WAYS)
@given(cuts=st.sets(st.integers(0, 200)))
@settings(max_examples=20)
def test_a_secret_is_in_no_piece_of_a_text(way, cuts):
    value = VALUE.replace('"', "") if "JSON in JSON" in way else VALUE
    redactor = Redactor([Secret("KEY", value)])
    text = f"It is {encoded(value)[way]}, and so it is. "
    pieces = RedactedPieces(redactor)
    ends = sorted(cut for cut in cuts if cut < len(text))
    shown = [
        pieces.feed(text[start:end])
        for start, end in zip([0, *ends], [*ends, len(text)], strict=True)
    ]
    assert redactor.redact(text).startswith("".join(shown))


@given(values, texts, texts)
def test_no_secret_stays_in_a_text(value, before, after):
    cleaned = Redactor([Secret("KEY", value)]).redact(before + value + after)
    assert value not in cleaned.replace("[secret KEY]", "")


@given(texts)
@example("")
def test_text_without_a_secret_stays_as_it_is(text):
    assert Redactor([Secret("KEY", VALUE)]).redact(text) == text


def test_what_is_cleaned_stays_json():
    redactor = Redactor([Secret("KEY", VALUE)])
    data = {"a": [VALUE, 1, None, {VALUE: True}], "b": "other"}
    wanted = {"a": ["[secret KEY]", 1, None, {"[secret KEY]": True}], "b": "other"}
    assert redactor.redact_json(data) == wanted
    assert json.loads(redactor.redact(json.dumps(data))) == wanted


NAMED = [
    ("OPENAI_API_KEY", "a-value-of-16-ch", ["a-value-of-16-ch"]),
    ("OPENAI_API_KEY", "short", []),
    ("HF_TOKEN", " hf_abcdefghijklmnopq\n", ["hf_abcdefghijklmnopq"]),
    ("AWS_SECRET_ACCESS_KEY", "0123456789abcdef/+", ["0123456789abcdef/+"]),
    ("Authorization", "Bearer 0123456789abcdef", ["0123456789abcdef"]),
    ("Authorization", "bearer  0123456789abcdef", ["0123456789abcdef"]),
    ("HOST", "https://0123456789abcdef@host/path", ["0123456789abcdef"]),
    ("X-Api-Key", "0123456789abcdef", ["0123456789abcdef"]),
    ("DATABASE", "postgresql://me:p%40ssword-of-16-x@db/x", ["p@ssword-of-16-x"]),
    ("HOOK", "https://host/path?token=0123456789abcdef&a=b", ["0123456789abcdef"]),
    ("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1", []),
    ("MONKEY", "a name with key in it", []),
    ("max_tokens", "0123456789abcdef", []),
    ("PATH", "/usr/local/bin:/usr/bin", []),
    ("api_key_env", "MY_COMPANY_OPENAI_KEY", []),
    ("HF_TOKEN_PATH", "/root/.cache/huggingface/token", []),
    ("tokenizer", "HuggingFaceTB/SmolLM2-135M", []),
    ("TOKENIZERS_PARALLELISM", "a value of 16 chars", []),
    ("BROKEN", "http://[::1/and more of it", []),
]


@pytest.mark.parametrize(("name", "value", "found"), NAMED)
def test_name_or_address_tells_a_secret(name, value, found):
    assert [secret.value for secret in find_secrets({name: value})] == found


def test_secret_is_found_however_deep_it_stands():
    settings = {"models": [{"openai:m": {"headers": {"X-Token": VALUE}, "timeout_s": 3}}]}
    assert find_secrets(settings) == {Secret("X-Token", VALUE)}


def test_password_in_an_address_is_masked_however_short():
    assert mask_url("postgresql://me:pw@host/db") == "postgresql://me:***@host/db"
    assert mask_url("https://dapi123@host/a") == "https://***@host/a"
    assert (
        mask_url("postgresql://h/db?user=u&password=pw") == "postgresql://h/db?user=u&password=***"
    )
    assert mask_url("sqlite:////a/b.db") == "sqlite:////a/b.db"


def test_stream_writes_no_secret():
    kept = io.StringIO()
    stream = RedactedStream(kept, Redactor([Secret("KEY", VALUE)]))
    stream.write(f"a {VALUE}\n")
    stream.writelines([VALUE[:9], VALUE[9:]])
    stream.flush()
    assert kept.getvalue() == "a [secret KEY]\n[secret KEY]"


SHOWS_NOTHING = [
    *("\u200b", "\xad", "\u2060", "\ufeff", "\u202e", "\u2066", "\u0301", "\ufe0f", "\u034f"),
    *("\x00", "\n", "\r\n", "\t", " ", "\u2028", "\u3164", "\U000e0041", "\x7f", "\x85"),
]
HIDDEN = [
    [*SHOWS_NOTHING, "\x1b", "\x9b"],
    [*SHOWS_NOTHING, "\x1b[31m", "\x1b]8;;http://a\x07", "\x9b1;2H"],
    [*SHOWS_NOTHING, r"\n", r"\u200b", r"\x1b[0m", "%0A", "&#8203;"],
]
keys = st.text(st.sampled_from("abcxyzABCXYZ0123456789-_./+="), min_size=16, max_size=40)


def broken(data: st.DataObject, key: str) -> str:
    """The key with characters inside that show nothing."""
    hidden = st.sampled_from(data.draw(st.sampled_from(HIDDEN)))
    gaps = st.lists(hidden, max_size=2).map("".join)
    return "".join(character + data.draw(gaps) for character in key[:-1]) + key[-1]


@settings(max_examples=60)
@given(keys, st.data())
def test_a_key_is_found_whatever_hides_inside_of_it(key, data):
    if sum(map(str.isalnum, key)) < 8:
        return
    redactor = Redactor([Secret("KEY", key)])
    text = broken(data, key)
    for written in (text, json.dumps(text), json.dumps({"a": f"x {text} y"}, ensure_ascii=False)):
        redacted = redactor.redact(written)
        for cleaned in (plain(redacted), escape_printed(redacted), "".join(redacted.split())):
            assert key.lower() not in cleaned.lower()
        assert "[secret KEY]" in redacted


@given(st.text(alphabet=st.characters(exclude_characters="…."), max_size=60))
def test_a_text_without_the_key_is_left_as_it_is(text):
    assert Redactor([Secret("KEY", "lab-Zk83hq0Ws71mmPq92Lx")]).redact(text) == text


def test_the_beginning_of_a_key_is_a_secret_where_a_text_was_cut():
    redactor = Redactor([Secret("KEY", VALUE), Secret("PLACE", "/home/me/creds/key.json")])
    cut = f"{VALUE[:17]}… '{VALUE[:20]}'… {VALUE[:15]}… {VALUE[:20]} /home/me/creds/key… "
    assert redactor.redact(cut) == (
        f"[secret KEY]… '[secret KEY]'… {VALUE[:15]}… {VALUE[:20]} /home/me/creds/key… "
    )


MASKED = [
    ("'postgres://u:pw@h/db'", "'postgres://u:***@h/db'"),
    ("at https://u:p@w/x@h/v1 now", "at https://u:***@h/v1 now"),
    ("http://h/v1?api-version=1&sig=a%2Fb&x=1", "http://h/v1?api-version=1&sig=***&x=1"),
    ("http://h/v1?key=${NAME}", "http://h/v1?key=${NAME}"),
    ("sqlite:////home/me@work/a.db", "sqlite:////home/me@work/a.db"),
    ("key sk-proj-abc123XYZ_-0.", "key ***."),
    ("hf_abcdefghij0123456789 and ghp_0123456789abcdef", "*** and ***"),
    ("AKIAIOSFODNN7EXAMPLE, xoxb-12345-abc", "***, ***"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s_-1 x", "*** x"),
    ("Authorization: Bearer abc.def-123", "Authorization: ***"),
    ("{'password': 'pw123', \"api_key\": \"abcd\"}", "{'password': '***', \"api_key\": \"***\"}"),
    ("DB_PWD=secret1; API_TOKEN=abcd", "DB_PWD=***; API_TOKEN=***"),
    ("write `api_key_env: NAME`, max_tokens: 1000", "write `api_key_env: NAME`, max_tokens: 1000"),
    ("a task-runner-with-words asks for basic arithmetic", None),
    ("the password: {{ password }}, api_key: …, token: 'x'", None),
    ("{'max_token': 5000, 'eos_token': 'done'}", None),
    ("sk-learn-2024-prompt, hf_llama3_instruct, pa-german-v2-translation", None),
    ("jinaai/jina-embeddings-v2-base-en, npm_config_registry_url", None),
    ("pplx-0a1b2c3d4e5f6a7b, hf_QwErTyUiOpAsDfGhJkLz", "***, ***"),
    ("mail me@x.org, few_shot@3, risk-adjusted-2024-returns", None),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_a_message_masks_what_looks_like_a_key(text, masked):
    assert mask_text(text) == (text if masked is None else masked)


QUOTED = [
    (("pw", "headers", "X-Lab"), "'***'"),
    ((["pw"], "headers", "X-Lab"), "***"),
    (({"openai:m": {"headers": {"X": "pw"}, "api_key": 1}}, "models", 0), None),
    ((1234567890, "api_key_env"), "***"),
    ((["LAB_KEY"], "api_key_env"), "***"),
    (("lots", "parameters", "max_tokens"), "'lots'"),
    ((5000, "parameters", "max_token"), "5000"),
    (("me:pw@h", "tracking_uri"), "'me:***@h'"),
    (("x" * 200,), f"'{'x' * 119}…"),
]


@pytest.mark.parametrize(("arguments", "quoted"), QUOTED)
def test_a_quoted_value_has_no_secret(arguments, quoted):
    expected = quoted or "{'openai:m': {'headers': '***', 'api_key': '***'}}"
    assert quote_value(*arguments) == expected


def test_working_folder_of_a_shell_is_no_secret() -> None:
    assert find_secrets({"PWD": "/home/ann/projects/reviews"}) == set()
    assert [secret.value for secret in find_secrets({"PWD": "hunter2-hunter2-hunter2"})] == [
        "hunter2-hunter2-hunter2"
    ]


SPELLINGS = [
    "models: [{openai:m: {api_key_env: LAB_WORD}}]",
    "models: [{openai:m: {'api_key_env' : LAB_WORD}}]",
    'models: [{openai:m: {"api_key_env":LAB_WORD}}]',
    'models: [{openai:m: {"api\\x5fk\\u0065y_env": LAB_WORD}}]',
    'models: [{openai:m: {api_key_env: "LAB_\\\n  WORD"}}]',
    "models: [{openai:m: {? api_key_env\n : LAB_WORD}}]",
    "models:\n- openai:m:\n    ? api_key_env\n    : LAB_WORD",
    "description: &a api_key_env\nmodels: [{openai:m: {*a : LAB_WORD}}]",
    "base: &a {api_key_env: LAB_WORD}\nmodels: [{openai:m: {<<: *a, seed: 1}}]",
    "models: [{openai:m: {!!str api_key_env: !!str LAB_WORD}}]",
    "evaluators: [{mine: {env: [LAB_WORD]}}]",
    "evaluators:\n- mine:\n    env:\n    # of the lab\n    - LAB_WORD",
    "models: [{openai:m: {headers: {X-Lab: '${LAB_WORD}'}}}]",
    'models: [{openai:m: {headers: {X-Lab: "\\u0024{LAB_WORD}"}}}]',
    "models: [{openai:m: {headers: {X-Lab: >-\n  ${LAB_WORD}\n  }}}]\napi_key_env: LAB_WORD",
    "models: [{openai:m: {headers: {Authorization: Bearer a-word-of-the-lab-7}}}]",
    "max_tokens: 5\nmodels: [{openai:m: {headers: {x-api-key: a-word-of-the-lab-7}}}]",
    "models: [{openai:m: {base_url: 'http://me:a-word-of-the-lab-7@h/v1'}}]",
    'models: [{openai:m: {base_url: "http:\\/\\/me:a-word-of-the-lab-7@h"}}]',
    "models: [{openai:m: {base_url: 'http://h/v1?api_key=a-word-of-the-lab-7'}}]",
    "[not YAML\napi_key_env: LAB_WORD",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_keys_that_an_experiment_file_names_or_holds_are_found_in_any_spelling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("LAB_WORD", "a-word-of-the-lab-7")
    (tmp_path / "prompts" / "qa").mkdir(parents=True)
    (tmp_path / "prompts" / "qa" / "experiment.yaml").write_text(text)
    assert "a-word-of-the-lab-7" in {secret.value for secret in project_secrets(tmp_path)}


def test_rows_without_keys_are_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prompts" / "qa").mkdir(parents=True)
    elsewhere = project_secrets(tmp_path)
    text = "parameters: {max_tokens: 8}\nmodels: [{openai:m: {base_url: http://127.0.0.1/v1}}]\n"
    file = tmp_path / "prompts" / "qa" / "experiment.yaml"
    file.write_text(text + "evaluators: [output_tokens]\nrows:\n" + "- {text: a key}\n" * 9)
    monkeypatch.setattr("workbench.document.parse_document", None)  # a call would raise
    assert project_secrets(tmp_path) == elsewhere


def test_an_error_has_no_key_in_any_of_its_texts() -> None:
    key = "sk-proj-a1b2c3d4e5f6"
    error = WorkbenchError(f"a {key}", where=f"b {key}", fix=f"c {key}")
    shown = {"message": "a ***", "where": "b ***", "fix": "c ***"}
    assert (error.as_json(), str(error), error.args) == (
        shown,
        "b ***: a ***\n  fix: c ***",
        ("a ***",),
    )
    error.message, error.where, error.fix = f"a {key}", f"b {key}", f"c {key}"
    assert (error.as_json(), error.message) == (shown, "a ***")
