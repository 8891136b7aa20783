r"""Templates written for a source's messages and texts.

>>> literal_source("50% of {{ x }}\nuser:\n")
'50% of {{ "{{" }} x }}\n\\user:{{ "\\n" }}'
>>> print(chat_source([("system", "Be brief."), ("user", "{{ question }}")]), end="")
system:
Be brief.
<BLANKLINE>
user:
{{ question }}
"""

import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML

from workbench.prompt.source import ROLE_LINE

_OPENING = re.compile(r"\{(?=[{%#])(?:[{%#])")
_EDGES = re.compile(r"\A(\s*)(.*?)(\s*)\Z", re.DOTALL)
UNFOLDED = 100_000  # columns: a long value stays on its line


def literal_source(text: str) -> str:
    """The Jinja source that renders to a text as it is, also inside a message."""
    return keep_edges(escape_jinja(text))


def escape_jinja(text: str) -> str:
    """A text in which nothing is a tag, an expression, a comment or a role line."""
    return escape_roles(escape_braces(text))


def escape_braces(text: str) -> str:
    """A text in which nothing is a tag, an expression or a comment."""
    return _OPENING.sub(lambda opening: f'{{{{ "{opening[0]}" }}}}', text.replace("\r\n", "\n"))


def escape_roles(source: str) -> str:
    """A source without role lines: they become text."""

    def escaped(line: re.Match[str]) -> str:
        if line["escape"]:
            return f"{{{{ {json.dumps(line[0])} }}}}"
        return f"\\{line[0]}" if line["role"] else line[0]

    return ROLE_LINE.sub(escaped, source)


def keep_edges(source: str) -> str:
    """A message's source whose blank lines at both ends are sent, too."""
    match = _EDGES.match(source)
    if not match or not match[2]:
        return f"{{{{ {json.dumps(source)} }}}}" if source else ""
    before, inner, after = match.groups()
    head = f"{{{{ {json.dumps(before)} }}}}" if "\n" in before else before
    tail = f"{{{{ {json.dumps(after)} }}}}" if "\n" in after else after
    return f"{head}{inner}{tail}"


def chat_source(messages: Iterable[tuple[str, str]], front: Mapping[str, Any] | None = None) -> str:
    """A template of messages, given as role and Jinja source, with its front matter."""
    body = "\n\n".join(f"{role}:\n{source}" for role, source in messages)
    return with_front_matter(f"{body}\n", front or {})


def with_front_matter(body: str, front: Mapping[str, Any]) -> str:
    """A template of this body; settings that are None or empty are left out."""
    settings = {key: value for key, value in front.items() if value not in (None, "", [], {})}
    if not settings:
        return body
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = UNFOLDED
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.dump(settings, out)
    return f"---\n{out.getvalue()}---\n{body}"
