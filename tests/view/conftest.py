"""Fixtures of the live page."""

import json
from collections.abc import Iterator

import pytest
from bench import Bench
from live_page import SECRET, LivePage, open_live_page


@pytest.fixture(params=["compared", "cached"])
def live(
    bench: Bench, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LivePage]:
    """Three rows and two prompts; the last row has no answers yet."""
    monkeypatch.setattr("workbench.view.page_cache.MIN_ANSWERS", 0)
    rows = [{"id": f"r{n}", "text": text} for n, text in enumerate(["50% off", SECRET, "Ärger"])]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("loud.jinja", "user:\n{{ text | upper }}\n")
    page = open_live_page(bench, cached=request.param == "cached")
    with page.store:
        yield page
