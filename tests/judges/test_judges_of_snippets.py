"""The measurement of local models as judges: pairs, counts, and verdicts of a scripted judge."""

import os
from pathlib import Path

import pytest
from openai_server import OpenAIServer, Reply, answer

from benchmarks import judges
from benchmarks.judges import LARGE, SMALL, Pair, PairVerdicts, Tally
from workbench.catalog.models import list_models

PAIRS = [Pair("A joy.", "A bore."), Pair("Superb.", "Dull.")]
RIGHT = PairVerdicts("wins", "first", "second")
WRONG = PairVerdicts("loses", "second", "first")
FIRST = PairVerdicts("order decided", "first", "first")
TIE = PairVerdicts("tie", "tie", "tie")


def test_share_of_a_row_is_over_those_who_took_a_side(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    lines = ["id,person,label", "1,a,positive", "1,b,", "1,c,negative", "2,a,positive"]
    file.write_text("\n".join(lines))
    assert judges.read_shares(file) == {"1": 0.5, "2": 1.0}


def test_pairs_are_always_the_same_and_share_no_snippet() -> None:
    shares = {str(n): n / 20 for n in range(21)}
    texts = {row: f"snippet {row}" for row in shares}
    pairs = judges.choose_pairs(texts, shares, 3)
    backwards = dict(reversed(texts.items()))
    assert judges.choose_pairs(backwards, shares, 3) == pairs
    assert {pair.good for pair in pairs} == {f"snippet {n}" for n in (18, 19, 20)}
    assert {pair.bad for pair in pairs} == {f"snippet {n}" for n in (0, 1, 2)}


def test_too_few_clear_snippets_are_no_measurement() -> None:
    with pytest.raises(ValueError, match="1 good and 0 bad snippets: too few for 1 pairs"):
        judges.choose_pairs({"1": "A joy.", "2": "So so."}, {"1": 1.0, "2": 0.5}, 1)


def test_pairs_are_counted_in_both_orders() -> None:
    assert judges.tally([RIGHT, RIGHT, WRONG, FIRST, TIE]) == Tally(
        pairs=5, decided=3, right=2, right_in_one_order=5, first_chosen=5
    )


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (
            Tally(pairs=100, decided=45, right=45, right_in_one_order=145, first_chosen=155),
            "| m | 100 | 45 | 45 (100.0%) | 92.1% to 100.0% | 72.5% | 77.5% | yes |",
        ),
        (
            Tally(pairs=100, decided=34, right=19, right_in_one_order=85, first_chosen=166),
            "| m | 100 | 34 | 19 (55.9%) | 37.9% to 72.8% | 42.5% | 83.0% "
            "| no better than chance |",
        ),
        (
            Tally(pairs=10, decided=0, right=0, right_in_one_order=10, first_chosen=20),
            "| m | 10 | 0 | 0 | 0.0% to 100.0% | 50.0% | 100.0% | no better than chance |",
        ),
    ],
)
def test_table_says_whether_a_judge_beats_chance(counts: Tally, line: str) -> None:
    assert counts.line("m") == line


@pytest.mark.parametrize(
    ("name", "decided", "right", "expected"),
    [
        (LARGE, 40, 38, True),
        (LARGE, 40, 37, False),
        (LARGE, 0, 0, False),
        (SMALL, 34, 19, True),
        (SMALL, 34, 30, False),
    ],
)
def test_targets(name: str, decided: int, right: int, *, expected: bool) -> None:
    counts = Tally(100, decided, right, right_in_one_order=100, first_chosen=100)
    assert judges.meets_target(name, counts) is expected


@pytest.mark.parametrize(
    ("chooses", "expected"),
    [
        (lambda first: "first" if first in ("A joy.", "Superb.") else "second", RIGHT),
        (lambda _: "first", FIRST),
        (lambda _: "tie", TIE),
    ],
)
def test_a_judge_sees_each_pair_in_both_orders(chooses, expected, server: OpenAIServer) -> None:
    def reply(path: str, body: dict, nth: int) -> Reply:
        text = body["messages"][-1]["content"]
        first = text.split("The first answer:\n")[1].splitlines()[1]
        return Reply(body=answer(f"Verdict: {chooses(first)}"))

    server.script = reply
    model = {"openai:judge": {"base_url": server.url}}
    assert judges.judge_pairs(model, PAIRS) == [expected, expected]
    assert len(server.bodies) == 4


@pytest.mark.skipif("WORKBENCH_JUDGES" not in os.environ, reason="`make judges` runs it")
@pytest.mark.timeout(3_600)
@pytest.mark.local_model
@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_a_local_model_chooses_in_each_order(name: str) -> None:
    if not next(model for model in list_models() if model.name == name).added:
        pytest.skip(f"run `workbench models add {name}` first")
    verdicts = judges.judge_pairs(f"transformers:{name}", PAIRS)
    choices = {choice for each in verdicts for choice in (each.direct, each.swapped)}
    assert choices <= {"first", "second", "tie"}
