r"""Prompts as templates: a text is one message of the user, chat JSON and YAML are several.

>>> read_chat('[{"role": "user", "content": "Is {{ city }} big?"}]')
[ChatMessage(role='user', content='Is {{ city }} big?')]
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from workbench.conversation import ROLES, Message
from workbench.document import parse_document
from workbench.errors import WorkbenchError
from workbench.importing.foreign_values import quoted
from workbench.importing.promptfoo.nunjucks import BLOCK, Translation, translate
from workbench.prompt.source import as_source

MARK = "WBBLOCK{}X"
MARKS = re.compile(r"WBBLOCK(\d+)X")
DUMPED = re.compile(
    r"\{\{-?\s*(.+?)\s*\|\s*(?:dump|tojson)(?:\([^)]*\))?(?:\s*\|\s*safe)?\s*-?\}\}"
)
BLANK_START = re.compile(r"\A[ \t]*(?:\n[ \t]*)+|\A[ \t]+")
BLANK_END = re.compile(r"(?:[ \t]*\n)+[ \t]*\Z|[ \t]+\Z")


@dataclass(frozen=True)
class ChatMessage:
    """A message whose content is a template of Nunjucks.

    Attributes:
        content: a text, or a list of parts: texts and images.
    """

    role: str
    content: Any


def read_chat(prompt: str) -> list[ChatMessage] | None:
    """The messages of a prompt in JSON or YAML; None: it is a text.

    Raises:
        WorkbenchError: it looks like messages, and can't be read as such.
    """
    text = prompt.strip()
    if text.startswith("- role:"):
        marked, blocks = _marked(text, in_text=False)
        content = parse_document(marked, "prompt").content
        return _messages(_unmarked(content, blocks))
    if not (text.startswith("[") and text.endswith("]") and '"role"' in text):
        return None
    try:
        return _messages(json.loads(text))
    except ValueError:
        marked, blocks = _marked(text, in_text=True)
    try:
        return _messages(_unmarked(json.loads(marked), blocks))
    except (ValueError, RecursionError) as error:
        fix = "write it by hand: a role line above each message, {% for %} for several"
        raise WorkbenchError(
            "a chat in JSON that is made by blocks of Nunjucks", fix=fix
        ) from error


def _marked(text: str, *, in_text: bool) -> tuple[str, list[str]]:
    """The text with a mark for each block; outside of JSON's strings it is a string itself."""
    blocks: list[str] = []
    parts: list[str] = []
    position, quoted = 0, False
    for match in BLOCK.finditer(text):
        before = text[position : match.start()]
        if in_text and len(re.findall(r'(?<!\\)"', before)) % 2:
            quoted = not quoted
        dumped = DUMPED.fullmatch(match[0]) if in_text and not quoted else None
        blocks.append(f"{{{{ {dumped[1]} }}}}" if dumped else match[0])
        mark = MARK.format(len(blocks) - 1)
        parts += [before, f'"{mark}"' if in_text and not quoted else mark]
        position = match.end()
    return "".join([*parts, text[position:]]), blocks


def _unmarked(value: Any, blocks: list[str]) -> Any:
    if isinstance(value, str):
        return MARKS.sub(lambda match: blocks[int(match[1])], value)
    if isinstance(value, list):
        return [_unmarked(each, blocks) for each in value]
    if isinstance(value, dict):
        return {key: _unmarked(each, blocks) for key, each in value.items()}
    return value


def _messages(content: Any) -> list[ChatMessage]:
    messages: list[ChatMessage] = []
    for message in content if isinstance(content, list) else [None]:
        message = message if isinstance(message, dict) else {}
        role = message.get("role")
        if role not in ROLES or set(message) - {"role", "content", "name"}:
            names = ", ".join(map(str, message)) or "no keys"
            fix = "write it by hand: docs/prompts.md has tools and their results"
            raise WorkbenchError(
                f"a chat message with {names} and the role {quoted(role)}", fix=fix
            )
        messages.append(ChatMessage(role, message.get("content") or ""))
    return messages


class TemplateWriter:
    """Writes templates, and collects what translations say of them."""

    def __init__(self, kinds: dict[str, str]) -> None:
        self.kinds = kinds
        self.names: dict[str, None] = {}
        self.optional: set[str] = set()
        self.mended: dict[str, None] = {}
        self.unsure: dict[str, None] = {}

    def text(self, messages: list[ChatMessage]) -> str:
        """The template file of messages."""
        turns = [Message(m.role, self._content(m.content)) for m in messages]  # type: ignore[arg-type]
        return as_source(tuple(turns)) + "\n"

    def _content(self, content: Any) -> str:
        if isinstance(content, list):
            return "\n".join(self._part(part) for part in content)
        return self._translated(content if isinstance(content, str) else json.dumps(content))

    def _part(self, part: Any) -> str:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("text", "input_text"):
            return self._translated(str(part.get("text", "")))
        if kind in ("image_url", "input_image"):
            image = part.get("image_url")
            url = image.get("url", "") if isinstance(image, dict) else str(image)
            if match := re.fullmatch(r"\{\{-?\s*([\w.]+)\s*-?\}\}", url.strip()):
                self.names[match[1].split(".")[0]] = None
                return f"{{% image {match[1]} %}}"
            if "{{" not in url and '"' not in url:
                return f'{{% image "{url}" %}}'
        raise WorkbenchError(f"a part of a message of type {quoted(kind)}", fix="write it by hand")

    def _translated(self, text: str) -> str:
        """The text in Jinja, with white space at its ends that would be left out otherwise."""
        result = translate(text, self.kinds)
        self._add(result)
        source = result.source
        if not source.strip():
            return f"{{{{ {json.dumps(source)} }}}}"
        if start := BLANK_START.match(source):
            source = f"{{{{ {json.dumps(start[0])} }}}}{source[start.end() :]}"
        if end := BLANK_END.search(source):
            source = f"{source[: end.start()]}{{{{ {json.dumps(end[0])} }}}}"
        return source

    def _add(self, result: Translation) -> None:
        self.names |= result.names
        self.optional |= result.optional
        self.mended |= result.mended
        self.unsure |= result.unsure
