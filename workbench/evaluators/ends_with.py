"""Evaluator: the answer ends with a text, or with none of them.

>>> ends_with("It costs 5 EUR", texts=["eur"]).value
True
>>> ends_with("It costs 5 EUR", texts=["USD"])
Score(value=False, reason='missing at the end: USD', label='', error='', parsed='')
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from workbench.canonical import JSON
from workbench.evaluator import Score, evaluator
from workbench.evaluators._required import (
    RequiredText,
    check_presence_settings,
    fold,
    judge_presence,
    required_texts,
)
from workbench.evaluators._text import normalize_text, read_steps
from workbench.evaluators.contains import check_expected, expected_use

__all__ = ["check_expected", "check_settings", "ends_with", "expected_use"]


@evaluator(kind="pass")
def ends_with(
    outputs: str,
    expectations: Mapping[str, JSON] | None = None,
    *,
    texts: Sequence[str] | None = None,
    match: Literal["any", "none"] = "any",
    ignore_case: bool = True,
    normalize: JSON = None,
) -> Score:
    """True if the answer ends with `expected_response`, even inside a word.

    White space at the end of both is ignored. Of a list, any entry counts; with `match: none` the
    answer must end with none of them. `texts` are used in place of `expected_response`. A number is
    compared as a string; true and false as whole words. With `ignore_case`, `in PARIS` ends with
    `Paris`. `normalize` switches steps of normalisation.
    """
    steps = read_steps(normalize)
    [answer] = fold([normalize_text(outputs, steps).rstrip()], ignore_case)

    def is_present(text: RequiredText) -> bool:
        if text.boolean:
            return any(re.search(rf"\b{form}\Z", answer) for form in text.forms)
        return any(answer.endswith(form.rstrip()) for form in text.forms)

    required = required_texts(expectations, texts, steps, ignore_case=ignore_case)
    return judge_presence(required, is_present, match=match, place="at the end")


def check_settings(**settings: JSON) -> None:
    """Check `texts`, `match` and `normalize`; raises WorkbenchError for one that isn't valid."""
    check_presence_settings("ends_with", settings, ("any", "none"))
