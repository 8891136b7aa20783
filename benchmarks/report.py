"""Write the tables of docs/performance.md from benchmarks/results/.

python -m benchmarks.report

Between `<!-- table: api_window -->` and `<!-- end -->` goes the table of results/api_window.json;
the rest of the page stays unchanged.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT
from benchmarks.results import RESULTS

PAGE = ROOT / "docs" / "performance.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Json = dict[str, Any]


def filled(page: str, results: Path) -> str:
    """The page, with every marked table that has results."""

    def table(marked: re.Match[str]) -> str:
        file = results / f"{marked[2]}.json"
        if not file.exists():
            return marked[0]
        lines = "\n".join(lines_of(json.loads(file.read_text(encoding="utf-8"))))
        return f"{marked[1]}{lines}\n{marked[3]}"

    return MARKED.sub(table, page)


def lines_of(sheet: Json) -> Iterator[str]:
    """One table: medians, in brackets smallest to largest, and the ratio to one contestant."""
    columns: dict[str, str] = sheet["columns"]
    used = {name for case in sheet["cases"] for name in case["median"]}
    columns = {name: heading for name, heading in columns.items() if name in used}
    ratio = next(iter(columns)) if sheet["beside"] else ""
    yield ""
    headings = [
        "case",
        "who",
        *columns.values(),
        *([f"{columns[ratio]}: ratio"] if ratio else []),
        "runs",
    ]
    yield f"| {' | '.join(headings)} |"
    yield "|---" * len(headings) + "|"
    for case in sheet["cases"]:
        cells = [case["case"], case["contestant"], *(spread(case, name) for name in columns)]
        cells += [ratio_of(case, sheet, ratio)] if ratio else []
        yield f"| {' | '.join(cells)} | {len(case['runs'])} |"
    yield ""
    yield f"{sheet['note']} Medians, in brackets smallest to largest. {where(sheet)}"
    yield ""


def spread(case: Json, name: str) -> str:
    """`1.72 (1.70–1.81)`, or nothing if it was not measured."""
    if name not in case["median"]:
        return ""
    median, low, high = (number(case[word][name]) for word in ("median", "min", "max"))
    return median if low == high else f"{median} ({low}–{high})"


def ratio_of(case: Json, sheet: Json, name: str) -> str:
    """To the median of the contestant that the sheet names, in the same case."""
    for other in sheet["cases"]:
        same = (other["case"], other["contestant"]) == (case["case"], sheet["beside"])
        if same and other["median"].get(name) and name in case["median"]:
            return f"{case['median'][name] / other['median'][name]:.2f}"
    return ""


def number(value: float) -> str:
    """The number with three significant figures."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def where(sheet: Json) -> str:
    """Date, machine and versions."""
    machine = sheet["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in sheet["versions"].items())
    return (
        f"{sheet['date']}; {machine['processor']}, {machine['cores']} cores, {machine['memory']}, "
        f"{machine['system']}; {versions}."
    )


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(text, RESULTS), encoding="utf-8")
    missing = [
        name for _, name, _ in MARKED.findall(text) if not (RESULTS / f"{name}.json").exists()
    ]
    if missing:
        sys.stderr.write(f"no results yet: {', '.join(missing)}\n")


if __name__ == "__main__":
    main()
