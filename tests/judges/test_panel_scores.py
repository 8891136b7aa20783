"""The score of several verdicts: majority or mean, and the label that says where they differ."""

import pytest

from workbench.judges.judge import Combine, Judge
from workbench.judges.judgment import Judgment
from workbench.prompt import Prompt
from workbench.prompt.settings import PromptSettings

VALUES = {"yes": 1.0, "partly": 0.5, "no": 0.0}
PROMPT = Prompt("judges", "polite", "judges/polite", "", "", PromptSettings(scores=VALUES))

# Verdicts, one a model ("-": it can't be read), how they are combined; value and label.
SCORES: dict[tuple[str, Combine], tuple[float | None, str]] = {
    ("yes", "majority"): (1.0, "yes"),
    ("yes yes yes", "majority"): (1.0, "yes"),
    ("yes yes no", "majority"): (1.0, "yes (split)"),
    ("yes yes no", "mean"): (pytest.approx(2 / 3), "yes (split)"),
    ("yes no", "majority"): (0.5, "tie"),
    ("yes partly no", "majority"): (0.5, "tie"),
    ("yes yes -", "majority"): (1.0, "yes"),
    ("yes - -", "majority"): (None, ""),
    ("-", "majority"): (None, ""),
}


@pytest.mark.parametrize("case", SCORES)
def test_verdicts_become_a_score(case: tuple[str, Combine]) -> None:
    words, combine = case
    verdicts = [
        (f"m{n}", Judgment(None, error="unparsed") if word == "-" else Judgment(word))
        for n, word in enumerate(words.split())
    ]
    score = Judge("polite", PROMPT, VALUES, (), combine=combine).score(verdicts)
    value, label = SCORES[case]
    assert (score.number, score.label) == (value, label)
    assert bool(score.error) == (value is None)
