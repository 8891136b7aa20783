"""Values in which other variables stand, as `names the capital of {{ country }}`.

>>> substitute("{{ city }} is big", {"city": "Rome"}, str)
'Rome is big'
"""

import re
from collections.abc import Callable, Mapping

from workbench.importing.promptfoo.nunjucks import is_partial

SIMPLE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*(?:\.\w+)*)\s*(?:\|\s*(?:safe|trim)\s*)?-?\}\}")


def substitute(
    text: str, values: Mapping[str, object], as_text: Callable[[object], str]
) -> str | None:
    """The text with the values of its variables; None: it has other expressions."""
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        current: object = values
        for step in match[1].split("."):
            current = current.get(step) if isinstance(current, Mapping) else None
        return as_text(current)

    rest = SIMPLE.sub("", text)
    if "{{" in rest or "{%" in rest or "{#" in rest:
        return None if not is_partial(text) else text
    return SIMPLE.sub(value, text)
