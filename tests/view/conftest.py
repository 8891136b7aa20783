"""Fixtures of the live page."""

import json
from collections.abc import Iterator

import pytest
from bench import Bench
from live_page import SECRET, LivePage, open_live_page


@pytest.fixture
def live(bench: Bench) -> Iterator[LivePage]:
    """Three rows and two prompts; the last row has no answers yet."""
    rows = [{"id": f"r{n}", "text": text} for n, text in enumerate(["50% off", SECRET, "Ärger"])]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    bench.write("loud.jinja", "user:\n{{ text | upper }}\n")
    page = open_live_page(bench)
    with page.store:
        yield page
