r"""Evaluator: the agreement of a list in the answer with the expected list.

>>> expected = {"expected_response": ["red", "green", "blue", "black"]}
>>> set_overlap("- Red\n- Blue\n- Black\n- Pink", expected).reason
'missing: green; extra: pink'
"""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, list_first
from workbench.evaluator import Score, evaluator
from workbench.evaluator.lookup import ExpectedUse
from workbench.evaluators._lists import NOTHING, entry_text, json_list, read_items
from workbench.evaluators._overlap import MOST_SHOWN, check_measure, compare_lists
from workbench.evaluators._text import normalize_text, read_steps


@evaluator(kind="number", range=(0, 1))
def set_overlap(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    measure: str = "f1",
    separator: str = "",
    ordered: bool = False,
    ignore_case: bool = True,
    normalize: JSON = None,
) -> Score:
    """The agreement of the answer's list with the expected one, where every entry is expected.

    The list is JSON, bullets, lines, or items with commas (or `;`) between, after a sentence that
    ends with a colon, too. Each entry counts once. `none` is a list without items.

    Args:
        outputs: the answer.
        expectations: `expected_response` is a list, all of whose entries are expected, or a text
            that is read as an answer is; `none`: no entry is.
        measure: f1, precision, recall, jaccard, or exact (1 for the same items, else 0).
        separator: the text between two items.
        ordered: items count only as far as they stand in the expected order: as many as the
            longest common subsequence has.
        ignore_case: `Red` is `red`.
        normalize: steps of normalisation that are on or off; `none` for none.

    Raises:
        WorkbenchError: the row expects no list.
    """
    steps = read_steps(normalize)
    expected = _expected_items(expectations, separator)
    is_joined = not any(" and " in entry or " & " in entry for entry in expected)

    def folded(entry: str) -> str:
        text = " ".join(normalize_text(entry, steps).split())
        return text.casefold() if ignore_case else text

    items = _without_nothing(read_items(outputs, separator, joined=is_joined))
    answered = [folded(entry) for entry in items]
    score = compare_lists(answered, [folded(entry) for entry in expected], ordered=ordered)
    shown = list_first([entry[:40] for entry in dict.fromkeys(answered)], MOST_SHOWN)
    result = score.score(measure)
    return Score(result.value, result.reason, parsed=shown)


def check_expected(
    expectations: Mapping[str, JSON], *, separator: str = "", **_settings: JSON
) -> None:
    """Check that the row expects a list; raises WorkbenchError as `set_overlap` does."""
    _expected_items(expectations, separator)


def check_settings(**settings: JSON) -> None:
    """Check `measure` and `normalize`; raises WorkbenchError if one isn't valid."""
    check_measure(settings.get("measure", "f1"), "set_overlap")
    read_steps(settings.get("normalize"), "set_overlap")


def _expected_items(expectations: Mapping[str, JSON], separator: str) -> list[str]:
    answer = expectations.get("expected_response")
    if isinstance(answer, str) and answer.strip():
        listed = json_list(answer) if answer.lstrip().startswith("[") else None
        if listed is None:
            return _without_nothing(read_items(answer, separator, joined=False))
        answer = listed or ["none"]
    entries = answer if isinstance(answer, list) else [answer]
    items = [entry_text(entry).strip() for entry in entries if entry is not None]
    if not any(items):
        fix = "write a list of items, or `none` for a row in which there are none"
        raise WorkbenchError(f"expected_response is {answer!r:.60}, not a list", fix=fix)
    return _without_nothing([entry for entry in items if entry])


def _without_nothing(items: list[str]) -> list[str]:
    """The items, unless they only say that there are none."""
    return [] if len(items) == 1 and items[0].casefold() in NOTHING else items


def expected_use(**_settings: JSON) -> ExpectedUse:
    """The use of a row's expected value: every entry is expected, so none is an answer alone."""
    return "other"
