"""Variables of the environment in the settings of an endpoint: `${NAME}`.

api-key: ${AZURE_OPENAI_API_KEY}      sent with the variable's value, shown as it stands here
"""

import os
import re
from collections.abc import Iterable

from workbench.canonical import digest
from workbench.errors import WorkbenchError

VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
MIN_MASKED = 4  # characters; shorter values are ordinary text


def expand(text: str, *, where: str) -> str:
    """Return `text` with the values of its variables; `where` is the setting.

    Raises:
        WorkbenchError: a variable is not set, or something else begins with `${`.
    """
    for name in VARIABLE.findall(text):
        if not os.environ.get(name, "").strip():
            raise WorkbenchError(
                f"{where} needs the variable {name}, which is empty",
                fix=f"export {name}=… or write it into .env",
            )
    check_variables(text, where=where)
    return VARIABLE.sub(lambda match: os.environ[match[1]].strip(), text)


def check_variables(text: str, *, where: str) -> None:
    """Raise WorkbenchError if a `${` in `text` begins no variable; `where` is the setting."""
    if "${" in VARIABLE.sub("", text):
        fix = "letters, digits and _ within the braces, as in ${AZURE_OPENAI_API_KEY}"
        raise WorkbenchError(f"{where} has a ${{ that begins no variable", fix=fix)


def fingerprint(text: str) -> str:
    """Return `text` with a digest of each variable's value: it tells addresses apart."""
    return VARIABLE.sub(lambda match: f"${{{match[1]}:{digest(os.environ[match[1]])[:8]}}}", text)


def secret_values(texts: Iterable[str]) -> list[str]:
    """Return the values of the variables in `texts`, the longest first."""
    names = {name for text in texts for name in VARIABLE.findall(text)}
    values = {os.environ.get(name, "").strip() for name in names}
    return sorted((value for value in values if len(value) >= MIN_MASKED), key=len, reverse=True)
