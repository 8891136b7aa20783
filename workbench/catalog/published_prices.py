"""Prices that providers have published, as of a date, from prices.jsonl beside this file.

published = read_published()
published.as_of                                         "2026-11-09"
published.figures("api.openai.com", "gpt-6-luna")       {"input": 0.1, "output": 0.5, …}

They are for a provider's own address only, and for the names that its list has: a snapshot that
isn't listed has no price. Models whose price depends on the hour, or changes on a known day, are
left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

FILE = "prices.jsonl"
OPENAI_HOST = "api.openai.com"


@dataclass(frozen=True)
class PublishedPrices:
    """A list of prices.

    Attributes:
        as_of: the day of the newest price in it.
        source: the list that it was taken from.
        currency: of all prices.
        pages: the page of each provider's prices, by host.
        by_model: prices of a million tokens, by host and model.
    """

    as_of: str
    source: str
    currency: str
    pages: Mapping[str, str]
    by_model: Mapping[tuple[str, str], Mapping[str, Any]]

    def figures(self, host: str, model: str) -> Mapping[str, Any] | None:
        """The price of a model at a host; None: it isn't listed."""
        return self.by_model.get((host, model))

    def names(self, host: str) -> list[str]:
        """The models that are listed of a host."""
        return [model for listed, model in self.by_model if listed == host]


@cache
def read_published() -> PublishedPrices:
    """The list that comes with the package."""
    head, *lines = (files("workbench.catalog") / FILE).read_text("utf-8").splitlines()
    prices: dict[tuple[str, str], Mapping[str, Any]] = {}
    for line in lines:
        figures = json.loads(line)
        prices[figures.pop("host"), figures.pop("model")] = figures
    return PublishedPrices(**json.loads(head), by_model=prices)
