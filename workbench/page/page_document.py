"""The document of a comparison's page, and the file that holds the rows that fit.

    <script type="application/json" id="data">{"experiment":"sentiment","variants":[…],…}</script>
    <script type="application/json" id="rows-0">[{"number":0,"id":"r0",…},…]</script>

Prompts, rows and outputs are in data blocks that no browser executes, and the script inserts them
as text. The Content-Security-Policy allows this script and this style by their digests, images that
the page holds, and nothing else: the file requests no address.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.confusion import ConfusionTable
from workbench.page.cell_ratings import CellRatings, rated_rows
from workbench.page.index import row_index
from workbench.page.page_summary import confusion_tables, page_summary
from workbench.page.row_blocks import RowText, more_blocks, row_blocks, select_rows
from workbench.page.rows import AnsweredRows, RowDetails

MAX_BYTES = 14_000_000  # of all rows: a page below 20 MB opens within seconds
Blocks = Iterable[tuple[str, str]]
PARTS = files("workbench.page")
# js/<name>.js, in the order in which they become one script.
SCRIPTS = (
    *("dom", "numbers", "index", "source", "live", "view", "ratings", "lists", "variants"),
    *("chart", "slices", "tables", "words", "answers", "detail", "csv", "start"),
)


@dataclass(frozen=True)
class ComparisonPage:
    """The comparison as a file, and its tables of expected and answered labels."""

    html: str
    confusions: Sequence[Mapping[str, JSON]]


def comparison_page(compared: ExperimentComparison, *, currency: str) -> ComparisonPage:
    """The file with the compared variants; of rows that don't fit, those that differ are kept."""
    evaluators = compared.plan.experiment.evaluators
    details = RowDetails(compared)
    tables = [ConfusionTable(each.name, len(details.variants)) for each in evaluators]
    shared: dict[str, int] = {}
    texts = _row_texts(details, tables, shared, CellRatings(compared.scored))
    rows, omitted = select_rows(texts, MAX_BYTES)
    summary = page_summary(compared, currency)
    confusions = confusion_tables(summary, tables)
    head = {
        **summary,
        "confusions": confusions,
        "omitted": omitted,
        "without_more": sum(not row.more for row in rows),
        "mlflow": compared.traces.address(),
        "index": {**row_index(compared), "rated": rated_rows(compared)},
    }
    more = chain(more_blocks(rows), [("shared", safe_json(list(shared)))])
    return ComparisonPage(page_document(head, row_blocks(rows), more), confusions)


def page_document(
    head: Mapping[str, JSON], blocks: Blocks = (), more: Blocks = (), *, connect: str = ""
) -> str:
    """The document with its data blocks: id and safe JSON of each.

    The blocks `more` come after the script, so that they don't delay the first rows. `connect` is a
    source that the script may read from, as "'self'"; empty: none.
    """
    style = PARTS.joinpath("page.css").read_text("utf-8")
    texts = (PARTS.joinpath("js", f"{name}.js").read_text("utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{"".join(texts)}}})();\n'
    page = PARTS.joinpath("page.html").read_text("utf-8")
    for name, text in (
        ("{connect}", f" connect-src {connect};" if connect else ""),
        ("{style_hash}", _hash(style)),
        ("{script_hash}", _hash(script)),
        ("{style}", style),
        ("{script}", script),
    ):
        page = page.replace(name, text)
    before, _, after = page.partition("{data}")
    between, _, end = after.partition("{more}")
    data = _elements(chain([("data", safe_json(head))], blocks))
    return "".join(chain([before], data, [between], _elements(more), [end]))


def _elements(blocks: Blocks) -> Iterator[str]:
    for name, text in blocks:
        yield from (f'<script type="application/json" id="{name}">', text, "</script>\n")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def safe_json(value: JSON) -> str:
    """JSON that ends no HTML element and no line, whatever it contains."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = text.encode("utf-8", "replace").decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _row_texts(
    details: RowDetails,
    tables: list[ConfusionTable],
    shared: dict[str, int],
    ratings: CellRatings,
) -> Iterator[RowText]:
    """Each row as JSON, its answers counted in the tables.

    Messages but the last of a prompt are in `shared`, by number.
    """
    for number, rows in details.read():
        for table in tables:
            for variant, row in enumerate(rows):
                table.add(variant, row)
        row_json = details.row_json(number, rows)
        ratings.add(row_json, rows)
        cells = row_json["cells"]
        scores = {json.dumps(cell and cell["scores"]) for cell in cells}
        differs = len(scores) > 1 or any(cell and cell["state"] for cell in cells)
        more = {"number": number, "more": _share_messages(details, rows, shared)}
        yield RowText(number, differs, safe_json(row_json), safe_json(more))


def _share_messages(details: RowDetails, rows: AnsweredRows, shared: dict[str, int]) -> list[JSON]:
    """Prompts and reasons of a row; messages but the last are numbers of `shared`."""
    more = details.more_json(rows)
    for cell in filter(None, more):
        for message in cell["prompt"][:-1]:
            message[1] = shared.setdefault(message[1], len(shared))
    return more
