"""Checks of a template's text: valid Jinja that is likely not meant so.

{question}                      a placeholder of another engine
[{"role": "user", …}]           a conversation of another format, sent as one text
<|im_start|>user                chat markup: a provider writes it itself
{{ m.role }}:                   text, also where the value is a role
"""

import difflib
import re
from collections.abc import Iterator, Sequence

from workbench.checking.documents import document_kind
from workbench.checking.finding import Finding
from workbench.conversation import ROLES
from workbench.prompt import Prompt
from workbench.prompt.source import SKIPPED, role_lines

# Roles of other libraries and APIs, which are text here.
FOREIGN_ROLES = ("function", "human", "ai", "bot", "model")
_ROLE_FIX = f"write a line with only the role: {', '.join(f'`{role}:`' for role in ROLES)}"
_ROLE_WORDS = rf"(?:{'|'.join((*ROLES, *FOREIGN_ROLES))})"
# Placeholders of other engines; `{}` is the name of a column.
_PLACEHOLDERS = (
    # str.format
    r"(?<![{{$#%\w\\]){{\s*{}(?:\.\w+|\[\w*\])*(?:![rsa])?(?::[^{{}}\s]*)?\s*}}(?!}})",
    r"\$\{{\s*{}\s*}}",  # shells, JavaScript
    r"\${}\b(?!\w)",  # string.Template
    r"#\{{\s*{}\s*}}",  # Ruby
    r"%\({}\)[sdifr]",  # the operator %
    r"<%[=-]?\s*{}\s*-?%>",  # ERB, EJS
    r"<<\s*{}\s*>>",
    r"\[\[\s*{}\s*\]\]",
    r"(?<!{{)\{{\s*\$\s*{}\s*\}}(?!\}})",  # Anthropic's metaprompt
    r"(?<!<)<{}>(?!>)",
)
_FORMS = 5  # of these that are no text with another meaning
_ANY_PLACEHOLDER = r"(?<!\{)\$?\{\$?[A-Za-z_]\w*\}(?!\})|%\([A-Za-z_]\w*\)s|\[\[\w+\]\]|<[A-Z_]+>"
# Conversations in another format, as the whole text.
_FORMATS = {
    "JSON": rf"\[\s*\{{.*[\"']role[\"']\s*:\s*[\"']{_ROLE_WORDS}[\"'].*\}}\s*\]"
    rf"|\{{\s*[\"'](?:\w+[\"']\s*:.*[\"'])?role[\"']\s*:\s*[\"']{_ROLE_WORDS}[\"'].*\}}",
    "a Python list": rf"\[\s*\(\s*[\"']{_ROLE_WORDS}[\"']\s*,.*\)\s*,?\s*\]",
    "YAML": rf"(?:messages:\s*)?-\s+[\"']?role[\"']?:\s*[\"']?{_ROLE_WORDS}[\"']?\s*\n.*",
}
_DOCUMENT_FIX = "keep the text that is sent: messages under role lines, values as {{ column }}"
_MARKUP = {
    "ChatML": r"<\|im_(?:start|end|sep)\|>",
    "Llama 3's chat markup": r"<\|(?:start_header_id|end_header_id|eot_id|begin_of_text)\|>",
    "Llama 2's and Mistral's chat markup": r"(?:<s>\s*)?\[/?INST\]|<</?SYS>>",
    "Gemma's chat markup": r"<(?:start|end)_of_turn>",
    "Harmony's chat markup": r"<\|(?:start|channel)\|>",
    "Phi's and Zephyr's chat markup": r"<\|(?:system|user|assistant|end)\|>",
    "DeepSeek's chat markup": r"<｜(?:User|Assistant|begin▁of▁sentence)｜>",
    "Command R's chat markup": r"<\|START_OF_TURN_TOKEN\|>",
    "XML messages": r"<message\s+role\s*=",
}
_BEGINS_TURN = rf"^[\s#*_>]*(?:{_ROLE_WORDS})\s*:"
# `# system:` of Prompt flow, `## User`, `**Assistant**:`, `<user>`, `[system]`
_DECORATED = re.compile(
    rf"\s*(?P<mark>[#*_=<\[|-]+)\s*(?P<role>{_ROLE_WORDS})(?P<colon>:?)[\s#*_=>\]|:-]*",
    re.IGNORECASE,
)
_ROLE_VALUE = re.compile(
    r"^(?:[ \t]|\{%[^}\n]*%\})*"
    r"(\{\{-?\s*[\w.\[\]\"']*\b(?:role|speaker|sender|author|from)\b"
    r"[\"'\]]*\s*(?:\|[^}\n]*)?-?\}\}\s*:)",
    re.M,
)


def template_findings(
    prompt: Prompt, columns: Sequence[str], rows: int, expected: str = ""
) -> Iterator[Finding]:
    """Findings in a template for rows with these columns; without rows only in its text.

    `expected` is the column of the right answer, which templates don't see.
    """
    yield from _other_formats(prompt)
    if prompt.settings.chat:
        yield from _markup(prompt)
        yield from _roles(prompt)
    used = used_columns(prompt, columns)
    unused = [column for column in columns if column not in used]
    placeholders = list(_placeholders(prompt, unused, refused=not used))
    if not placeholders and expected and expected not in columns:
        placeholders = list(_placeholders(prompt, [expected], refused=not used, hidden=True))
    yield from placeholders
    if rows > 1 and not used and not placeholders:
        fix = f"write {{{{ {columns[0]} }}}}" if columns else "add columns to the dataset"
        message = f"the template uses no column: its {rows:,} rows are one request"
        if match := re.search(_ANY_PLACEHOLDER, prompt.source):
            message += f", and {match[0]!r} is text"
        yield Finding(message, prompt.where(), fix)


