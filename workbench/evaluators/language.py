"""Evaluator: the answer is in a language.

>>> language("Die Besprechung wurde auf Donnerstag verschoben.", language="de").label
'de'
>>> language("Ja.", language="de")
Score(value=None, reason='2 letters are too few', label='unsure', error='', parsed='')
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, pluralize, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluator.lookup import ExpectedUse
from workbench.evaluators._expected import expected_texts

# Measured on 81 sentences in 27 languages, cut at every word: of the parts with 20 letters, 4% are
# taken for another language, and none of them with a probability of 0.6.
LEAST_LETTERS = 20
LEAST_PROBABILITY = 0.6
MOST_READ = 20_000  # characters
NO_LANGUAGE = "zxx"  # the model's label for numbers, code and the like
_NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")
_DENSE = re.compile(r"[\u0e00-\u0fff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_NAMES = """
arabic ar, bulgarian bg, catalan ca, chinese zh, croatian hr, czech cs, danish da, dutch nl,
english en, estonian et, finnish fi, french fr, german de, greek el, hebrew he, hindi hi,
hungarian hu, indonesian id, italian it, japanese ja, korean ko, latvian lv, lithuanian lt,
norwegian no, persian fa, polish pl, portuguese pt, romanian ro, russian ru, serbian sr, slovak sk,
slovenian sl, spanish es, swedish sv, thai th, turkish tr, ukrainian uk, vietnamese vi, nb no,
eng en, deu de, ger de, fra fr, fre fr, spa es, ita it, por pt, nld nl, pol pl, zho zh, jpn ja
"""
_CODES = dict(entry.split() for entry in _NAMES.split(","))


@evaluator(kind="pass")
def language(
    outputs: str, expectations: Mapping[str, JSON] | None = None, *, language: str = ""
) -> Score:
    """True if the answer is in `language`, an ISO 639-1 code such as `de`.

    Without the setting, the code is the row's `expected_response`; of a list, any is right. The
    score's label is the language that py3langid finds in the first 20,000 characters, without code
    and web addresses. An answer with fewer than 20 letters (10 of Chinese, Japanese, Korean or
    Thai), or whose language has a probability below 0.6, is `unsure` and left out. Languages that
    are close (Norwegian and Danish, Indonesian and Malay, Croatian and Serbian) may be confused.
    """
    wanted = [language] if language else _expected_codes(expectations or {})
    text = _NOT_PROSE.sub(" ", outputs[:MOST_READ])
    letters = len(_LETTER.findall(text))
    if letters + len(_DENSE.findall(text)) < LEAST_LETTERS:
        return Score(None, f"{pluralize(letters, 'letter is', 'letters are')} too few", "unsure")
    code, probability = _identifier().classify(text)
    if code == NO_LANGUAGE or probability < LEAST_PROBABILITY:
        return Score(None, f"perhaps {code}, with a probability of {probability:.2f}", "unsure")
    return Score(
        code in wanted, "" if code in wanted else f"{code}, not {' or '.join(wanted)}", code
    )


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row expects a language that is known; raises WorkbenchError if not."""
    _expected_codes(expectations)


def check_settings(**settings: JSON) -> None:
    """Check `language`; raises WorkbenchError for a code that is not known."""
    if settings.get("language"):
        _check_code(str(settings["language"]), "language of the evaluator language:")


def expected_use(*, language: str = "", **_settings: JSON) -> ExpectedUse:
    """The use of a row's expected value: none with `language`."""
    return "none" if language else "other"


def _expected_codes(expectations: Mapping[str, JSON]) -> list[str]:
    codes = [text.strip() for text in expected_texts(expectations)]
    for code in codes:
        _check_code(code, "language in expected_response:")
    return codes


@cache
def _check_code(code: str, kind: str) -> None:
    codes = [label for label in _identifier().labels if label != NO_LANGUAGE]
    if code in codes:
        return
    base = re.split("[-_]", code.lower())[0]
    near = _CODES.get(base, base)
    error = unknown_name(kind, code, codes)
    if near in codes:
        fix = f"did you mean {near!r}? Languages are ISO 639-1 codes"
        raise WorkbenchError(error.message, fix=fix)
    raise error


@cache
def _identifier() -> Any:
    """The model of py3langid, for languages with a code of two letters."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    codes = [label for label in identifier.labels if len(label) == 2]
    identifier.set_languages([*codes, NO_LANGUAGE])
    return identifier
