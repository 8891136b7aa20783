"""What a plan will come to: tokens, cost and time of what is to be sent.

Forecast(requests=150, input_tokens=51_300, exact=True, output_tokens=450, low=0.0, high=None, …)

Input tokens are exact where the provider can count them here; otherwise they are told from the
bytes of the bodies and from what earlier answers of the model were billed for. Output tokens and
time are what the model's earlier answers were like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.model import Request
from workbench.plan import Plan, Variant
from workbench.project import Price
from workbench.store import History, Store

BYTES_A_TOKEN = 4.0  # of English prose in today's vocabularies, where there is no history


@dataclass(frozen=True)
class Forecast:
    """Of one variant's requests to send.

    Attributes:
        exact: the input tokens are counted, not estimated.
        output_tokens: expected; None without history.
        low, high: cost in the project's currency: as expected, and with the longest answers that
            the parameters allow; None where it can't be told.
        seconds: None without history.
    """

    requests: int
    input_tokens: int
    exact: bool
    output_tokens: int | None
    low: float | None
    high: float | None
    seconds: float | None


def forecast(plan: Plan, store: Store, prices: Mapping[str, Price]) -> list[Forecast]:
    """One a variant, in order."""
    refs = {variant.model.model.ref for variant in plan.variants}
    histories = {ref: store.history(ref) for ref in refs}
    return [
        _of(variant, requests, histories[variant.model.model.ref], prices)
        for variant, requests in zip(plan.variants, plan.requests, strict=True)
    ]


def total(forecasts: Sequence[Forecast]) -> Forecast:
    """Of a whole plan; the time is as if one model were asked after another."""

    def add(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    sending = [one for one in forecasts if one.requests]
    output = add([one.output_tokens for one in sending])
    return Forecast(
        requests=sum(one.requests for one in sending),
        input_tokens=sum(one.input_tokens for one in sending),
        exact=all(one.exact for one in sending),
        output_tokens=None if output is None else round(output),
        low=add([one.low for one in sending]),
        high=add([one.high for one in sending]),
        seconds=add([one.seconds for one in sending]),
    )


def _of(
    variant: Variant, requests: Sequence[Request], history: History, prices: Mapping[str, Price]
) -> Forecast:
    provider = variant.model.provider
    counted = [provider.count_tokens(request.body) for request in requests]
    exact = None not in counted
    size = sum(request.size for request in requests)
    a_byte = history.input_per_byte or 1 / BYTES_A_TOKEN
    tokens = sum(count or 0 for count in counted) if exact else round(size * a_byte)
    most = [request.max_output_tokens for request in requests]
    output = _expected(most, history)
    low = high = None
    if not provider.billed:
        low = high = 0.0
    elif price := prices.get(variant.model.model.ref):
        low = None if output is None else price.cost(tokens, output)
        limited = [limit for limit in most if limit is not None]
        if len(limited) == len(most) or not price.output:
            high = price.cost(tokens, sum(limited))
    at_once = _at_once(variant)
    seconds = None if history.latency_s is None else len(requests) * history.latency_s / at_once
    return Forecast(len(requests), tokens, exact, output, low, high, seconds)


def _expected(most: Sequence[int | None], history: History) -> int | None:
    """Output tokens: the mean so far, no more than each request allows."""
    if history.output_tokens is None:
        return None
    return round(sum(min(history.output_tokens, limit or float("inf")) for limit in most))


def _at_once(variant: Variant) -> int:
    said = variant.model.provider.facts.get("concurrency", 1)
    return said if isinstance(said, int) else 1
