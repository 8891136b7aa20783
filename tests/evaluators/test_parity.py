"""The sheet of scripted replies: every difference from other tools is explained and documented."""

import json

import pytest

from benchmarks.parity import (
    PAIRS,
    RECORDED,
    ROOT,
    differences,
    direct_verdicts,
    explained,
    read_rows,
    table,
)
from benchmarks.parity_run import command_verdicts


@pytest.fixture(scope="module")
def peers() -> dict:
    return json.loads(RECORDED.read_text("utf-8"))["verdicts"]


@pytest.fixture(scope="module")
def workbench() -> dict:
    return json.loads(RECORDED.read_text("utf-8"))["workbench"]


def test_evaluators_say_what_the_command_recorded(workbench: dict) -> None:
    assert direct_verdicts(read_rows()) == workbench


@pytest.mark.nightly
def test_the_command_gives_the_recorded_verdicts(workbench: dict) -> None:
    columns = {pair.name: (pair.evaluator, pair.settings, pair.kind) for pair in PAIRS}
    assert command_verdicts(columns, read_rows()) == workbench


def test_the_sheet_has_sixty_rows_of_three_kinds() -> None:
    kinds = [row["kind"] for row in read_rows()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "text": 20,
        "number": 20,
        "letter": 20,
    }


def test_every_difference_from_a_peer_is_explained(peers: dict, workbench: dict) -> None:
    differing = {
        (pair.scorer, pair.kind): set(rows)
        for pair, _, rows in differences(peers, workbench)
        if rows
    }
    assert differing == {(pair.scorer, pair.kind): explained(pair) for pair in PAIRS}


def test_the_documentation_has_the_table(peers: dict, workbench: dict) -> None:
    assert table(peers, workbench) in (ROOT / "docs" / "evaluators.md").read_text("utf-8")
