"""Evaluator: the share of the expected entities in the answer.

>>> expected = {"expected_response": [{"text": "Oslo", "type": "place"}, {"text": "Ann"}]}
>>> entities('[{"text": "Oslo", "type": "person"}, {"text": "Ann"}]', expected).reason
'missing: Oslo (place); extra: Oslo (person)'
>>> entities("Ann lives in Oslo.", expected).value
1.0
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluator.lookup import ExpectedUse
from workbench.evaluators._lists import NOTHING, entry_text, json_list
from workbench.evaluators._overlap import Overlap, check_measure, compare_lists
from workbench.evaluators._text import normalize_text, read_steps

TEXT_KEYS = ("text", "entity", "name", "value", "word", "mention")
TYPE_KEYS = ("type", "label", "category", "entity_group", "class")
# A letter or digit of a script with spaces between words.
_WORD = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]"


class Entity(NamedTuple):
    """An entity, and its type; empty: none."""

    text: str
    type: str

    def __str__(self) -> str:
        return f"{self.text} ({self.type})" if self.type else self.text


@evaluator(kind="number", range=(0, 1))
def entities(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    measure: str = "recall",
    types: bool = True,
    ignore_case: bool = False,
    normalize: JSON = None,
) -> Score:
    """The share of the expected entities that the answer names, or another measure of agreement.

    An answer with a JSON list is compared entry by entry. In any other text, an entity is found as
    a whole word; such an answer names no entities of its own, so it has a recall only: with another
    measure it is 0, labelled unparsed.

    Args:
        outputs: the answer.
        expectations: `expected_response` is a list of texts, or of objects with a `text` and a
            `type`; `none`: there are none.
        measure: recall, precision, f1, jaccard or exact.
        types: the type of an entity must be right, too, where the answer has JSON objects.
        ignore_case: `OSLO` is `Oslo`.
        normalize: steps of normalisation that are on or off; `none` for none.

    Raises:
        WorkbenchError: the row expects no entities.
    """
    steps = read_steps(normalize)

    def folded(text: str) -> str:
        text = " ".join(normalize_text(text, steps).split())
        return text.casefold() if ignore_case else text

    expected = [Entity(folded(text), folded(kind)) for text, kind in _expected(expectations)]
    if (listed := json_list(outputs)) is None:
        if measure != "recall":
            return Score(0.0, "no JSON list of entities in the answer", "unparsed")
        return _overlap_in_text(folded(outputs), expected).score(measure)
    answered = [Entity(folded(text), folded(kind)) for text, kind in map(_entity, listed)]
    has_types = types and any(entity.type for entity in answered)
    texts = [
        [str(entity) if has_types else entity.text for entity in each if entity.text]
        for each in (answered, expected)
    ]
    return compare_lists(*texts).score(measure)


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row expects entities; raises WorkbenchError as `entities` does."""
    _expected(expectations)


def check_settings(**settings: JSON) -> None:
    """Check `measure` and `normalize`; raises WorkbenchError if one isn't valid."""
    check_measure(settings.get("measure", "recall"), "entities")
    read_steps(settings.get("normalize"), "entities")


def _overlap_in_text(text: str, expected: list[Entity]) -> Overlap:
    """The overlap with a text, in which nothing can be too much."""
    names = list(dict.fromkeys(entity.text for entity in expected))
    missing = [name for name in names if not _is_named(name, text)]
    return Overlap(len(names) - len(missing), 0, len(names), missing, [])


def _is_named(name: str, text: str) -> bool:
    """True if a name is a whole word of the text; in scripts without spaces, anywhere."""
    before = f"(?<!{_WORD})" if name[0].isalnum() else ""
    after = f"(?!{_WORD})" if name[-1].isalnum() else ""
    return re.search(f"{before}{re.escape(name)}{after}", text) is not None


def _expected(expectations: Mapping[str, JSON]) -> list[Entity]:
    """The entities that the row expects."""
    answer = expectations.get("expected_response")
    if isinstance(answer, str):
        if answer.strip().casefold() in NOTHING:
            return []
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            answer = [answer]
    listed = answer if isinstance(answer, list) else [answer]
    expected = [entity for entity in map(_entity, listed) if entity.text.strip()]
    if not expected:
        shown = repr(expectations.get("expected_response"))[:60]
        fix = 'write a list: ["Oslo"], [{"text": "Oslo", "type": "place"}], or `none`'
        raise WorkbenchError(f"expected_response is {shown}, no list of entities", fix=fix)
    return expected


def _entity(value: JSON) -> Entity:
    """An entity of a text, or of an object with one of the usual keys."""
    if not isinstance(value, dict):
        return Entity("" if value is None else entry_text(value).strip(), "")
    texts = [value[key] for key in TEXT_KEYS if key in value]
    kinds = [value[key] for key in TYPE_KEYS if key in value]
    text, kind = [entry_text(each[0]).strip() if each else "" for each in (texts, kinds)]
    return Entity(text or entry_text(value), kind)


def expected_use(**_settings: JSON) -> ExpectedUse:
    """The use of a row's expected value: every entry is expected, so none is an answer alone."""
    return "other"
