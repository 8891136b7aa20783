"""Values in messages: passwords in addresses, and words that look like keys, become `***`.

>>> mask_text("'postgres://me:pw@host/db' is not a tracking store")
"'postgres://me:***@host/db' is not a tracking store"
>>> quote_value({"url": "http://h", "headers": {"X-Lab": "pw"}})
"{'url': 'http://h', 'headers': '***'}"

A Redactor knows the values of secrets. Here none is known: the value may be a mistyped setting.
"""

import re
from collections.abc import Callable, Mapping

from workbench.canonical import JSON
from workbench.secrets.named import SECRET_NAME

MASK = "***"
MAX_SHOWN = 120  # characters of a value in a message
USER_INFO = re.compile(r"(?<=://)(?!/)(?:([^\s/?#@:]*:).*|.*)@", re.DOTALL)
USER_INFO_IN_TEXT = re.compile(r"(?<=://)(?!/)(?:([^\s/?#@:]*:)\S*|\S*)@")
SCHEMELESS = re.compile(r"^(?![^/?#]*://)(/*[^\s/?#@:]*:).*@", re.DOTALL)  # address
QUERY = re.compile(r"(?<=[?&;])([^=&;#\s]+)=(?!\$\{)([^&;#\s'\"]+)")
# Names whose values no message shows, beside those of SECRET_NAME.
PRIVATE = {"headers", "extra_headers", "env"}
ADDRESS_NAME = re.compile(r"(?i)(url|uri)$")
TEXT_PREFIXES = "max|min|new|eos|bos|pad|unk|sep|cls"  # of _token, in a text and not for a login
COUNTS = re.compile(rf"(?i)(tokens|({TEXT_PREFIXES})_token)$")  # max_tokens
# A part of a key that is no word, as other names with the same beginning have.
RANDOM = r"[\w-]{0,60}?(?:(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{12}|[A-Za-z0-9]{20})"
LOOKS_LIKE_KEY = re.compile(
    rf"""(?<![A-Za-z0-9])(?:
      (?:sk|pk|rk)[-_](?=[\w-]{{0,60}}(?:[A-Za-z]\d|\d[A-Za-z]|\d{{8}}))[\w-]{{8,}}
    | (?:hf|gsk|r8|npm|dop_v1|lsv2|tvly|fw|csk)_(?={RANDOM})\w{{12,}}
    | (?:pplx|nvapi|xai|pypi|jina|pa)-(?={RANDOM})[\w-]{{16,}}
    | (?:gh[pousr]|github_pat)_\w{{12,}} | glpat-[\w-]{{12,}}
    | (?:AKIA|ASIA)[0-9A-Z]{{12,}} | AIza[\w-]{{24,}} | ya29\.[\w.-]{{12,}}
    | SG\.[\w-]{{8,}}\.[\w-]{{8,}} | xox[a-z]-[\w-]{{8,}} | xapp-[\w-]{{8,}}
    | dapi[0-9a-f]{{16,}} | eyJ[\w-]{{8,}}(?:\.[\w-]*)*
    )
    | (?i:\b(?:bearer|basic)[ ]+)(?=\S*[0-9=])[\w.~+/=-]{{8,}}
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ A-Z]*-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
# A text without any of these has no match of LOOKS_LIKE_KEY, and this is seen 20 times as fast.
KEY_MARKS = {
    "_": (
        *("sk_", "pk_", "rk_", "hf_", "gsk_", "r8_", "npm_", "dop_v1_", "lsv2_", "tvly_", "fw_"),
        *("csk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    "-": (
        *("sk-", "pk-", "rk-", "pplx-", "nvapi-", "xai-", "pypi-", "jina-", "pa-", "glpat-"),
        *("xapp-", "-----BEGIN"),
    ),
    "": ("AKIA", "ASIA", "AIza", "ya29.", "SG.", "xox", "dapi", "eyJ"),
}
LOGIN_MARKS = ("bearer ", "basic ")  # in folded case, as the next ones
ASSIGNED_MARKS = ("passw", "pwd", "secret", "key", "token", "authorization", "signature")
# The first letter is a set of its own, and not under (?i): then re skips to it, five times as fast.
ASSIGNED = re.compile(
    rf"""(?x)([PpSsſAa_-](?:
        (?<=[Pp])(?i:assw(?:or)?d|wd|rivate[-_]?key) | (?<=[Ssſ])(?i:ecret|ignature)
      | (?<=[Aa])(?i:pi[-_]?key|ccess[-_]?key|uthorization)
      | (?<=[_-])(?<!(?i:{TEXT_PREFIXES})[_-])(?i:token)
    )["']?\s*[:=]\s*["']?)(?![\s$*\[{{<('"…])[^\s"',;&}}\])]{{4,}}"""
)


def mask_url(address: str) -> str:
    """An address with its password and secret parameters replaced by ***."""
    return _mask_query(USER_INFO.sub(_without_password, SCHEMELESS.sub(_without_password, address)))


def mask_text(text: str) -> str:
    """A message with passwords of addresses, and words that look like keys, replaced by ***."""
    if "://" in text:
        text = USER_INFO_IN_TEXT.sub(_without_password, text)
    if "=" in text:
        text = _mask_query(text)
    folded = text.casefold()
    if _has_any(folded, LOGIN_MARKS) or any(
        part in text and _has_any(text, marks) for part, marks in KEY_MARKS.items()
    ):
        text = LOOKS_LIKE_KEY.sub(MASK, text)
    return ASSIGNED.sub(rf"\g<1>{MASK}", text) if _has_any(folded, ASSIGNED_MARKS) else text


def quote_value(
    value: JSON, *path: str | int, width: int = MAX_SHOWN, show: Callable[[object], str] = repr
) -> str:
    """`repr` of a value for a message, without secrets and of at most `width` characters.

    Args:
        value: a value of a file.
        path: its keys; under a secret name it is shown as ***, in quotes if it is a text.
        width: characters; an ellipsis follows if there are more.
        show: repr, or ascii where letters may look like others.
    """
    names = [str(name) for name in path]
    if isinstance(value, str) and names and ADDRESS_NAME.search(names[-1]):
        value = mask_url(value)
    if any(map(is_private, names)):
        return show(MASK) if isinstance(value, str) else MASK
    shown = show(_masked(value))
    return shown if len(shown) <= width else f"{shown[:width]}…"


def _has_any(text: str, marks: tuple[str, ...]) -> bool:
    return any(map(text.__contains__, marks))


def _without_password(match: re.Match[str]) -> str:
    return f"{match[1] or ''}{MASK}@"


def _mask_query(text: str) -> str:
    return QUERY.sub(
        lambda match: f"{match[1]}={MASK}" if SECRET_NAME.search(match[1]) else match[0], text
    )


def is_private(name: str) -> bool:
    """True if the value of a setting with this name may be a key or a password."""
    return name in PRIVATE or bool(SECRET_NAME.search(name) and not COUNTS.search(name))


def _masked(value: JSON) -> JSON:
    if isinstance(value, str):
        return mask_text(mask_url(value) if "://" in value else value)
    if isinstance(value, Mapping):
        return {
            mask_text(str(key)): MASK if is_private(str(key)) else _masked(entry)
            for key, entry in value.items()
        }
    return [_masked(entry) for entry in value] if isinstance(value, list | tuple) else value
