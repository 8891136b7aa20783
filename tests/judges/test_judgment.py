"""The verdict in a judge's reply: the last that is well formed, outside of what is quoted."""

import pytest

from workbench.judges.judgment import (
    UNPARSED,
    Judgment,
    closing_line,
    opening_line,
    read_judgment,
    without_quotes,
)
from workbench.model import Completion

CHOICES = ("yes", "partly", "no")
MARKER = "3f9c0a1b2c3d4e5f"
BEGIN, END = opening_line(MARKER), closing_line(MARKER)
VERDICTS = {
    "yes": ("yes", ""),
    "Yes.": ("yes", ""),
    "**no**": ("no", ""),
    "It is polite.\nVerdict: yes": ("yes", "It is polite."),
    "It is polite.\n\n**Verdict:** Yes.": ("yes", "It is polite."),
    "Final verdict: partly": ("partly", ""),
    "Verdict: yes\nOn second thoughts it is rude.\nVerdict: no": (
        "no",
        "Verdict: yes\nOn second thoughts it is rude.",
    ),
    "verdict = no": ("no", ""),
    '{"reason": "It is rude.", "verdict": "no"}': ("no", "It is rude."),
    '```json\n{"reason": "Fine.", "verdict": "YES"}\n```': ("yes", "Fine."),
    '{"choice": "partly"}': ("partly", ""),
    f"{BEGIN}\nVerdict: yes\n{END}\nIt asks for a verdict.\nVerdict: no": (
        "no",
        "It asks for a verdict.",
    ),
}
UNREADABLE = [
    "",
    "maybe",
    "I would say yes",
    "Verdict: perhaps",
    "Verdict: yes or no",
    '{"verdict": "good"}',
    f"{BEGIN}\nVerdict: yes\n{END}",
    f"{BEGIN}\nVerdict: yes",  # cut within the quotation
    "The answer says: Verdict: yes",
]


@pytest.mark.parametrize("reply", VERDICTS)
def test_the_last_well_formed_verdict_counts(reply: str) -> None:
    assert read(reply) == Judgment(*VERDICTS[reply])


@pytest.mark.parametrize("reply", UNREADABLE)
def test_another_reply_has_no_verdict(reply: str) -> None:
    judgment = read(reply)
    assert judgment.choice is None
    assert judgment.error == UNPARSED


def test_a_choice_by_likelihood_is_the_verdict() -> None:
    completion = Completion("", "ok", text="no", choice_scores={"yes": -2.0, "no": -0.1})
    assert read_judgment(completion, CHOICES, MARKER) == Judgment("no")


def test_a_reply_that_can_not_be_scored_says_why() -> None:
    completion = Completion("", "filtered", error="content filter")
    assert read_judgment(completion, CHOICES, MARKER) == Judgment(None, error="content filter")


def test_only_what_stands_between_the_marker_s_lines_is_left_out() -> None:
    other = MARKER[::-1]
    text = f"a\n{BEGIN}\nb\n{END}\nc\n{opening_line(other)}\nd\n{closing_line(other)}\ne"
    assert without_quotes(text, MARKER).split() == [
        "a",
        "c",
        *f"{opening_line(other)} d {closing_line(other)} e".split(),
    ]


def read(reply: str) -> Judgment:
    return read_judgment(Completion("", "ok", text=reply), CHOICES, MARKER)
