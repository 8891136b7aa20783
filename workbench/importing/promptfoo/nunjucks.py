"""Templates of Nunjucks, rewritten as Jinja with the same text.

>>> translate("{{ tags.length }} {{ row | dump }}").source
'{{ tags|length }} {{ row | tojson(compact=true) }}'

Certain differences are mended and listed in `mended`; others are listed in `unsure`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.importing.promptfoo.nunjucks_names import (
    FOREIGN_METHODS,
    JINJA_FILTERS,
    KEYWORDS,
    METHODS,
    REFUSED_TAGS,
    RENAMED,
)

BLOCK = re.compile(
    r"\{#.*?#\}|\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL
)
TOKEN = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<name>[A-Za-z_$][\w$]*)"""
    r"""|(?P<number>\d+(?:\.\d+)?)|(?P<sign>===|!==|&&|\|\||==|!=|<=|>=|\*\*|//|.)""",
    re.DOTALL,
)


@dataclass
class Translation:
    """A rewritten template.

    Attributes:
        names: variables that it reads, in their order; a loop's own ones are left out.
        optional: those of them that a `default` filter or `is defined` allows to be missing.
        printed: those of them that stand alone in `{{ }}`.
        mended, unsure: differences, in the words of the source.
    """

    source: str = ""
    names: dict[str, None] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    printed: set[str] = field(default_factory=set)
    mended: dict[str, None] = field(default_factory=dict)
    unsure: dict[str, None] = field(default_factory=dict)


def translate(template: str, kinds: Mapping[str, str] | None = None) -> Translation:
    """The template as Jinja.

    Args:
        template: of Nunjucks.
        kinds: of variables, by name: `object` if it is a mapping, `boolean` if one of its values
            is true or false, `list` if one is a list, `nested list` if that has lists.
    """
    result, rewriter = Translation(), _Rewriter(kinds or {})
    if is_partial(template):
        result.source = "{% raw %}" + template + "{% endraw %}"
        return result
    rewriter.result = result
    result.source = BLOCK.sub(rewriter.block, template)
    for name in rewriter.local_names:
        result.names.pop(name, None)
    return result


def is_partial(template: str) -> bool:
    """True for text with an opening that is never closed, which promptfoo takes as it is."""
    rest = BLOCK.sub("", template)
    return "{%" in rest or "{{" in rest or "{#" in rest


