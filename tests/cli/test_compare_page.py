"""The comparison page as a file: its data and its size."""

import json
import re
from pathlib import Path

from command import invoke

from workbench.page.row_blocks import RowText, select_rows


def blocks_of(page: str) -> dict:
    """The data blocks of a page by id."""
    blocks = re.findall(r'<script type="application/json" id="(.*?)">(.*?)</script>', page)
    return {name: json.loads(text) for name, text in blocks}


def test_the_page_holds_every_row_and_every_number(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    done = invoke(project, "compare", "--html", str(file))
    assert (done.returncode, done.stderr) == (0, f"written: {file}\n")
    blocks = blocks_of(file.read_text())
    data, rows = blocks["data"], blocks["rows-0"]
    document = json.loads(invoke(project, "compare", "--json").stdout)
    assert [variant["name"] for variant in data["variants"]] == ["plain", "better"]
    assert [variant["base"] for variant in data["variants"]] == [None, 0]
    assert (
        data["variants"][1]["comparisons"]["exact_match"]
        == document["variants"][1]["comparisons"]["exact_match"]
    )
    assert (len(rows), data["omitted"], data["without_more"]) == (40, 0, 0)
    traces = {cell.pop("trace") for row in rows for cell in row["cells"]}
    assert (len(traces), data["mlflow"]) == (80, "")
    assert all(re.fullmatch(r"1/tr-[0-9a-f]{32}", trace) for trace in traces)
    assert rows[0] == {
        "number": 0,
        "id": "r0",
        "repeat": 0,
        "inputs": ["yes", "no", "even", "Row 0."],
        "expected": "yes",
        "cells": [
            {"text": "yes", "state": "", "scores": [1.0, 1.0], "tokens": [1, 1]},
            {"text": "no", "state": "", "scores": [0.0, 1.0], "tokens": [1, 1]},
        ],
    }
    assert blocks["more-0"][0] == {
        "number": 0,
        "more": [
            {"reasons": [], "prompt": [["system", 0], ["user", "yes"]]},
            {"reasons": [], "prompt": [["system", 0], ["user", "no"]]},
        ],
    }
    assert blocks["shared"][0] == "Row 0."
    index = data["index"]
    assert (index["rows"], index["suspect"]) == (40, [[], []])
    for number, row in enumerate(rows):
        for variant, cell in zip(index["variants"], row["cells"], strict=True):
            passed, tokens = (metric["values"] for metric in variant["metrics"])
            assert variant["states"][number] == "0"
            assert [float(passed[number]), tokens[number]] == cell["scores"]
    assert (data["columns"], data["diffs"][0]["lines"][-1]) == (["a", "b", "kind", "n"], "+{{ b }}")


def test_rows_that_do_not_fit_are_left_out_those_that_differ_last() -> None:
    def selected(rows: list[tuple[bool, str]], size: int, more: str = "") -> tuple[list[str], int]:
        texts = (RowText(n, differs, text, more) for n, (differs, text) in enumerate(rows))
        chosen, omitted = select_rows(texts, size)
        return [row.text + row.more for row in chosen], omitted

    rows = [(n % 4 == 0, f"{n:05}") for n in range(12)]
    assert selected(rows, 25) == (["00000", "00001", "00002", "00004", "00008"], 7)
    assert selected(rows[:4], 25) == (["00000", "00001", "00002", "00003"], 0)
    wide = [(True, "é" * 10), (True, "e" * 10), (False, "é")]
    assert selected(wide, 25) == (["é" * 10, "é"], 1)  # 20 bytes, and 2
    # Prompts and reasons take what the texts leave, first those of rows that differ.
    assert selected(rows[3:6], 19, "12") == (["0000312", "0000412", "00005"], 0)
    assert selected(rows[3:6], 18, "12") == (["00003", "0000412", "00005"], 0)


def test_a_page_that_can_not_be_written_is_said(project: Path) -> None:
    done = invoke(project, "compare", "--html", "/dev/null/page.html")
    assert done.returncode == 5
    assert "/dev/null/page.html: can't be written" in done.stderr
