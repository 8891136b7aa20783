"""`workbench store explain` of a row with judges, and of the key of a judge's request."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import invoke
from judged_task import POLITE, run, write_judged_task
from openai_server import OpenAIServer

SETTLED = '  - rubric: {rubric: "The same.", name: same, only_if: exact_match is false}'
PAIR = "  - pairwise: {}"
TEXTS = ["row 1", "row 2", "row 3"]


def explain(home: Path, *words: str) -> Any:
    done = invoke(home, "store", "explain", "--task", "qa", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in words else done.stdout.splitlines()


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer) -> Path:
    """A run with one judge, to which others are added."""
    write_judged_task(tmp_path, server, judges=[POLITE], prompts="plain, loud", texts=TEXTS)
    run(tmp_path)
    return tmp_path


def test_a_stored_verdict_s_request_is_named(home: Path) -> None:
    lines = explain(home, "r1")
    number = lines.index(next(line for line in lines if line.startswith("plain")))
    assert lines[number + 1].startswith("  stored: ")
    assert lines[number + 2].startswith("  judge polite on openai:judge  ")
    assert lines[number + 3].startswith("    stored: ")


def test_a_call_that_will_be_made_has_the_nearest_stored_one(
    home: Path, server: OpenAIServer
) -> None:
    write_judged_task(
        home, server, judges=[POLITE.replace("polite.", "kind.")], prompts="plain", texts=TEXTS
    )
    (cell,) = explain(home, "r1", "--json")["cells"]
    (judge,) = cell["judges"]
    assert (judge["judge"], judge["model"], judge["stored"]) == ("polite", "openai:judge", False)
    (difference,) = judge["nearest"]["differences"]
    assert difference["path"] == "body.messages[1].content"
    lines = explain(home, "r1")
    assert "    not stored: never sent" in lines
    assert any("It is polite" in line and "It is kind" in line for line in lines)


# The judges, the prompts, and the reasons of `plain` and `loud` for row r1.
REASONS: dict[str, tuple[str, list[str]]] = {
    "a check settles it": (
        SETTLED,
        ["exact_match is true, not false", "asked"],
    ),
    "a pair": (PAIR, ["the variant has no baseline", "asked"]),
}


@pytest.mark.parametrize("case", REASONS)
def test_a_call_that_is_not_made_has_its_reason(
    home: Path, server: OpenAIServer, case: str
) -> None:
    judge, expected = REASONS[case]
    write_judged_task(home, server, judges=[judge], prompts="plain, loud", texts=TEXTS)
    if judge == SETTLED:  # by a score that is stored
        run(home)
    cells = explain(home, "r1", "--json")["cells"]
    assert [cell["judges"][0].get("not_asked", "asked") for cell in cells] == expected
    assert f"  judge {cells[0]['judges'][0]['judge']}: not asked: {expected[0]}" in explain(
        home, "r1"
    )


def test_a_missing_answer_is_the_reason(home: Path, server: OpenAIServer) -> None:
    write_judged_task(home, server, judges=[POLITE], prompts="plain", texts=["row 9"])
    (cell,) = explain(home, "r0", "--json")["cells"]
    assert cell["judges"] == [{"judge": "polite", "not_asked": "the answer is not stored yet"}]


def test_a_judge_s_key_names_judge_row_and_variant(home: Path) -> None:
    plain, loud = explain(home, "r1", "--json")["cells"]
    for cell, name in ((plain, "plain"), (loud, "loud")):
        key = cell["judges"][0]["key"]
        assert explain(home, key[:12])[1] == f"for       judge polite on row r1 of {name}"
        assert explain(home, key, "--json")["for"] == [f"judge polite on row r1 of {name}"]
        assert explain(home, cell["key"])[1] == f"for       row r1 of {name}"


def test_an_order_of_a_pair_is_named(home: Path, server: OpenAIServer) -> None:
    write_judged_task(home, server, judges=[PAIR], prompts="plain, loud", texts=TEXTS)
    _, loud = explain(home, "r1", "--json")["cells"]
    direct, swapped = loud["judges"]
    assert (direct["swapped"], swapped["swapped"]) == (False, True)
    places = explain(home, swapped["key"], "--json")["for"]
    assert places == ["judge better on row r1 of loud, the baseline's answer first"]