class _Rewriter:
    """Rewrites one block after the other."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.result = Translation()
        self.local_names: set[str] = set()

    def block(self, match: re.Match[str]) -> str:
        text = match[0]
        if text.startswith("{#") or re.match(r"\{%-?\s*raw", text):
            return text
        inner = text[2:-2]
        opening = "-" if inner.startswith("-") else ""
        closing = "-" if inner.endswith("-") and len(inner) > 1 else ""
        inner = inner[len(opening) : len(inner) - len(closing)]
        is_tag = text.startswith("{%")
        inner = self._tag(inner) if is_tag else self._printed(inner)
        ends = ("{%", "%}") if is_tag else ("{{", "}}")
        return f"{ends[0]}{opening}{inner}{closing}{ends[1]}"

    def _tag(self, inner: str) -> str:
        word = (inner.split() or [""])[0]
        if word in REFUSED_TAGS:
            self.result.unsure[f"{{% {word} %}}"] = None
        if word == "elseif":
            inner = inner.replace("elseif", "elif", 1)
            self.result.mended["`elseif` is `elif`"] = None
        loop = re.match(r"(\s*for\s+)([\w,\s]+?)(\s+in\s+)(.*)", inner, re.DOTALL)
        if loop:
            names = [name.strip() for name in loop[2].split(",")]
            self.local_names.update(names)
            sequence = self._expression(loop[4])
            plain = loop[4].strip()
            if len(names) == 2 and self.kinds.get(plain) in ("object", None):
                sequence = f"{sequence.rstrip()}.items() "
                self.result.mended[f"`for {loop[2]} in {plain}` reads `{plain}.items()`"] = None
            return f"{loop[1]}{loop[2]}{loop[3]}{sequence}"
        if assignment := re.match(r"\s*set\s+(\w+)", inner):
            self.local_names.add(assignment[1])
        tag = re.match(r"\s*\w+", inner)
        return tag[0] + self._expression(inner[tag.end() :]) if tag else inner

    def _printed(self, inner: str) -> str:
        plain = inner.strip()
        if re.fullmatch(r"[A-Za-z_]\w*", plain):
            self.result.printed.add(plain)
            if self.kinds.get(plain) == "boolean":
                self.result.mended[f"`{{{{ {plain} }}}}` prints true and false"] = None
                self._note_name(plain)
                return f" {plain} | tojson if {plain} is boolean else {plain} "
            if self.kinds.get(plain) == "nested list":
                self.result.unsure[f"`{{{{ {plain} }}}}` of a list with lists"] = None
            if self.kinds.get(plain) == "list":
                self.result.mended[f"`{{{{ {plain} }}}}` prints a list with commas"] = None
                self._note_name(plain)
                listed = f"{plain} is sequence and {plain} is not string and {plain} is not mapping"
                return f" {plain} | join(',') if {listed} else {plain} "
            if self.kinds.get(plain) == "object":
                self.result.mended[f"`{{{{ {plain} }}}}` prints JSON, not [object Object]"] = None
                self._note_name(plain)
                return f" {plain} | tojson(compact=true) "
        expression = self._expression(inner)
        if re.search(r"\bif\b", expression) and not re.search(r"\belse\b", expression):
            expression = f"{expression.rstrip()} else '' "
            self.result.mended["an `if` without `else` prints nothing otherwise"] = None
        return expression

    def _expression(self, text: str) -> str:
        parts: list[str] = []
        skipped_to = 0
        for token in TOKEN.finditer(text):
            if token.start() < skipped_to:
                continue
            before = "".join(parts).rstrip()[-1:]
            rest = text[token.end() :]
            if token["sign"]:
                parts.append(self._sign(token["sign"], rest))
            elif token["name"]:
                name, length = self._name(token["name"], before, rest, parts)
                parts.append(name)
                skipped_to = token.end() + length
            else:
                parts.append(token[0])
        return "".join(parts)

    def _sign(self, sign: str, rest: str) -> str:
        signs = {"===": "==", "!==": "!=", "&&": "and", "||": "or"}
        if sign in signs:
            self.result.mended[f"`{sign}` is `{signs[sign]}`"] = None
            return signs[sign]
        if sign == "!" and not rest.startswith("="):
            self.result.mended["`!` is `not`"] = None
            return "not "
        if sign == "?":
            self.result.unsure["`a ? b : c`"] = None
        return sign

    def _name(self, name: str, before: str, rest: str, parts: list[str]) -> tuple[str, int]:
        """The name, and the number of characters behind it that it stands for, too."""
        if before == ".":
            return self._attribute(name, rest, parts), self._skipped
        if before == "|" and not "".join(parts).rstrip().endswith("||"):
            return self._filter(name, rest, parts), self._skipped
        if name in ("null", "undefined"):
            return "none", 0
        is_test = re.search(r"\bis\s+(?:not\s+)?$", "".join(parts)) is not None
        if is_test and name != "not":
            self._note_optional(name, parts)
        elif name not in KEYWORDS and not re.match(r"\s*=(?!=)", rest):
            self._note_name(name)
        return name, 0

    _skipped = 0

    def _attribute(self, name: str, rest: str, parts: list[str]) -> str:
        self._skipped = 0
        if name == "length" and not rest.lstrip().startswith("("):
            while parts and parts[-1].strip() in (".", ""):
                parts.pop()
            self.result.mended["`.length` is `|length`"] = None
            return "|length"
        if name in METHODS and rest.lstrip().startswith("("):
            self.result.mended[f"`.{name}()` is `.{METHODS[name]}()`"] = None
            return METHODS[name]
        if name in FOREIGN_METHODS and rest.lstrip().startswith("("):
            self.result.unsure[f"`.{name}()`"] = None
        return name

    def _filter(self, name: str, rest: str, parts: list[str]) -> str:
        self._skipped = 0
        if name == "safe":
            while parts and parts[-1].strip() in ("|", ""):
                parts.pop()
            return ""
        if name == "nl2br":
            self.result.mended["`nl2br` is `replace`"] = None
            return "replace('\\n', '<br />\\n')"
        if name in ("default", "d"):
            self._note_optional("", parts)
        if name in RENAMED:
            is_bare = name == "dump" and not rest.lstrip().startswith("(")
            renamed = "tojson(compact=true)" if is_bare else RENAMED[name]
            self.result.mended[f"`{name}` is `{renamed}`"] = None
            return renamed
        if name not in JINJA_FILTERS:
            self.result.unsure[f"the filter `{name}`"] = None
        return name

    def _note_name(self, name: str) -> None:
        self.result.names[name] = None

    def _note_optional(self, _test: str, parts: list[str]) -> None:
        names = re.findall(r"[A-Za-z_]\w*", "".join(parts))
        if _test in ("", "defined", "undefined") and names:
            last = [name for name in names if name in self.result.names]
            self.result.optional.update(last[-1:])
