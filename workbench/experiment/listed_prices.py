"""Published prices of an experiment's models, where workbench.yaml has none.

listed_prices(project, models, layers).prices     {"openai:gpt-6-luna": Price(input=0.1, …)}
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.canonical import JSON
from workbench.catalog.published_prices import read_published
from workbench.errors import list_first
from workbench.model import OpenModel
from workbench.project import Price, Project

STANDARD_TIERS = (None, "auto", "default")
MOST_NAMES = 3  # in a note


@dataclass(frozen=True)
class ListedPrices:
    """Prices that come with Workbench.

    Attributes:
        prices: by `provider:name`, of models that have no price in workbench.yaml.
        as_of: their date; empty: there are none.
        notes: for the user.
    """

    prices: dict[str, Price] = field(default_factory=dict)
    as_of: str = ""
    notes: tuple[str, ...] = ()


def listed_prices(
    project: Project, models: Sequence[OpenModel], layers: Iterable[Mapping[str, JSON]]
) -> ListedPrices:
    """The published prices of models at their providers' own addresses.

    A model that is also asked at another address has none, as prices are by name.

    Args:
        project: its prices come first.
        models: those that answer, and those that score.
        layers: every mapping of parameters, for a service tier that has prices of its own.
    """
    published = read_published()
    figures_of: dict[str, Mapping[str, JSON]] = {}
    elsewhere: set[str] = set()
    for each in models:
        ref = each.model.ref
        figures = published.figures(getattr(each.provider, "host", ""), each.model.name)
        if figures is None:
            elsewhere.add(ref)
        else:
            figures_of[ref] = figures
    unpriced = [
        ref for ref in figures_of if ref not in elsewhere and ref not in project.file.prices
    ]
    if not unpriced:
        return ListedPrices()
    names = list_first(unpriced, MOST_NAMES)
    if project.file.currency != published.currency:
        problem = f"published prices are in {published.currency}, not {project.file.currency}"
        return ListedPrices(notes=(f"no price for {names}: {problem} (workbench.yaml)",))
    if tier := next((tier for tier in _service_tiers(layers) if tier not in STANDARD_TIERS), None):
        problem = f"service_tier {tier!r:.20} has prices of its own"
        return ListedPrices(notes=(f"no price for {names}: {problem} (workbench.yaml)",))
    note = (
        f"{names}: prices as of {published.as_of}, from {published.source.partition(' (')[0]}; "
        "`prices:` in workbench.yaml replaces them"
    )
    prices = {ref: Price.model_validate(figures_of[ref]) for ref in unpriced}
    return ListedPrices(prices, published.as_of, (note,))


def _service_tiers(layers: Iterable[Mapping[str, JSON]]) -> Iterator[JSON]:
    for layer in layers:
        yield layer.get("service_tier")
        extra = layer.get("extra_body")
        yield extra.get("service_tier") if isinstance(extra, Mapping) else None
