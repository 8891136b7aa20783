"""Keys, tokens and passwords in text, by their prefixes or by the names that they are assigned to.

>>> [secret.kind for secret in find_secrets("PASSWORD=Tr0ub4dor&3x, commit da39a3ee5e6b4b0d3255")]
['assigned_secret']
"""

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

_BEFORE = r"(?<![A-Za-z0-9_-])"
_AFTER = r"(?![A-Za-z0-9_-])"
# The forms of keys as their makers document them; each has a group for its random part.
_FORMS = {
    "anthropic_key": rf"{_BEFORE}sk-ant-[a-z]{{2,8}}\d\d-([\w-]{{40,200}})",
    "openai_key": rf"{_BEFORE}sk-(?:proj-|svcacct-|admin-)?((?!ant-)[A-Za-z0-9_-]{{32,200}})",
    "aws_access_key": rf"{_BEFORE}(?:AKIA|ASIA)([A-Z2-7]{{16}}){_AFTER}",
    "github_token": (
        rf"{_BEFORE}(?:gh[pousr]_([A-Za-z0-9]{{36,80}})|github_pat_(\w{{60,100}})){_AFTER}"
    ),
    "gitlab_token": rf"{_BEFORE}gl(?:pat|dt|rt|ptt|agent)-([\w-]{{20,60}}){_AFTER}",
    "slack_token": rf"{_BEFORE}(?:xox[abeoprs]|xapp)-([\w-]{{20,200}}){_AFTER}",
    "google_api_key": rf"{_BEFORE}AIza([\w-]{{35}}){_AFTER}",
    "stripe_key": rf"{_BEFORE}[rs]k_(?:live|test)_([A-Za-z0-9]{{20,120}}){_AFTER}",
    "hugging_face_token": rf"{_BEFORE}hf_([A-Za-z]{{34}}){_AFTER}",
    "jwt": rf"{_BEFORE}(eyJ[\w-]{{10,2000}})\.eyJ[\w-]{{5,8000}}\.[\w-]{{20,1000}}",
    "private_key": (
        r"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PRIVATE KEY(?: BLOCK)?-----"
        r"[^-]{0,200}?([A-Za-z0-9+/]{40})"
    ),
}
_PATTERNS = {kind: re.compile(form) for kind, form in _FORMS.items()}
_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,20}[_.-]){0,4}"
    r"(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|"
    r"secret[_-]?key|auth[_-]?key|client[_-]?secret|passwort|kennwort|contraseña|mot de passe)"
    r"[\"'`*]{0,3}[ \t]*(?:=>|:=|[:=]|is:?[ ])[ \t]*(?P<quote>[\"'`*]{0,3})"
    r"(?P<value>[^\s\"'`<>{}()\[\],;]{8,200})",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"example|sample|dummy|placeholder|changeme|change_me|your|insert|xxx|\*\*\*|\.\.\.|…|redacted|"
    r"test_?(?:key|token|secret)|abcdef|123456|foobar|here$|todo|hidden|replace|fake|secret|password",
    re.IGNORECASE,
)
# A name, a call, a path or a variable in place of a value.
_REFERENCE = re.compile(
    r"[$%@&#!]|https?:|[./~]|(?:os|process|env|config|settings|self|this|req|request)\.|[A-Za-z_.]+$|"
    r"[A-Z][A-Z0-9_]+$|\w+(?:\.[A-Za-z_]\w*)+$"
)
LEAST_ENTROPY = 3.0  # bits a character of an assigned value
LEAST_KEY_ENTROPY = 3.2  # of the random part of a key
_KINDS_OF_CHARACTERS = ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]")


@dataclass(frozen=True)
class SecretText:
    """A secret: its kind, its text and its place."""

    kind: str
    text: str
    start: int

    @property
    def places(self) -> range:
        """The places of its characters."""
        return range(self.start, self.start + len(self.text))

    @property
    def masked(self) -> str:
        """The first characters, which name the maker, but never more than a fifth."""
        return f"{self.text[: min(4, len(self.text) // 5)]}***"


def find_secrets(text: str, kinds: Collection[str] = ()) -> list[SecretText]:
    """The secrets of these kinds, or of all, in the order of the text."""
    secrets: list[SecretText] = []
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            random_part = next(group for group in match.groups() if group)
            if _is_key(kind, random_part):
                secrets.append(SecretText(kind, match[0], match.start()))
    covered = {place for secret in secrets for place in secret.places}
    for match in _ASSIGNED.finditer(text):
        start, end = match.span("value")
        is_new = covered.isdisjoint(range(start, end))
        if is_new and _is_password(match["value"].rstrip(".:!?*"), bool(match["quote"])):
            secrets.append(SecretText("assigned_secret", match["value"], start))
    chosen = [secret for secret in secrets if not kinds or secret.kind in kinds]
    return sorted(chosen, key=lambda secret: secret.start)


def _is_key(kind: str, random_part: str) -> bool:
    """True if the random part of a key is random, and no placeholder."""
    if kind == "private_key":
        return not _PLACEHOLDER.search(random_part)
    if kind == "jwt":
        return _is_jwt_header(random_part)
    if _PLACEHOLDER.search(random_part) or entropy(random_part) < LEAST_KEY_ENTROPY:
        return False
    if kind in ("aws_access_key", "hugging_face_token"):
        return True
    if kind == "openai_key" and not re.search("[A-Z][^A-Z]*[A-Z]", random_part):
        return False  # the name of a class or a package: sk-fading-circle-2
    return bool(re.search(r"\d", random_part) and re.search("[A-Za-z]", random_part))


def _is_jwt_header(part: str) -> bool:
    """True if the first part of a token is a JSON object with an algorithm (RFC 7519)."""
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def _is_password(value: str, quoted: bool) -> bool:
    """True if an assigned value is random enough, and no name, variable or placeholder."""
    if _PLACEHOLDER.search(value) or _REFERENCE.match(value) or entropy(value) < LEAST_ENTROPY:
        return False
    classes = sum(bool(re.search(kind, value)) for kind in _KINDS_OF_CHARACTERS)
    is_long = len(value) >= 20 and bool(re.search(r"\d", value))
    return classes >= 3 or is_long or (quoted and classes >= 2 and bool(re.search(r"\d", value)))


def entropy(text: str) -> float:
    """Shannon entropy of the characters of a text, in bits a character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


KINDS = (*_FORMS, "assigned_secret")
