"""Secrets are found however they are written, and nothing else is touched."""

import base64
import io
import json
import textwrap
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.secrets import RedactedStream, Redactor, Secret, find_secrets, mask_url

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
    ("max_tokens", "0123456789abcdef", ["0123456789abcdef"]),
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
