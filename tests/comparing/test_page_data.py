"""The data of the comparison page: its first sentences, and the index over all rows."""

from collections.abc import Sequence

import pytest
from bench import Bench
from test_comparing import passes, score_plan

from workbench.comparing.comparison import ExperimentComparison
from workbench.evaluator import Score
from workbench.page.headline import headline
from workbench.page.index import row_index

TEXT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short, cheap]
models: [echo:last]
evaluators: [exact_match]
"""
GOOD, FAIR, POOR = passes(*[1] * 90, *[0] * 10), passes(*[1] * 88, *[0] * 12), passes(*[0] * 100)
CHOSEN = "Corrected for choosing from 3 variants, expect "


def compared(
    bench: Bench, answers: dict[str, Sequence[Score | None]], text: str = TEXT
) -> ExperimentComparison:
    for name in answers:
        bench.write(f"{name}.jinja", f"{name}: {{{{ text }}}}")
    rows = len(answers["plain"])
    lines = "".join(f'{{"text": "{n}", "label": "1"}}\n' for n in range(rows))
    bench.write("rows.jsonl", lines)
    plan = bench.plan(text)
    tallies: list = []
    results = score_plan(plan, answers, tallies)
    return ExperimentComparison(plan, results, tallies, lambda _: ())


@pytest.mark.parametrize(
    ("answers", "first", "others"),
    [
        (
            (POOR, GOOD, POOR),
            "short is the best by exact_match: 0.900 [0.826, 0.945] on 100 rows.",
            (CHOSEN, "the baseline plain it is better: +0.900", "All other variants are worse."),
        ),
        (
            (GOOD, FAIR, POOR),
            "Not enough evidence to name one best variant: plain leads by exact_match with 0.900 "
            "[0.826, 0.945] on 100 rows, but short may be as good.",
            (CHOSEN,),
        ),
        (
            (POOR, POOR, POOR),
            "No variant leads by exact_match: all 3 have 0.000 [0.000, 0.037] on 100 rows.",
            (),
        ),
        (
            (POOR, [*GOOD[:95], *[None] * 5], POOR),
            "short is the best by exact_match: 0.900 [0.826, 0.945] on 100 rows (5 failed rows at "
            "the worst score).",
            (CHOSEN, "+0.900", "All other variants are worse."),
        ),
    ],
    ids=["clear", "close", "equal", "failed"],
)
def test_the_first_sentence_names_the_best_variant_if_the_evidence_does(
    bench: Bench, answers: tuple, first: str, others: tuple[str, ...]
) -> None:
    comparison = compared(bench, dict(zip(("plain", "short", "cheap"), answers, strict=True)))
    found = headline(comparison, "exact_match")
    assert found
    assert found.sentences[0] == first
    assert len(found.sentences) == 1 + len(others)
    for sentence, part in zip(found.sentences[1:], others, strict=True):
        assert part in sentence
    assert found.is_clear == first.startswith("short is the best")


def test_a_single_variant_is_no_winner(bench: Bench) -> None:
    text = TEXT.replace("plain, short, cheap", "plain")
    found = headline(compared(bench, {"plain": GOOD}, text), "exact_match")
    assert found
    assert (found.is_clear, found.sentences) == (
        False,
        (
            "plain has exact_match 0.900 [0.826, 0.945] on 100 rows; there is no other variant "
            "to compare it with.",
        ),
    )


def test_the_index_has_states_outputs_and_values_of_every_row(bench: Bench) -> None:
    text = TEXT.replace(", cheap", "")
    failed = Score(error="no")
    answers = {"plain": passes(1, 0, 0, 1), "short": [Score(value=True), failed, Score(), None]}
    index = row_index(compared(bench, answers, text))
    assert (index["rows"], index["suspect"]) == (4, [[]])
    plain, short = index["variants"]
    assert (plain["states"], short["states"]) == ("0000", "0003")
    assert plain["metrics"] == [{"values": "1001", "errors": []}]
    assert short["metrics"] == [{"values": "1---", "errors": [1]}]
    marks = [Score(0.123456789), Score(3.0), Score("odd"), None]
    index = row_index(
        compared(bench, {"plain": marks, "short": [Score("b"), Score("a")] * 2}, text)
    )
    assert [variant["metrics"] for variant in index["variants"]] == [
        [{"values": [0.123457, 3, None, None], "errors": [2]}],
        [{"values": "", "errors": []}],
    ]
    moods = {"plain": [Score("calm"), Score("odd")] * 2, "short": [Score("b"), None] * 2}
    index = row_index(compared(bench, moods, text))
    assert [variant["metrics"][0]["values"] for variant in index["variants"]] == ["1212", "0-0-"]
