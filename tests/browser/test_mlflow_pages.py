"""MLflow's pages of a recorded experiment, as somebody sees them who follows `workbench ui`."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from served import Site
from stores import answer

from workbench.tracking.runs import PLAN

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
made_only = pytest.mark.parametrize("site", ["made"], indirect=True)
NIGHTLY = pytest.mark.nightly  # 30 is the hardest
Shoot = Callable[[], None]
COLOURED = re.compile(r"^rgb\(")  # rgba(0, 0, 0, 0) is none


def test_every_page_has_an_address(site: Site) -> None:
    assert list(site.addresses) == [
        "variants",
        "leaderboard",
        "row by row",
        "comparison",
        "best first",
        "table",
        "prompts",
    ]


def test_variants_stand_below_their_invocation(site: Site, page: Page, shoot: Shoot) -> None:
    page.goto(site.addresses["variants"])
    runs = [site.stored.parent, *site.stored.variants.values()]
    shown = page.locator("#run-name-cell")
    for position, run in enumerate(runs):
        expect(shown.nth(position)).to_have_text(run.info.run_name)
    names = ("label_match/worst_case", "label_match/mean")  # a failed row counts as wrong
    means = [next(m[name] for name in names if name in (m := run.data.metrics)) for run in runs[1:]]
    if site.stored.uri.startswith("sqlite:"):  # a server keeps the order of the plan
        assert means == sorted(means, reverse=True)
    for run in runs[1:]:
        name = page.get_by_text(run.info.run_name, exact=True)
        row = page.get_by_role("row").filter(has=name).first
        for metric in ("label_match/mean", "exact_match/mean"):
            shown_mean = float(columns(page, row)[metric].inner_text())
            assert shown_mean == run.data.metrics[metric]
    shoot()


@made_only
def test_means_are_the_first_columns_and_counts_the_last(
    site: Site, page: Page, shoot: Shoot
) -> None:
    page.goto(site.addresses["variants"])
    expect(page.locator("#run-name-cell")).to_have_count(9)
    headers = page.get_by_role("columnheader").all_inner_texts()
    about, metrics = headers[:6], headers[6:]
    assert about == ["", "Run Name", "Status", "Type", "Created at", "Dataset"]
    assert metrics[:2] == ["best/label_match", "baseline/label_match"]
    assert metrics[2:4] == ["label_match/mean", "exact_match/mean"]
    assert set(metrics[4:]) == {  # one variant has a failed row
        "latency_s",
        "rows/scored",
        "rows/planned",
        "rows/failed",
        "label_match/worst_case",
        "exact_match/worst_case",
    }
    shoot()


@made_only
def test_a_run_that_failed_in_part_is_shown_as_such(site: Site, page: Page, shoot: Shoot) -> None:
    page.goto(site.addresses["variants"])
    names = page.locator("#run-name-cell")
    expect(names).to_have_count(9)
    failed = {"✗ 4 prompts · 2 models · 1.00", "✗ sma·label_list"}
    assert {name for name in names.all_inner_texts() if name.startswith("✗")} == failed
    colours: dict[bool, set[str]] = {True: set(), False: set()}
    for name in names.all_inner_texts():
        row = page.get_by_role("row").filter(has=page.get_by_text(name, exact=True)).first
        icon = columns(page, row)["Status"].locator("svg").first
        colour = icon.evaluate("icon => getComputedStyle(icon).color")
        colours[name in failed].add(colour)
    assert [len(each) for each in colours.values()] == [1, 1]
    assert colours[True] != colours[False]
    shoot()


def test_two_variants_are_compared_row_by_row(site: Site, page: Page, shoot: Shoot) -> None:
    text = site.stored.telling()
    traces = [site.stored.traces(name)[text] for name in site.stored.pair]
    given = [{one.name: str(one.value) for one in trace.info.assessments} for trace in traces]
    expected = {
        "Request": [text],
        "Response": [answer(trace) for trace in traces],
        "Expected output": [said["expected_response"] for said in given],
        "label_match": [said["label_match"] for said in given],
        "exact_match": [said["exact_match"] for said in given],
    }

    page.goto(site.row_by_row())
    row = page.get_by_role("row").filter(has_text=text)
    expect(row).to_be_visible()
    for column, lines in expected.items():
        shown = columns(page, row)[column]
        expect(shown).to_contain_text("\n".join(lines), use_inner_text=True)
    shoot()


def test_one_table_holds_the_answers_of_all_variants(site: Site, page: Page, shoot: Shoot) -> None:
    text = site.stored.telling()
    page.set_viewport_size({"width": 4400, "height": 900})  # columns out of sight are not drawn
    page.goto(site.addresses["table"])
    row = page.get_by_role("row").filter(has_text=text)
    expect(row).to_be_visible()
    for name, run in site.stored.variants.items():
        column = page.locator(f"[col-id='{run.info.run_id}']")
        header = page.get_by_role("columnheader").and_(column)
        expect(header).to_contain_text(run.info.run_name)
        expect(row.locator(column)).to_have_text(answer(site.stored.traces(name)[text]))
    shoot()


def test_two_versions_of_a_prompt_are_a_diff(site: Site, page: Page, shoot: Shoot) -> None:
    page.goto(site.addresses["prompts"])
    page.get_by_role("link", name=site.stored.edited, exact=True).click()
    page.get_by_text("Compare", exact=True).click()
    page.get_by_text("Text", exact=True).click()
    page.get_by_role("button", name="Switch sides").click()  # else the newer is the baseline
    newest = len(site.stored.client.search_prompt_versions(site.stored.edited))
    compared = f"Comparing version {newest - 1} with version {newest}"
    expect(page.get_by_text(compared)).to_be_visible()
    for word in ("positive", "negative"):
        removed = page.get_by_text(word, exact=True)
        expect(removed).to_have_css("text-decoration-line", "line-through")
        expect(removed).to_have_css("background-color", COLOURED)
    for word in ("good", "bad"):
        expect(page.get_by_text(word, exact=True)).to_have_css("background-color", COLOURED)
    shoot()


def test_a_trace_shows_the_messages_the_answer_and_the_scores(
    site: Site, page: Page, shoot: Shoot
) -> None:
    text, name = site.stored.telling(), site.stored.pair[1]
    trace = site.stored.traces(name)[text]
    call = trace.data.spans[1]
    page.goto(site.rows_of(name))
    page.get_by_role("row").filter(has_text=text).get_by_text(text).click()

    page.get_by_role("button", name="Assess").click()
    scores = page.get_by_test_id("assessments-pane")
    for one in trace.info.assessments:
        said = re.compile(rf"{one.name}\s+(dataset\s+)?{one.value}")
        expect(scores).to_contain_text(said, use_inner_text=True)

    page.get_by_text(call.name, exact=True).click()
    sent = page.get_by_test_id("model-trace-explorer-content-tab")
    for message in [*call.inputs["messages"], call.outputs["choices"][0]["message"]]:
        said = f"{message['role'].title()}\n{message['content']}"
        expect(sent).to_contain_text(said, use_inner_text=True)
    shoot()


@pytest.mark.parametrize(
    "site", ["made", pytest.param("server", marks=pytest.mark.nightly)], indirect=True
)
@pytest.mark.parametrize("invocations", [*(pytest.param(n, marks=NIGHTLY) for n in (1, 6)), 30])
def test_the_winner_is_three_clicks_from_the_experiment(
    site: Site, page: Page, shoot: Shoot, invocations: int
) -> None:
    stored = site.stored
    known = len(stored.client.search_runs([stored.experiment_id], f"tags.`{PLAN}` != ''"))
    for number in range(known, invocations):
        stored.repeat_invocation(number)
    page.goto(site.addresses["variants"].rpartition("/")[0])
    page.get_by_role("link", name="Evaluation runs").first.click()
    page.locator("#run-name-cell").first.hover()
    with page.expect_popup() as opened:
        page.locator(f"a[href*='runs/{stored.parent.info.run_id}']").click()
    parent = opened.value
    parent.get_by_role("tab", name="Overview").click()
    winner = stored.winner
    expect(parent.get_by_text(f"Take {winner}: label_match 1.000")).to_be_visible()
    parent.get_by_text("Show more").click()
    with parent.expect_popup() as opened:
        parent.get_by_role("link", name="Best against").click()
    compared = opened.value
    name = stored.variants[winner].info.run_name
    expect(compared.get_by_role("button", name=name).first).to_be_visible()
    expect(compared.get_by_text("+17%").first).to_be_visible()
    compared.close()
    parent.close()
    shoot()


def columns(page: Page, row: Locator) -> dict[str, Locator]:
    """The cells of a row by the first line of what stands above them."""
    cells = row.get_by_role("cell").all()
    headers = page.get_by_role("columnheader").all_inner_texts()[-len(cells) :]
    return {head.partition("\n")[0]: cell for head, cell in zip(headers, cells, strict=True)}
