"""Expected tokens, cost and time of the requests of a plan.

    Forecast(requests=150, input_tokens=51_300, exact=True, output_tokens=450, low=0.0, …)

Input tokens are exact where the provider counts them locally; otherwise they are estimated from
the size of the bodies and from the model's earlier answers, as are output tokens and time. The
bodies of later turns will hold answers that aren't there yet.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.model import Provider, Request
from workbench.plan import Plan, Variant
from workbench.project import Price
from workbench.prompt.later_turns import earlier_keys
from workbench.store import History, Store

BYTES_PER_TOKEN = 4.0  # of English prose in current vocabularies; used without history
ANSWER_BYTES = 400  # of an answer that is still to come
MIN_SIMILARITY = 0.92  # of names: gpt-5.4 and gpt-5.6 are two models, gpt6-luna is a typo


@dataclass(frozen=True)
class Forecast:
    """Forecast of one variant's requests.

    Attributes:
        exact: the input tokens are counted, not estimated.
        measured: the estimate is by the model's earlier answers, and not at 4 bytes a token.
        output_tokens, seconds: expected; None without history.
        low, high: cost in the project's currency: expected, and with the longest answers that the
            parameters allow; None where it is unknown.
    """

    requests: int
    input_tokens: int
    exact: bool
    output_tokens: int | None
    low: float | None
    high: float | None
    seconds: float | None
    measured: bool = False


def forecast(plan: Plan, store: Store, prices: Mapping[str, Price]) -> list[Forecast]:
    """Return one forecast per variant, in order."""
    refs = {variant.model.model.ref for variant in plan.variants}
    histories = {ref: store.history(ref) for ref in refs}
    return [
        _forecast_variant(variant, requests, histories[variant.model.model.ref], prices)
        for variant, requests in zip(plan.variants, plan.requests, strict=True)
    ]


def total(forecasts: Sequence[Forecast]) -> Forecast:
    """Add up forecasts; the time assumes one model after another."""

    def add(values: Sequence[float | None]) -> float | None:
        numbers = [value for value in values if value is not None]
        return sum(numbers) if len(numbers) == len(values) else None

    sending = [forecast for forecast in forecasts if forecast.requests]
    output = add([forecast.output_tokens for forecast in sending])
    return Forecast(
        requests=sum(forecast.requests for forecast in sending),
        input_tokens=sum(forecast.input_tokens for forecast in sending),
        exact=all(forecast.exact for forecast in sending),
        output_tokens=None if output is None else round(output),
        low=add([forecast.low for forecast in sending]),
        high=add([forecast.high for forecast in sending]),
        seconds=add([forecast.seconds for forecast in sending]),
        measured=any(each.measured for each in sending)
        and all(each.exact or each.measured for each in sending),
    )


def _forecast_variant(
    variant: Variant, requests: Sequence[Request], history: History, prices: Mapping[str, Price]
) -> Forecast:
    provider = variant.model.provider
    references = [key for request in requests for key in earlier_keys(request)]
    exact_tokens = None if references else _count_tokens(provider, requests)
    size = sum(request.size for request in requests)
    size += sum(ANSWER_BYTES - len(key) for key in references)
    tokens_per_byte = history.input_per_byte or 1 / BYTES_PER_TOKEN
    tokens = round(size * tokens_per_byte) if exact_tokens is None else exact_tokens
    limits = [request.max_output_tokens for request in requests]
    output = _expected_output(limits, history)
    low = high = None
    if not provider.billed:
        low = high = 0.0
    elif price := prices.get(variant.model.model.ref):
        low = None if output is None else price.cost(tokens, output, calls=len(requests))
        finite_limits = [limit for limit in limits if limit is not None]
        if len(finite_limits) == len(limits) or not price.output:
            high = price.cost(tokens, sum(finite_limits), calls=len(requests))
    concurrency, latency_s = provider.facts.get("concurrency"), history.latency_s
    at_once = concurrency if isinstance(concurrency, int) else 1
    seconds = None if latency_s is None else len(requests) * latency_s / at_once
    exact = exact_tokens is not None
    measured = not exact and history.input_per_byte is not None
    return Forecast(len(requests), tokens, exact, output, low, high, seconds, measured)


def _count_tokens(provider: Provider, requests: Sequence[Request]) -> int | None:
    """Return the exact input tokens of all requests; None if only the server could tell."""
    total = 0
    for request in requests:
        tokens = provider.count_tokens(request.body)
        if tokens is None:
            return None
        total += tokens
    return total


def _expected_output(limits: Sequence[int | None], history: History) -> int | None:
    """Return output tokens: the mean so far, at most what each request allows."""
    if history.output_tokens is None:
        return None
    return round(sum(min(history.output_tokens, limit or float("inf")) for limit in limits))


def key_warnings(plan: Plan, *, scorers_ask: bool) -> list[str]:
    """Return a warning for each model to be asked whose key is missing: `run` refuses to begin.

    `scorers_ask`: judges and other models that score have requests to send, too.
    """
    pairs = zip(plan.variants, plan.requests, strict=True)
    models = [variant.model for variant, requests in pairs if requests]
    for scorer in plan.experiment.scorers.values() if scorers_ask else ():
        models += scorer.models
    warnings: dict[str, None] = {}
    for model in models:
        try:
            getattr(model.provider, "key", str)()
        except WorkbenchError as error:
            warnings[f"{error.message}: {error.fix}"] = None
    return list(warnings)


def price_notes(priced: Collection[str], models: Sequence[str]) -> list[str]:
    """Return a note for each model without a price whose near namesake under `prices:` has one.

    >>> price_notes(["openai:gpt6-luna"], ["openai:gpt-6-luna"])
    ["no price for 'openai:gpt-6-luna'; did you mean 'openai:gpt6-luna'? (workbench.yaml)"]
    """
    unused = [name for name in priced if name not in models]
    notes: list[str] = []
    for model in dict.fromkeys(models):
        matches = difflib.get_close_matches(model, unused, n=1, cutoff=MIN_SIMILARITY)
        if model not in priced and matches:
            notes.append(f"no price for {model!r}; did you mean {matches[0]!r}? (workbench.yaml)")
    return notes
