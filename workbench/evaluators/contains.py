"""Evaluator: the answer contains texts, or none of them.

>>> contains("It’s in PARIS.", {"expected_response": ["London", "Paris"]}).value
True
>>> contains("It is Rome.", texts=["Rome", "Italy"], match="all")
Score(value=False, reason='missing: Italy', label='', error='', parsed='')
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from workbench.canonical import JSON
from workbench.evaluator import Score, evaluator
from workbench.evaluator.lookup import ExpectedUse
from workbench.evaluators._required import (
    RequiredText,
    check_presence_settings,
    fold,
    judge_presence,
    required_texts,
    use_of_expected,
)
from workbench.evaluators._text import normalize_text, normalized_answers, read_steps


@evaluator(kind="pass")
def contains(
    outputs: str,
    expectations: Mapping[str, JSON] | None = None,
    *,
    texts: Sequence[str] | None = None,
    match: Literal["any", "all", "none"] = "any",
    ignore_case: bool = True,
    normalize: JSON = None,
) -> Score:
    """True if the answer contains `expected_response`, even inside a word.

    Of a list, `match` says how many: any, all or none. `texts` are used in place of
    `expected_response`. A number is compared as a string; true and false as whole words. With
    `ignore_case`, `PARIS` contains `Paris`. `normalize` switches steps of normalisation.
    """
    steps = read_steps(normalize)
    [answer] = fold([normalize_text(outputs, steps)], ignore_case)

    def is_present(text: RequiredText) -> bool:
        if text.boolean:
            return any(re.search(rf"\b{form}\b", answer) for form in text.forms)
        return any(form in answer for form in text.forms)

    required = required_texts(expectations, texts, steps, ignore_case=ignore_case)
    return judge_presence(required, is_present, match=match)


def check_expected(
    expectations: Mapping[str, JSON], *, normalize: JSON = None, **_settings: JSON
) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as the evaluator."""
    normalized_answers(expectations, read_steps(normalize))


def check_settings(**settings: JSON) -> None:
    """Check `texts`, `match` and `normalize`; raises WorkbenchError for one that isn't valid."""
    check_presence_settings("contains", settings)


def expected_use(*, texts: JSON = None, match: JSON = "any", **_settings: JSON) -> ExpectedUse:
    """The use of a row's expected value: none with `texts`."""
    return use_of_expected(texts, match)
