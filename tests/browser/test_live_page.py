"""`workbench view` in a browser: an answer is rated, and nothing in an answer acts."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import ATTACKS
from command import invoke
from playwright.sync_api import Page, expect
from test_comparison_page import opened, write_page

pytestmark = [pytest.mark.slow, pytest.mark.browser]
COMMENT = ATTACKS[0]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The project's folder, and the address that the command prints."""
    folder = tmp_path_factory.mktemp("live")
    texts = [{"id": text, "text": text, "other": f"{text}!", "label": text} for text in ATTACKS]
    write_page(folder, texts)
    command = [str(Path(sys.executable).with_name("workbench")), "view", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--by", "label", "--as", "ann", "--tracking-uri", "none"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    yield folder, process.stdout.readline().strip()
    process.terminate()
    process.communicate()


def test_rating_is_seen_after_a_reload_and_in_the_file(
    window: Page, served: tuple[Path, str], tmp_path: Path
) -> None:
    folder, address = served
    addresses, messages = opened(window, address)
    window.get_by_label("order").select_option("dataset")
    for number in range(0, len(ATTACKS), 5):
        window.evaluate(f"location.hash = '#order=dataset&row={number + 1}'")
        expect(window.locator("#detail h2")).to_contain_text(f"Row {number + 1} ")
    window.evaluate("location.hash = '#order=dataset&row=2'")
    expect(window.locator("#detail h2")).to_contain_text("Row 2 ")
    window.keyboard.press("2")
    window.keyboard.press("b")
    second = window.locator("#detail section").nth(1)
    expect(second.get_by_role("status")).to_have_text("saved")
    window.keyboard.press("c")
    window.keyboard.type(COMMENT)
    window.keyboard.press("Enter")
    expect(second.get_by_role("button", name="bad")).to_have_attribute("aria-pressed", "true")
    expect(window.locator("#rows .word[title]:not([title=''])")).to_have_count(1)
    window.reload()
    second = window.locator("#detail section").nth(1)
    expect(second.get_by_label("comment")).to_have_value(COMMENT)
    expect(second.get_by_role("status")).to_have_text("rated by ann")
    window.keyboard.press("Escape")
    window.get_by_role("button", name="Rated bad 1").click()
    expect(window.locator("#rows tbody tr")).to_have_count(1)
    window.get_by_role("searchbox").fill("<SVG/onload")
    expect(window.locator("#rows [role=status]")).to_contain_text("0 rows")
    window.get_by_role("searchbox").fill("\ud800")
    window.get_by_role("button", name="show all rows").click()
    expect(window.get_by_role("searchbox")).to_have_value("")
    slices = window.locator("#slices .link")
    expect(slices).to_have_count(20)
    slices.first.click()  # its name is an attack
    expect(window.locator("#rows [role=status]")).to_contain_text("1 rows")
    window.reload()
    expect(window.locator("#rows [role=status]")).to_contain_text("1 rows")
    assert window.evaluate("window.hit") is None
    assert messages == []
    assert {re.sub(r"\?.*", "", each.removeprefix(address)) for each in addresses} <= {
        *("", "rows", "more", "search", "state", "rate")
    }
    invoke(folder, "compare", "--html", str(tmp_path / "file.html"), MLFLOW_TRACKING_URI="none")
    addresses, messages = opened(window, (tmp_path / "file.html").as_uri() + "#row=2")
    expect(window.locator("#detail .ratings").nth(1)).to_have_text(f"ann: bad {COMMENT}")
    assert window.locator("#detail .ratings button").count() == 0
    assert (len(addresses), messages, window.evaluate("window.hit")) == (1, [], None)
