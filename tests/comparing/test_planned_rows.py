"""Rows and repeats that a comparison needs, where a pilot shows no difference at all."""

from bench import Bench
from test_comparing import passes, score_plan

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.power import Target, plan_power
from workbench.plan.forecast import Forecast
from workbench.results.tally import Tally

PAIR = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short]
models: [echo:last]
evaluators: [exact_match]
repeats: 2
"""
ROWS = 30


def test_repeats_are_promised_nothing_where_no_row_differs(bench: Bench) -> None:
    """One more row may differ, and then in each of its repeats."""
    bench.write("short.jinja", "Short: {{ text }}")
    rows = [f'{{"text": "{n}", "label": "1"}}\n' for n in range(ROWS)]
    bench.write("rows.jsonl", "".join(rows))
    plan, tallies = bench.plan(PAIR), list[Tally]()
    answers = dict.fromkeys(("plain", "short"), passes(*[1] * 2 * ROWS))
    results = score_plan(plan, answers, tallies)
    comparison = ExperimentComparison(plan, results, tallies, lambda _: ())
    forecasts = [Forecast(0, 0, True, None, None, None, None)] * 2
    (estimate,) = plan_power(comparison, forecasts, Target("", difference=0.1))
    assert estimate.components.shares() == {"rows": 1.0, "answers": 0.0}
    once, *others = estimate.options
    # A single answer of pass or fail is tested exactly, and repeats by the test for numbers.
    assert all(option.rows >= once.rows for option in others)