def used_columns(prompt: Prompt, columns: Sequence[str]) -> list[str]:
    """The columns that the template or its choices read."""
    variables = set(prompt.all_variables)
    return [column for column in columns if column in variables]


def _other_formats(prompt: Prompt) -> Iterator[Finding]:
    text = prompt.source.strip()
    if role_lines(prompt.source):
        return
    for name, pattern in _FORMATS.items() if text[:1] in ("[", "{", "-", "m") else ():
        if re.fullmatch(pattern, text, re.DOTALL):
            message = f"the template is a conversation as {name}, which would be sent as one text"
            yield Finding(message, prompt.where(), _ROLE_FIX, refused=True)
            return
    if kind := document_kind(text, has_variables=bool(prompt.all_variables)):
        message = f"the template is {kind}, which would be sent as one text"
        yield Finding(message, prompt.where(), _DOCUMENT_FIX, refused=True)


def _markup(prompt: Prompt) -> Iterator[Finding]:
    """Markup at the beginning of a line is refused: the model's chat template adds its own."""
    for number, line in enumerate(prompt.source.split("\n"), 1):
        for name, pattern in _MARKUP.items():
            if match := re.search(pattern, line):
                fix = f"{_ROLE_FIX}; to send markup as it is: `chat: false` in the front matter"
                message = f"{match[0]!r} is {name}, which a chat model gets as text"
                refused = not line[: match.start()].strip()
                yield Finding(message, prompt.where(number), fix, refused)
                return


def _roles(prompt: Prompt) -> Iterator[Finding]:
    """Lines that look like role lines but are text."""
    has_roles = bool(role_lines(prompt.source))
    turns: list[tuple[int, str]] = []
    decorated: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(prompt.source.split("\n"), 1):
        where, role = prompt.where(number), line.strip().lower()
        name = role.removesuffix(":")
        if not has_roles and re.match(_BEGINS_TURN, role):
            turns.append((number, line))
        if match := _DECORATED.fullmatch(line):
            decorated.append((number, match))
        elif name in ROLES and role.endswith(":") and line.rstrip() != role:
            yield Finding(f"{line!r} is text; a role line is `{role}` alone", where)
        elif name not in ROLES and role.endswith(":") and _resembles_role(name):
            yield Finding(f"{line!r} is text; the roles are {', '.join(ROLES)}", where)
    yield from _decorated_roles(prompt, decorated)
    names = {line.strip().lower().partition(":")[0] for _, line in turns}
    turns = [turn for turn in turns if not turn[1].rstrip("*_ ").endswith(":")]
    exact = [turn for turn in turns if turn[1].partition(":")[0] in ROLES]
    if exact or (turns and len(names) > 1):
        number, line = (exact or turns)[0]
        shown = line if len(line) <= 60 else f"{line[:60]}…"
        message = f"{shown!r} is text of one user message"
        yield Finding(message, prompt.where(number), f"{_ROLE_FIX}, and the text below it")
    if match := _ROLE_VALUE.search(prompt.source):
        number = prompt.source.count("\n", 0, match.end()) + 1
        message = f"{match[1]!r} is text, also where the value is a role"
        fix = "write the role lines: {% if m.role == 'user' %}, then a line `user:`, and so on"
        yield Finding(message, prompt.where(number), fix)


def _decorated_roles(prompt: Prompt, lines: list[tuple[int, re.Match[str]]]) -> Iterator[Finding]:
    """The first of the lines, if they are likely role lines: of two roles, or `# user:`."""
    roles = {match["role"].lower() for _, match in lines}
    if len(roles) > 1 or any(match["mark"] == "#" and match["colon"] for _, match in lines):
        number, match = lines[0]
        role = match["role"].lower()
        role = role if role in ROLES else "user"
        message = f"{match[0].strip()!r} is text; a role line is `{role}:` alone"
        yield Finding(message, prompt.where(number))


def _resembles_role(name: str) -> bool:
    return name in FOREIGN_ROLES or bool(difflib.get_close_matches(name, ROLES, n=1, cutoff=0.85))


def _placeholders(
    prompt: Prompt, columns: Sequence[str], *, refused: bool, hidden: bool = False
) -> Iterator[Finding]:
    """The first placeholder of each column that Jinja doesn't see; a tag with an end is text.

    Of a `hidden` column `<label>` is likely the form of the answer.
    """
    plain = re.sub(SKIPPED, lambda tag: re.sub(r"[^\n]", " ", tag[0]), prompt.source)
    for column in columns:
        name = re.escape(column)
        shapes = _PLACEHOLDERS[:_FORMS] if hidden else _PLACEHOLDERS
        pattern = "|".join(shape.format(name) for shape in shapes)
        matches = re.finditer(pattern, plain, re.IGNORECASE)
        match = next((match for match in matches if f"</{match[0][1:]}" not in plain), None)
        if match is None:
            continue
        number = plain.count("\n", 0, match.start()) + 1
        readable = column if column.isidentifier() else f"… {column} …"
        message = f"{match[0]!r} is text: a template is Jinja"
        fix = f"write {{{{ {readable} }}}}"
        if hidden:
            message += f", and {column!r} is the expected answer, which templates don't see"
            fix = "leave the placeholder out"
        yield Finding(message, prompt.where(number), fix, refused)
