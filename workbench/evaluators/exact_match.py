"""Whether the answer is the expected text, nothing more and nothing less."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import evaluator
from workbench.evaluators._expected import expected_text


@evaluator(kind="pass")
def exact_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    ignore_case: bool = False,
    strip: bool = True,
) -> bool:
    """True where the answer equals `expected_response`.

    Args:
        outputs: the answer.
        expectations: with `expected_response`; a number is compared as text.
        ignore_case: `Yes` equals `yes`.
        strip: white space at both ends of either counts for nothing.
    """
    answer, wanted = outputs, expected_text(expectations)
    if strip:
        answer, wanted = answer.strip(), wanted.strip()
    if ignore_case:
        answer, wanted = answer.casefold(), wanted.casefold()
    return answer == wanted
