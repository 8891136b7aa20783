"""Evaluator: the answer starts with a text, or with none of them.

>>> starts_with("Answer: 42", texts=["answer:"]).value
True
>>> starts_with("Answer: 42", texts=["Result:"])
Score(value=False, reason='missing at the start: Result:', label='', error='', parsed='')
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

__all__ = ["check_expected", "check_settings", "expected_use", "starts_with"]


@evaluator(kind="pass")
def starts_with(
    outputs: str,
    expectations: Mapping[str, JSON] | None = None,
    *,
    texts: Sequence[str] | None = None,
    match: Literal["any", "none"] = "any",
    ignore_case: bool = True,
    normalize: JSON = None,
) -> Score:
    """True if the answer starts with `expected_response`, even inside a word.

    White space at the start of both is ignored. Of a list, any entry counts; with `match: none` the
    answer must start with none of them. `texts` are used in place of `expected_response`. A number
    is compared as a string; true and false as whole words. With `ignore_case`, `YES, it is` starts
    with `Yes`. `normalize` switches steps of normalisation.
    """
    steps = read_steps(normalize)
    [answer] = fold([normalize_text(outputs, steps).lstrip()], ignore_case)

    def is_present(text: RequiredText) -> bool:
        if text.boolean:
            return any(re.match(rf"{form}\b", answer) for form in text.forms)
        return any(answer.startswith(form.lstrip()) for form in text.forms)

    required = required_texts(expectations, texts, steps, ignore_case=ignore_case)
    return judge_presence(required, is_present, match=match, place="at the start")


def check_settings(**settings: JSON) -> None:
    """Check `texts`, `match` and `normalize`; raises WorkbenchError for one that isn't valid."""
    check_presence_settings("starts_with", settings, ("any", "none"))
