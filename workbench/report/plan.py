"""A plan as a table and as JSON.

variant   rows  to send  tokens in   tokens out  USD     time
few_shot  150   150      about 9800  unknown     0.0015  unknown
150 rows: 0 stored, 0 shared, 150 requests to send
150 rows in 40 clusters: intervals and verdicts count clusters
"""

from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from workbench.canonical import JSON
from workbench.errors import cost_text, list_first, pluralize
from workbench.evaluator.row_values import NO_EVALUATORS
from workbench.images.request_images import EXPECTED_TOKENS, MAX_TOKENS, count_images
from workbench.plan import Plan
from workbench.plan.forecast import BYTES_PER_TOKEN, Forecast, total
from workbench.report.safe_text import NAME_WIDTH, seconds, shorten
from workbench.report.tables import new_table
from workbench.scoring.judge_forecast import JudgeForecast


def plan_table(plan: Plan, forecasts: Sequence[Forecast], currency: str) -> Table:
    """One line per variant: rows, requests to send, expected tokens, cost and time."""
    names = ("variant", "rows", "to send", "tokens in", "tokens out", currency, "time")
    table = new_table(names, right=names[1:], no_wrap=names[1:])
    for variant, cells, forecast in zip(plan.variants, plan.cells, forecasts, strict=True):
        counts = (f"{len(cells):,}", f"{forecast.requests:,}")
        table.add_row(Text(shorten(variant.name, NAME_WIDTH)), *counts, *_estimates(forecast))
    return table


def judge_lines(judges: Sequence[JudgeForecast], currency: str) -> list[str]:
    """A line for each judge and each similarity: the most that its models may be asked."""
    lines = []
    for judge in judges:
        scores = "verdicts" if judge.kind == "judge" else "scores"
        line = (
            f"{judge.kind} {shorten(judge.name, NAME_WIDTH)} on {list_first(judge.models, 3)}: "
            f"at most {pluralize(judge.requests, 'request')}, {judge.stored:,} {scores} stored"
        )
        if judge.requests:
            output = "unknown" if judge.output_tokens is None else f"up to {judge.output_tokens:,}"
            cost = f"{currency} {_cost(judge.low, judge.high)}"
            line += (
                f"; about {pluralize(judge.input_tokens, 'token')} in, {output} out, cost {cost}"
            )
        lines.append(line)
    return lines


def plan_lines(plan: Plan, forecasts: Sequence[Forecast], currency: str) -> list[str]:
    """The totals under the table."""
    lines = [
        f"{pluralize(plan.planned, 'row')}: {plan.stored:,} stored, {plan.shared:,} shared, "
        f"{pluralize(plan.to_send, 'request')} to send"
    ]
    for prompt in {variant.prompt.ref: variant.prompt for variant in plan.variants}.values():
        if tools := prompt.settings.tool_names:
            lines.append(f"{prompt.ref} has the tools {list_first(tools, 8)}")
    if (clusters := _clusters(plan)) < plan.rows:
        lines.append(
            f"{pluralize(plan.rows, 'row')} in {pluralize(clusters, 'cluster')}: "
            "intervals and verdicts count clusters"
        )
    if images := _count_images(plan):
        lines.append(
            f"{pluralize(images, 'image')} to send: {EXPECTED_TOKENS:,} tokens each are expected, "
            f"and {MAX_TOKENS:,} are reserved by --max-cost"
        )
    if not plan.experiment.evaluators:
        lines.append(f"{NO_EVALUATORS}; answers are stored and shown")
    if plan.to_send:
        expected = total(forecasts)
        tokens_in, tokens_out, cost, time = _estimates(expected)
        lines.append(
            f"expected: {tokens_in} tokens in, {tokens_out} out, "
            f"cost {currency} {cost}{_price_date(plan)}, time {time}"
        )
        if not expected.exact:
            lines.append(f"  tokens in are estimated {_basis(expected)}")
        if plan.race:
            lines.append(f"a race by {plan.race}: less if variants drop out")
    return lines


def plan_json(plan: Plan, forecasts: Sequence[Forecast], currency: str) -> dict[str, JSON]:
    """The plan as one object; `keys` are of the requests to send, for `store explain`."""
    return {
        "experiment": plan.experiment.name,
        "plan_digest": plan.digest,
        "rows": plan.rows,
        "clusters": _clusters(plan),
        "requests": {
            "planned": plan.planned,
            "stored": plan.stored,
            "shared": plan.shared,
            "to_send": plan.to_send,
        },
        **({"images": images} if (images := _count_images(plan)) else {}),
        "currency": currency,
        "expected": asdict(total(forecasts)),
        "variants": [
            {
                "name": variant.name,
                "rows": len(cells),
                **({"tools": tools} if (tools := variant.prompt.settings.tool_names) else {}),
                "to_send": len(requests),
                "input_tokens": forecast.input_tokens,
                "expected": asdict(forecast),
                "keys": [request.key for request in requests],
            }
            for variant, cells, requests, forecast in zip(
                plan.variants, plan.cells, plan.requests, forecasts, strict=True
            )
        ],
        "notes": list(plan.notes),
    }


def _basis(expected: Forecast) -> str:
    """The basis of an estimate of input tokens."""
    if expected.measured:
        return "by the models' earlier answers"
    return f"at {BYTES_PER_TOKEN:g} bytes a token, until a model has answered"


def _price_date(plan: Plan) -> str:
    """The date of the prices that come with Workbench, if a variant's cost is by one of them."""
    listed = plan.experiment.listed_prices
    refs = {variant.model.model.ref for variant in plan.variants}
    return f" (prices of {listed.as_of})" if refs & listed.prices.keys() else ""


def _count_images(plan: Plan) -> int:
    """Number of images in the requests that may cost money."""
    pairs = zip(plan.variants, plan.requests, strict=True)
    billed = (requests for variant, requests in pairs if variant.model.provider.billed)
    return sum(count_images(request.text) for requests in billed for request in requests)


def _clusters(plan: Plan) -> int:
    """Number of clusters of rows over all variants."""
    return len(set(plan.clusters(range(len(plan.variants)))))


def _estimates(forecast: Forecast) -> tuple[str, str, str, str]:
    """Tokens in and out, cost, time; estimates begin with `about`."""
    if not forecast.requests:
        return "0", "0", "0", ""
    tokens = f"{forecast.input_tokens:,}"
    output_tokens, time_s = forecast.output_tokens, forecast.seconds
    return (
        tokens if forecast.exact else f"about {tokens}",
        "unknown" if output_tokens is None else f"about {output_tokens:,}",
        _cost(forecast.low, forecast.high),
        "unknown" if time_s is None else f"about {seconds(time_s)}",
    )


def _cost(low: float | None, high: float | None) -> str:
    """`0.0123 to 0.0480`, or the bound that is known."""
    if high is None:
        return "unknown" if low is None else f"{cost_text(low)} or more"
    if low is None or low == high:
        return f"up to {cost_text(high)}" if high else "0"
    return f"{cost_text(low)} to {cost_text(high)}"
