"""Evaluator: the answer is JSON."""

import json
import re
from typing import NoReturn

from workbench.evaluator import Score, evaluator

_FENCE = re.compile(r"```(?:json)?[^\S\n]*\n(.*)```", re.DOTALL | re.IGNORECASE)


@evaluator(kind="pass")
def json_valid(outputs: str, *, fenced: bool = True) -> Score:
    """True if the answer is one JSON value (RFC 8259: no NaN, no comments).

    White space around the value is allowed, and, if `fenced`, a Markdown code block around it.
    """
    text = outputs.strip()
    block = _FENCE.fullmatch(text) if fenced else None
    try:
        # numbers are not converted, so that none is too large
        json.loads(block[1] if block else text, parse_constant=_refuse, parse_int=len)
    except ValueError as error:
        return Score(False, reason=str(error))
    except RecursionError:
        return Score(False, reason="it is nested too deeply")
    return Score(True)


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
