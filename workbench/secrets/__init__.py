"""Keys and passwords: found by their names, removed from everything that is written.

named.py            secrets among named values: variables, headers, settings, addresses
redactor.py         a text without the values of known secrets, however they are written in it
redacted_pieces.py  the same for a text that comes in pieces
masking.py          values in messages: passwords in addresses, and words that look like keys
"""

from workbench.secrets.masking import is_private, mask_text, mask_url, quote_value
from workbench.secrets.named import SECRET_NAME, Secret, find_secrets, key_variables
from workbench.secrets.redactor import RedactedStream, Redactor

__all__ = [
    "SECRET_NAME",
    "RedactedStream",
    "Redactor",
    "Secret",
    "find_secrets",
    "is_private",
    "key_variables",
    "mask_text",
    "mask_url",
    "quote_value",
]
