"""The table of the library in docs/evaluators.md is made from the code.

WORKBENCH_WRITE_DOCS=1 writes it: make evaluator-table.
"""

import os
from pathlib import Path

from workbench.evaluator.description import describe_all
from workbench.report.evaluators import library_table

DOCUMENT = Path(__file__).parents[2] / "docs" / "evaluators.md"
BEGIN, END = "<!-- made from the code: make evaluator-table -->\n", "<!-- end -->"


def test_the_table_of_the_library_is_that_of_the_code(tmp_path: Path) -> None:
    text = DOCUMENT.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    described = [each for each in describe_all(tmp_path) if each.origin == "workbench"]
    made = f"\n{library_table(described)}\n\n"
    if os.environ.get("WORKBENCH_WRITE_DOCS"):
        DOCUMENT.write_text(f"{before}{BEGIN}{made}{END}{after}", "utf-8")
        return
    assert table == made
