"""The scores of judges that need no model any more: stored ones, and those that a check settles.

judged_score(evaluator, scores, stored)     Score(1.0, "Polite.", "yes"), or UNJUDGED
"""

from collections.abc import Iterable, Mapping

from workbench.evaluator import Evaluator, Score
from workbench.model import Completion
from workbench.results.types import Row

# The baseline's answer to a row of a variant that has no baseline.
UNPAIRED = Completion("", "failed", error="the variant has no baseline")
NO_BASELINE = Score()
UNJUDGED = Score(error="not judged yet: workbench run asks the judge")


def judged_score(evaluator: Evaluator, scores: Mapping[str, Score], stored: Score | None) -> Score:
    """The score of a judge on an answer.

    Args:
        evaluator: the judge's.
        scores: of the answer, by other evaluators.
        stored: of the judge; None: there is none.
    """
    condition = evaluator.settings.get("only_if")
    if condition and (score := settled_score(*condition, scores=scores)):
        return score
    return stored or UNJUDGED


def unreadable_pair(evaluator: Evaluator, row: Row) -> Score | None:
    """The score of a pair that no judge can be asked about; None: it can."""
    if "baseline" not in evaluator.arguments or (row.baseline and row.baseline.scored):
        return None
    if row.baseline is None:
        return UNJUDGED
    if row.baseline == UNPAIRED:
        return NO_BASELINE
    return Score(error="the baseline's answer can't be scored")


def waiting_judges(evaluators: Iterable[Evaluator], scores: Mapping[str, Score]) -> list[str]:
    """The names of the judges that are still to be asked about an answer."""
    return [e.name for e in evaluators if e.traits.judged and scores.get(e.name) == UNJUDGED]


def settled_score(name: str, outcome: str, *, scores: Mapping[str, Score]) -> Score | None:
    """The check's score in place of the judge's; None: the judge is asked.

    A check that doesn't apply, but has an outcome by its label, has settled the row, too.
    """
    check = scores.get(name)
    if check is None or check.error or (check.number is None and not check.label):
        return None
    if outcome in (check.label, str(check.value), str(check.value).lower()):
        return None
    if check.number is None:
        return Score(reason=f"{name} is {check.label}, not {outcome}")
    reason = f"by {name}, without the judge"
    return Score(check.number, f"{reason}: {check.reason}" if check.reason else reason)
