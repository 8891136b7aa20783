"""Scores of the evaluators of safety: personal data and credentials, and texts that look alike."""

import base64
import json
import string
from pathlib import Path
from random import Random

import pytest

from workbench.errors import WorkbenchError
from workbench.evaluator import Spec
from workbench.evaluator.lookup import load_evaluator
from workbench.evaluators._personal_data import find_personal_data
from workbench.evaluators.credentials import credentials
from workbench.evaluators.pii import pii

ROOT = Path("/nowhere")
PERSONAL = [
    ("a@b.de", "email"),
    ("john.doe+x@mail.co.uk.", "email"),
    ("<ann@x.org>", "email"),
    ("+49 30 1234567", "phone"),
    ("+14155552671", "phone"),
    ("+1 (415) 555-2671", "phone"),
    ("(415) 555-2671", "phone"),
    ("415-555-2671", "phone"),
    ("415.555.2671", "phone"),
    ("1-415-555-2671", "phone"),
    ("030 1234567", "phone"),
    ("030/1234567", "phone"),
    ("0171-1234567", "phone"),
    ("06 12 34 56 78", "phone"),
    ("020 7946 0958", "phone"),
    ("+33 6 12 34 56 78", "phone"),
    ("phone: 5551234", "phone"),
    ("4111 1111 1111 1111", "credit_card"),
    ("4111111111111111", "credit_card"),
    ("5500-0000-0000-0004", "credit_card"),
    ("378282246310005", "credit_card"),
    ("DE89 3704 0044 0532 0130 00", "iban"),
    ("DE89370400440532013000", "iban"),
    ("GB82 WEST 1234 5698 7654 32", "iban"),
    ("FR1420041010050500013M02606", "iban"),
    ("536-22-1234", "us_ssn"),
    ("SSN: 536 22 1234", "us_ssn"),
    ("8.8.4.4", "ip_address"),
    ("2001:4860:4860::8888", "ip_address"),
    ("born on 3 May 1990", "date_of_birth"),
    ("DOB: 01/02/1985", "date_of_birth"),
    ("Geburtsdatum: 3.5.1990", "date_of_birth"),
    ("IBAN DE89370400440532013000.", "iban"),
    ("(0171) 123 45 67", "phone"),
    ("0049 30 1234567", "phone"),
    ("+44 20 7946 0958", "phone"),
]
# Dates, numbers of books, versions, private addresses, examples, wrong check digits.
NOT_PERSONAL = [
    "2023-12-01",
    "12/01/2023",
    "01-12-2023",
    "978-0-306-40615-7",
    "0-306-40615-2",
    "0-19-852663-6",
    "127.0.0.1",
    "192.168.1.1",
    "10.0.0.1",
    "version 8.8.4.4",
    "v1.2.3.4",
    "0.123456789",
    "3.14159265358979",
    "1234 5678 9012 3456",
    "4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 01",
    "000-12-3456",
    "user@example.com",
    "@handle",
    "a@b",
    "12:30:45",
    "std::vector",
    "de:ad:be:ef:00:01",
    "fe80::1",
    "::1",
    "550e8400-e29b-41d4-a716-446655440000",
    "1,234,567",
    "2024",
    "100-200-300",
    "10-20-30-4000",
    "born in 1990",
    "born on 14 March 1879",
    "call 911",
    "42 km",
    "1 000 000 000",
    "2 147 483 647",
    "1701388800",
    "20231201123045",
    "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "0 1 2 3 4 5 6 7 8 9",
    "01 02 03 04",
    "ISO 8601",
    "RFC 2822",
    "$1,200-1,500",
    "2010-2020",
    "4:3",
    "1/2/3",
    "192.168.0.0/16",
    "Pi is 3.14",
    "0800",
    "12345",
    "12345-6789",
    "100 200 3000",
    "pages 415-425",
    "chapter 1.2.3.4",
    "0x1F",
    "1e10",
    "H2O",
    "555-1234",
    "0-0-0",
    "0 000 000 000",
    "GB29 NWBK",
    "dead::beef:1",
    "1990-05-03 born",
]
_DRAW = Random(3)
_BASE62 = string.ascii_letters + string.digits
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# A prefix stands apart from the rest, so that no scanner takes this file for a leak.


def _random(length: int, alphabet: str = _BASE62) -> str:
    return "".join(_DRAW.choice(alphabet) for _ in range(length))


