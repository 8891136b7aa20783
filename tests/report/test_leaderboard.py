"""The leaderboard that a run prints."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from bench import Bench
from rich.console import Console

from workbench.page.page_summary import _variant
from workbench.providers.transformers import TransformersProvider
from workbench.report.compare import caveat_lines
from workbench.report.estimates import MEDIAN_NOTE
from workbench.report.leaderboard import (
    leaderboard,
    leaderboard_blocks,
    rank_variants,
    verdict_lines,
)
from workbench.report.run import _tie_lines
from workbench.report.safe_text import plain, seconds, shorten
from workbench.results.score_notes import score_notes_json
from workbench.results.serialize import variant_json
from workbench.results.types import (
    MetricResult,
    RowCounts,
    ScoreCounts,
    VariantResult,
    interval_text,
)
from workbench.stats.quantiles import Quantile

COUNTS = {"n": 10, "errors": 0, "not_applicable": 0, "failed": 0, "not_run": 0}


def metric(mean: float | None, **more: object) -> MetricResult:
    counts = {**COUNTS, **more}
    low, high = (None, None) if mean is None else (mean - 0.1, mean + 0.1)
    answers = ScoreCounts(**{name: counts[name] for name in COUNTS})  # type: ignore[arg-type]
    return MetricResult(mean, low, high, answers=answers, **counts)  # type: ignore[arg-type]


def result(bench: Bench, mean: float | None, rows: RowCounts, **more: object) -> VariantResult:
    variant = bench.plan().variants[0]
    metrics = {"judge": metric(mean, **more)}
    return VariantResult(variant, rows, rows, metrics, 1200, 30, None, 4.25)


def shown(*variants: VariantResult) -> list[str]:
    console = Console(width=96, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(leaderboard(variants, currency="USD"))
    return [line.rstrip() for line in console.export_text().splitlines()]


ALL = RowCounts(10, 10, 0, 0)


def test_a_mean_stands_with_its_n_and_its_interval(bench: Bench) -> None:
    assert shown(result(bench, 0.5, ALL)) == [
        "variant  judge           rows  tokens in/out  model time",
        "plain    0.500 n=10        10       1,200/30       4.2 s",
        "         [0.400, 0.600]",
    ]


def test_a_mean_without_an_interval_stands_with_the_median_that_has_one(bench: Bench) -> None:
    length = result(bench, 812.4, ALL, tail_unknown=True, median=Quantile(805, 790, 821.2))
    shown_metric = replace(length.metrics["judge"], low=None, high=None)
    length = replace(length, metrics={"judge": shown_metric})
    assert shown(length) == [
        "variant  judge       rows  tokens in/out  model time",
        "plain    812 n=10      10       1,200/30       4.2 s",
        "         median 805",
        "         [790, 821]",
    ]
    assert verdict_lines([length]) == [MEDIAN_NOTE]
    assert interval_text(shown_metric) == "812.400, median 805.000 [790.000, 821.200] n=10"
    assert "~" not in MEDIAN_NOTE


def test_long_names_that_differ_at_their_end_are_told_apart(bench: Bench) -> None:
    first = result(bench, 0.5, ALL)
    names = ["few_shot · " + "openai:m" * 12 + f" · temperature={t}" for t in (0, 1)]
    results = [replace(first, variant=replace(first.variant, name=name)) for name in names]
    table = leaderboard(results, currency="USD")
    assert [str(cell) for cell in table.columns[0].cells] == names


def test_what_is_not_in_the_mean_stands_below_it(bench: Bench) -> None:
    rows = RowCounts(13, 11, 1, 1, truncated=2)
    lines = shown(result(bench, 0.5, rows, errors=1, outcomes={"unparsed": 3, "right": 5}))
    assert lines == [
        "variant  judge                  rows  tokens in/out  model time",
        "plain    0.500 n=10         11 of 13       1,200/30       4.2 s",
        "         [0.400, 0.600]     1 failed",
        "         3 unparsed        1 not run",
        "         1 error         2 truncated",
    ]


def test_ties_and_unknown_finish_reasons_stand_below_the_rows(bench: Bench) -> None:
    variant = replace(result(bench, 0.5, ALL), notable_finishes={"tie": 2, "moonset": 3})
    lines = shown(variant)
    assert [line[24:].strip() for line in lines[2:]] == ["3 ended 'moonset'", "2 ties"]
    assert _tie_lines([variant, variant]) == [
        "ties: in 4 of 20 answers two choices were equally likely, and the first counts"
    ]


NOTE = "four-bit weights: PIQA 0.618 ± 0.013 (acc_norm), published for the full ones 0.669"


def test_note_on_a_model_stands_wherever_its_scores_are_shown(bench: Bench) -> None:
    plain_result = result(bench, 0.5, ALL)
    model = bench.plan().variants[0].model
    described = SimpleNamespace(facts=TransformersProvider("smollm2-135m-instruct", {}).facts)
    model = replace(model, provider=described)  # type: ignore[arg-type]
    noted = replace(plain_result, variant=replace(plain_result.variant, model=model))
    assert verdict_lines([noted, noted, plain_result]) == [f"last: {NOTE}"]
    compared = SimpleNamespace(results=[plain_result, noted], anytime=False)
    assert list(caveat_lines(compared, [0, 1])) == [f"last: {NOTE}"]  # type: ignore[arg-type]
    assert [_variant(each, None)["note"] for each in (plain_result, noted)] == ["", NOTE]
    assert score_notes_json([noted, noted]) == {"model_notes": [f"last: {NOTE}"]}
    assert score_notes_json([plain_result]) == {}
    assert (variant_json(noted)["model_note"], "model_note" in variant_json(plain_result)) == (
        NOTE,
        False,
    )


def test_no_value_is_said_and_not_zero(bench: Bench) -> None:
    assert shown(result(bench, None, RowCounts(10, 0, 10, 0), n=0))[1] == (
        "plain    no value n=0    0 of 10       1,200/30       4.2 s"
    )


@pytest.mark.parametrize(("higher", "order"), [(True, [0.9, 0.5]), (False, [0.5, 0.9])])
def test_the_best_stands_first(bench: Bench, higher: bool, order: list[float]) -> None:
    variants = rank_variants(
        [result(bench, mean, ALL, higher_is_better=higher) for mean in (0.5, 0.9)]
    )
    assert [variant.metrics["judge"].mean for variant in variants] == order


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\u202eb", "ab"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x9b2J", "2J"),
    ],
)
def test_text_can_not_drive_the_terminal(text: str, safe: str) -> None:
    assert plain(text) == safe


def test_one_line_is_one_line() -> None:
    assert shorten("a\nb  c" + "x" * 20, 8) == "a b cxx…"


@pytest.mark.parametrize(
    ("duration", "words"), [(0.25, "250 ms"), (12.34, "12.3 s"), (185.2, "3 min 05 s")]
)
def test_durations_read_well(duration: float, words: str) -> None:
    assert seconds(duration) == words


def test_a_narrow_terminal_gets_a_block_a_variant(bench: Bench) -> None:
    rows = RowCounts(13, 11, 1, 1)
    text = leaderboard_blocks([result(bench, 0.5, rows, errors=1)], currency="USD").plain
    assert text.splitlines() == [
        "plain",
        "  judge: 0.500 [0.400, 0.600] n=10, 1 error",
        "  11 of 13 rows, 1 failed, 1 not run, 1,200/30 tokens, 4.2 s",
    ]
