"""The scores of judges that need no model any more: stored ones, and those that a check settles.

judged_score(evaluator, scores, stored)     Score(1.0, "Polite.", "yes"), or UNJUDGED
"""

from collections.abc import Iterable, Mapping

from workbench.evaluator import Evaluator, Score

UNJUDGED = Score(error="not judged yet: workbench run asks the judge")


def judged_score(evaluator: Evaluator, scores: Mapping[str, Score], stored: Score | None) -> Score:
    """The score of a judge on an answer.

    Args:
        evaluator: the judge's.
        scores: of the answer, by other evaluators.
        stored: of the judge; None: there is none.
    """
    condition = evaluator.settings.get("only_if")
    if condition and (score := _settled(*condition, scores=scores)):
        return score
    return stored or UNJUDGED


def waiting_judges(evaluators: Iterable[Evaluator], scores: Mapping[str, Score]) -> list[str]:
    """The names of the judges that are still to be asked about an answer."""
    return [e.name for e in evaluators if e.traits.judged and scores.get(e.name) == UNJUDGED]


def _settled(name: str, outcome: str, *, scores: Mapping[str, Score]) -> Score | None:
    """The check's score in place of the judge's; None: the judge is asked."""
    check = scores.get(name)
    if check is None or check.error or check.number is None:
        return None
    if outcome in (check.label, str(check.value), str(check.value).lower()):
        return None
    reason = f"by {name}, without the judge"
    return Score(check.number, f"{reason}: {check.reason}" if check.reason else reason)
