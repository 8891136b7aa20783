"""References of OpenAI's graders: `{{ item.label }}`, `{{ sample.output_json.answer }}`.

>>> text_pieces("Label: {{ item.labels[0] }}")
['Label: ', GraderReference(namespace='item', path=('labels', 0))]
>>> text_pieces("{{ user }}")
Traceback (most recent call last):
ValueError: {{ user }}
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.importing.jinja_text import escape_braces, escape_roles, keep_edges

_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_STEP = r"""(?:\.\s*[A-Za-z_]\w*|\[\d{1,9}\]|\["[^"\]]*"\]|\['[^'\]]*'\])"""
_REFERENCE = re.compile(rf"\s*(item|sample)({_STEP}*)\s*")
_STEPS = re.compile(_STEP)
_MARKS = "\ue000{}\ue001"
_MARK = re.compile("\ue000(\\d+)\ue001")


@dataclass(frozen=True)
class GraderReference:
    """A value that a grader reads, of the data (`item`) or of the answer (`sample`)."""

    namespace: str
    path: tuple[str | int, ...]

    @property
    def json_path(self) -> str:
        """The path behind its first step, as a transform takes it: `$.answer[0]`."""
        steps = [f"[{s}]" if isinstance(s, int) else f"['{s}']" for s in self.path[1:]]
        return "$" + "".join(steps)

    @property
    def is_answer(self) -> bool:
        """True for the text of the answer."""
        return self.namespace == "sample" and self.path in (
            ("output_text",),
            ("choices", 0, "message", "content"),
        )

    def value(self, row: Mapping[str, Any]) -> Any:
        """The value in a row of the source; None: there is none."""
        value: Any = row
        for step in self.path:
            if isinstance(value, Mapping) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value


Pieces = list[str | GraderReference]


def text_pieces(text: str) -> Pieces:
    """A text as its plain parts and its references.

    Raises:
        ValueError: braces that hold no reference; the message has them.
    """
    pieces: Pieces = []
    end = 0
    for braces in _BRACES.finditer(text):
        match = _REFERENCE.fullmatch(braces[1])
        if not match:
            raise ValueError(braces[0][:80])
        if braces.start() > end:
            pieces.append(text[end : braces.start()])
        pieces.append(GraderReference(match[1], tuple(map(_read_step, _STEPS.findall(match[2])))))
        end = braces.end()
    return [*pieces, text[end:]] if end < len(text) else pieces


def _read_step(step: str) -> str | int:
    inner = step[1:].strip() if step.startswith(".") else step[1:-1]
    return int(inner) if inner.isdecimal() else inner.strip("\"'")


def sole_reference(pieces: Pieces) -> GraderReference | None:
    """The reference that a text consists of, apart from white space."""
    parts = [piece for piece in pieces if not isinstance(piece, str) or piece.strip()]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], GraderReference) else None


def pieces_source(pieces: Pieces, expression: Callable[[GraderReference], str]) -> str:
    """The Jinja source of a text, with an expression for each reference."""
    references = [piece for piece in pieces if isinstance(piece, GraderReference)]
    numbers = iter(range(len(references)))
    marked = [
        escape_braces(piece) if isinstance(piece, str) else _MARKS.format(next(numbers))
        for piece in pieces
    ]
    source = keep_edges(escape_roles("".join(marked)))
    return _MARK.sub(lambda mark: f"{{{{ {expression(references[int(mark[1])])} }}}}", source)


def pieces_text(pieces: Pieces, row: Mapping[str, Any]) -> str:
    """The text that the pieces give for a row of the source."""
    values = [piece if isinstance(piece, str) else piece.value(row) for piece in pieces]
    return "".join(each if isinstance(each, str) else json.dumps(each) for each in values)


def path_expression(name: str, path: Sequence[str | int]) -> str:
    """The Jinja expression of a path in a variable: `labels[0]["first name"]`."""
    steps = [f"[{s}]" if isinstance(s, int) else f"[{json.dumps(s)}]" for s in path]
    return name + "".join(steps)