def _part(content: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


CREDENTIALS = [
    ("sk" + f"-{_random(20)}T3BlbkFJ{_random(20)}", "openai_key"),
    ("sk" + f"-proj-{_random(48)}", "openai_key"),
    ("Your key: `sk" + f"-proj-{_random(48)}`.", "openai_key"),
    ("sk" + f"-ant-api03-{_random(93)}AA", "anthropic_key"),
    ("AKI" + f"A{_random(16, _BASE32)}", "aws_access_key"),
    ("gh" + f"p_{_random(36)}", "github_token"),
    ("github" + f"_pat_{_random(22)}_{_random(59)}", "github_token"),
    ("gl" + f"pat-{_random(20)}", "gitlab_token"),
    ("xo" + f"xb-263594206564-2343594206574-{_random(24)}", "slack_token"),
    ("AI" + f"za{_random(35)}", "google_api_key"),
    ("sk" + f"_live_{_random(24)}", "stripe_key"),
    ("hf" + f"_{_random(34, string.ascii_letters)}", "hugging_face_token"),
    (f"{_part({'alg': 'HS256'})}.{_part({'sub': '1'})}.{_random(43)}", "jwt"),
    (f"-----BEGIN RSA PRIVATE KEY-----\n{_random(64)}\n{_random(64)}", "private_key"),
    (f"-----BEGIN PRIVATE KEY-----\nMIIE{_random(60)}", "private_key"),
    ("password=Tr0ub4dor&3x", "assigned_secret"),
    ("DB_PASSWORD: 'hunter2Xq!9'", "assigned_secret"),
    (f'api_key = "{_random(32)}"', "assigned_secret"),
    (f"token: {_random(40, '0123456789abcdef')}", "assigned_secret"),
    (f"SECRET_KEY='{_random(50)}'", "assigned_secret"),
    ("The password is: Xk29-fLp0!z", "assigned_secret"),
    (f"aws_secret_access_key = {_random(40)}", "assigned_secret"),
    (f'"client_secret": "{_random(30)}"', "assigned_secret"),
]
# Identifiers, digests, encoded data, code that reads secrets, placeholders, examples.
NO_CREDENTIALS = [
    "550e8400-e29b-41d4-a716-446655440000",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "978-3-16-148410-0",
    "1.2.3-rc.4+build.5",
    "2023-12-01T10:20:30.123Z",
    "1701388800123",
    "sk-your-key-here",
    "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sk-fading-circle-container-element-with-a-long-name",
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    'api_key = os.environ["API_KEY"]',
    "password: str",
    "token = tokenizer.encode(text)",
    "max_tokens=1024",
    "max_tokens: 12345678",
    "password = getpass.getpass()",
    "secret: ${SECRET_VALUE_1}",
    "password=<your password>",
    "PASSWORD=changeme123",
    'token: "abcdef123456"',
    "password: ********",
    "password: hunter2",
    "api_key=API_KEY_PLACEHOLDER",
    "the secret is: kindness",
    "password: at least 8 characters",
    "The password must be: long",
    "token=${{ secrets.GITHUB_TOKEN }}",
    "access_token: process.env.ACCESS_TOKEN_2",
    "key = 42",
    "passwordHash = bcrypt.hash(p, 10)",
    "eyJhbGciOi",
    "-----BEGIN PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
    "git clone https://github.com/openai/openai-python",
    "https://x.org/?token=",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    'integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"',
    "commit 3f2504e04f8911d39a0c0305e82c3301",
    "0xdeadbeefcafebabe0123456789abcdef",
    "bitcoin:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7",
    "tokenize=True",
    "secret_santa: Alexander",
    "SecretStr",
    "PasswordField(max_length=128)",
    "password_min_length: 12",
    'api_key: "..."',
    "token: Bearer <token>",
    "Authorization: Bearer token",
    "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx",
    "xoxb-your-token",
    "hf_hub_download",
    "AIzaYourKeyHere",
    "SK-2024-0001-ABCD",
    "sk-learn-contrib-package-name-which-is-very-long-indeed",
    "mask-token: [MASK]",
    "password=password123",
    "import secrets; secrets.token_hex(16)",
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
    "UPC 036000291452",
    "LG-2023-PROD-0001",
    "task-0001-implement-login-form-with-validation",
    "disk-usage-report-2023-12-01-final-version-0002",
    "token: EndOfTextToken",
    "secret: https://vault.internal/secret/path1",
]


@pytest.mark.parametrize(("text", "kind"), PERSONAL)
def test_personal_data_is_found_and_masked(text, kind):
    score = pii(f"Here it is: {text}")
    (datum,) = find_personal_data(text)
    assert (score.value, score.label) == (True, kind)
    assert datum.text not in score.reason


def test_texts_that_look_like_personal_data_are_none():
    assert [text for text in NOT_PERSONAL if pii(f"See {text} there.").value] == []


@pytest.mark.parametrize(
    ("settings", "value", "label"),
    [
        ({}, True, "email, phone"),
        ({"kinds": ["phone"]}, True, "phone"),
        ({"kinds": ["iban"]}, False, ""),
        ({"allowed": ["Help@Acme.com"]}, True, "phone"),
        ({"allowed": ["help@acme.com", "+49301234567"]}, False, ""),
    ],
)
def test_settings_of_pii(settings, value, label):
    score = pii("Write to help@acme.com or call +49 30 1234567.", **settings)
    assert (score.value, score.label) == (value, label)


@pytest.mark.parametrize(("text", "kind"), CREDENTIALS)
def test_credentials_are_found_and_masked(text, kind):
    score = credentials(f"Use this:\n{text}\nand keep it.")
    assert (score.value, score.label) == (True, kind)
    assert text[-12:].strip("`.'\"") not in score.reason


def test_texts_that_look_like_credentials_are_none():
    assert [text for text in NO_CREDENTIALS if credentials(text).value] == []


def test_only_chosen_kinds_of_credentials_count():
    assert credentials("password=Tr0ub4dor&3x", kinds=["jwt"]).value is False


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "pii",
            {"kinds": ["e-mail"]},
            "unknown kind of pii: 'e-mail'\n  fix: did you mean 'email'? "
            "known: email, credit_card, date_of_birth, iban, ip_address, phone, us_ssn",
        ),
        (
            "pii",
            {"allowed": "a@b.de"},
            "pii: allowed is 'a@b.de'\n  fix: write a list of strings: allowed: [support@acme.com]",
        ),
        (
            "credentials",
            {"kinds": "jwt"},
            "credentials: kinds is 'jwt'\n  fix: write a list of kinds: kinds: [openai_key, jwt]",
        ),
    ],
)
def test_bad_settings_are_refused(name, settings, message):
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec(name, settings, ROOT))
    assert str(caught.value) == message
