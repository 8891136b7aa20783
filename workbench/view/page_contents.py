"""The contents of the live page, but for ratings and addresses.

contents = read_contents(compare, store, "USD")
contents.head["variants"][0]["name"]     "few_shot · gpt-6-luna"
"""

from collections.abc import Callable
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.confusion import ConfusionTable
from workbench.page.index import row_index
from workbench.page.page_summary import confusion_tables, page_summary
from workbench.page.rows import RowDetails
from workbench.store import Store
from workbench.store.changes import Look

MAX_CONFUSED = 50_000  # answers above which no table of expected and answered labels is made


@dataclass(frozen=True)
class PageContents:
    """The comparison of one look at the store.

    Attributes:
        compared: reads the rows.
        head: the page's data: summary and index.
        look: at the store, before it was compared.
    """

    compared: ExperimentComparison
    head: dict[str, JSON]
    look: Look


def read_contents(
    compare: Callable[[], ExperimentComparison], store: Store, currency: str
) -> PageContents:
    """Compare what is stored now."""
    look = Look.at(store.database)  # before: an answer that comes meanwhile is shown as new
    compared = compare()
    return PageContents(compared, page_head(compared, currency), look)


def page_head(compared: ExperimentComparison, currency: str) -> dict[str, JSON]:
    """The page's data: summary and index."""
    summary = page_summary(compared, currency)
    return {
        **summary,
        "confusions": confusion_tables(summary, _confusion_tables(compared)),
        "omitted": 0,
        "without_more": 0,
        "index": row_index(compared),
    }


def _confusion_tables(compared: ExperimentComparison) -> list[ConfusionTable]:
    names = [evaluator.name for evaluator in compared.plan.experiment.evaluators]
    details = RowDetails(compared)
    tables = [ConfusionTable(name, len(details.variants)) for name in names]
    if compared.plan.planned <= MAX_CONFUSED:
        for _, rows in details.read():
            for table in tables:
                for variant, row in enumerate(rows):
                    table.add(variant, row)
    return tables
