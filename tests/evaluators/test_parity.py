"""The sheet of scripted replies: every difference from other tools is explained and documented."""

import json

import pytest

from benchmarks.parity import PAIRS, RECORDED, ROOT, differences, explained, read_rows, table


@pytest.fixture(scope="module")
def peers() -> dict:
    return json.loads(RECORDED.read_text("utf-8"))["verdicts"]


def test_the_sheet_has_sixty_rows_of_three_kinds() -> None:
    kinds = [row["kind"] for row in read_rows()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "text": 20,
        "number": 20,
        "letter": 20,
    }


def test_every_difference_from_a_peer_is_explained(peers: dict) -> None:
    differing = {
        (pair.scorer, pair.kind): set(rows) for pair, _, rows in differences(peers) if rows
    }
    assert differing == {(pair.scorer, pair.kind): explained(pair) for pair in PAIRS}


def test_the_documentation_has_the_table(peers: dict) -> None:
    assert table(peers) in (ROOT / "docs" / "evaluators.md").read_text("utf-8")
