"""A plan on the terminal or as JSON, with its notes and warnings.

warning: openai:gpt-6-luna needs a key, and the variable OPENAI_API_KEY is empty: export …
"""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.cli.output import print_json, print_lines, print_styled
from workbench.errors import ExitCode
from workbench.report.safe_text import plain

if TYPE_CHECKING:
    from workbench.cli.setup import OpenExperiment
    from workbench.plan import Plan


def print_notes(plan: "Plan", as_json: bool) -> None:
    """Print the notes of a plan on stderr, unless they are in the JSON."""
    for note in () if as_json else plan.notes:
        sys.stderr.write(f"note: {plain(note)}\n")


def print_plan(plan: "Plan", opened: "OpenExperiment", as_json: bool) -> int:
    """Print the plan: what it sends, what that may cost, and what it lacks."""
    from workbench.plan.forecast import forecast, key_warnings
    from workbench.report.plan import judge_lines, plan_json, plan_lines, plan_table
    from workbench.scoring.judge_forecast import forecast_judges

    prices, currency = opened.project.prices, opened.project.file.currency
    forecasts = forecast(plan, opened.store, prices)
    judges = forecast_judges(plan, opened.store, prices)
    warnings = key_warnings(plan, scorers_ask=any(judge.requests for judge in judges))
    if as_json:
        document = plan_json(plan, forecasts, currency) | {"warnings": warnings}
        print_json(document | ({"judges": [asdict(judge) for judge in judges]} if judges else {}))
        return ExitCode.DONE
    print_notes(plan, as_json)
    for warning in warnings:
        sys.stderr.write(f"warning: {plain(warning)}\n")
    print_styled(plan_table(plan, forecasts, currency))
    print_lines([*plan_lines(plan, forecasts, currency), *judge_lines(judges, currency)])
    return ExitCode.DONE


def print_power(
    plan: "Plan", opened: "OpenExperiment", target: tuple[str, float, float | None], as_json: bool
) -> int:
    """Print the plan, then the rows and repeats that find the target's difference."""
    from workbench.comparing.comparison import compare_stored
    from workbench.comparing.power import Target, plan_power
    from workbench.plan.forecast import forecast
    from workbench.report.plan import plan_json
    from workbench.report.power import power_json, power_lines

    prices, currency = opened.project.prices, opened.project.file.currency
    forecasts = forecast(plan, opened.store, prices)
    compared = compare_stored(plan, opened.store, prices=prices)
    estimates = plan_power(compared, forecasts, Target(*target))
    if as_json:
        power = power_json(plan, estimates, target[1])
        print_json(plan_json(plan, forecasts, currency) | {"power": power})
        return ExitCode.DONE
    print_plan(plan, opened, as_json)
    print_lines(power_lines(plan, estimates, target[1], currency))
    return ExitCode.DONE
