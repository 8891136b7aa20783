"""The comparison page as a file: its data and its size."""

import json
import re
from pathlib import Path

import pytest
from command import invoke

from workbench.report import page


def data_of(page: str) -> dict:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_the_page_holds_every_row_and_every_number(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    done = invoke(project, "compare", "--html", str(file))
    assert (done.returncode, done.stderr) == (0, f"written: {file}\n")
    data = data_of(file.read_text())
    document = json.loads(invoke(project, "compare", "--json").stdout)
    assert [variant["name"] for variant in data["variants"]] == ["plain", "better"]
    assert [variant["base"] for variant in data["variants"]] == [None, 0]
    assert (
        data["variants"][1]["comparisons"]["exact_match"]
        == document["variants"][1]["comparisons"]["exact_match"]
    )
    assert (len(data["rows"]), data["omitted"]) == (40, 0)
    assert data["rows"][0] == {
        "id": "r0",
        "repeat": 0,
        "inputs": ["yes", "no", "even", "Row 0."],
        "expected": "yes",
        "cells": [
            {"text": "yes", "state": "", "scores": [1.0, 1.0]},
            {"text": "no", "state": "", "scores": [0.0, 1.0]},
        ],
        "same": [1],  # both are one token
    }
    assert (data["columns"], data["diffs"][0]["lines"][-1]) == (["a", "b", "kind", "n"], "+{{ b }}")


def test_rows_that_do_not_fit_are_left_out_those_that_differ_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page, "MAX_BYTES", 25)
    rows = [(n % 4 == 0, f"{n:05}") for n in range(12)]
    assert page._select_rows(iter(rows)) == (["00000", "00001", "00002", "00004", "00008"], 7)
    assert page._select_rows(iter(rows[:4])) == (["00000", "00001", "00002", "00003"], 0)
    wide = [(True, "é" * 10), (True, "e" * 10), (False, "é")]
    assert page._select_rows(iter(wide)) == (["é" * 10, "é"], 1)  # 20 bytes, and 2


def test_a_page_that_can_not_be_written_is_said(project: Path) -> None:
    done = invoke(project, "compare", "--html", "/dev/null/page.html")
    assert done.returncode == 5
    assert "/dev/null/page.html: can't be written" in done.stderr
