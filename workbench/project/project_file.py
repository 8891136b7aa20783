"""The shape of `workbench.yaml`.

ProjectFile(prices={"openai:gpt-6-luna": Price(input=0.15, output=0.6)}, currency="USD", …)
"""

import re
from typing import Annotated, Any, Literal
from unicodedata import category

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
)

from workbench.document import InvalidValueError

PREFIX_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"


def _check_cached(price: float, info: ValidationInfo) -> float:
    """A budget reserves the price of fresh input, which is the most that a call costs."""
    if price > info.data.get("input", price):
        raise InvalidValueError(
            "is above `input`", fix="the price of cached input is the lower one"
        )
    return price


class TokenPrice(BaseModel):
    """Price of a million tokens, in the currency of the user's bill.

    Attributes:
        input: price of input.
        output: price of output, reasoning included.
        cached_input: price of input from the provider's cache; None: as `input`.
        cache_write: price of input that the provider writes to its cache; None: as `input`. A
            budget reserves the higher one.
    """

    model_config = ConfigDict(extra="forbid")
    input: Annotated[float, Field(ge=0, le=1e9)]
    output: Annotated[float, Field(ge=0, le=1e9)]
    cached_input: Annotated[float, Field(ge=0), AfterValidator(_check_cached)] | None = None
    cache_write: Annotated[float | None, Field(ge=0, le=1e9)] = None

    def _cost(self, input_tokens: float, output_tokens: float, cached_tokens: float) -> float:
        full = input_tokens * self.input + output_tokens * self.output
        saved = 0.0 if self.cached_input is None else self.input - self.cached_input
        return (full - min(cached_tokens, input_tokens) * saved) / 1e6


class LongPromptPrice(TokenPrice):
    """Price of the calls with a long prompt, all of their tokens.

    Attributes:
        above: most input tokens of a call at the usual price.
    """

    above: Annotated[int, Field(ge=1)]


class Price(TokenPrice):
    """Price of a million tokens of a model, in the currency of the user's bill.

    Attributes:
        long_prompt: another price of calls with a long prompt; None: all calls have one price.
    """

    long_prompt: LongPromptPrice | None = None

    def input_cost(self, input_tokens: float, cached_tokens: float = 0) -> float:
        """Cost of a call's input; `cached_tokens` are those of it that came from a cache."""
        return self.cost(input_tokens, 0, cached_tokens)

    def cost(
        self, input_tokens: float, output_tokens: float, cached_tokens: float = 0, calls: int = 1
    ) -> float:
        """Cost of these numbers of tokens, of a call or of `calls` of about the same length."""
        price = self._price_of(input_tokens / max(calls, 1))
        return price._cost(input_tokens, output_tokens, cached_tokens)

    def most_cost(self, input_tokens: float, output_tokens: float) -> float:
        """The most that a call with these numbers of tokens costs."""
        price = self._price_of(input_tokens)
        most = max(price.input, price.cache_write or 0.0)
        return (input_tokens * most + output_tokens * price.output) / 1e6

    def _price_of(self, input_tokens: float) -> TokenPrice:
        long = self.long_prompt
        return long if long and input_tokens > long.above else self


def _check_currency(currency: str) -> str:
    """Table headings show it, so only letters and currency signs are allowed."""
    kinds = {category(letter) for letter in currency}
    if not 0 < len(currency) <= 12 or any(kind[0] != "L" and kind != "Sc" for kind in kinds):
        raise InvalidValueError("is not a currency", fix="write its letters or its sign: USD, €")
    return currency


def _check_prefix(prefix: str) -> str:
    """The characters that MLflow allows in a prompt's name; a dot at the end is left out."""
    if prefix and not re.fullmatch(PREFIX_PATTERN, prefix):
        fix = "use up to 64 letters, digits, _ . and -, as in: registry_prefix: team_a"
        raise InvalidValueError("is not a prefix of prompt names", fix=fix)
    return prefix.rstrip(".")


class JudgeDefaults(BaseModel):
    """Settings of every judge that sets no others.

    Attributes:
        model: `provider:name`, or that with settings as in `models:`; None: each judge names one.
        min_kappa: agreement with people below which a judge's metric decides nothing.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str | dict[str, dict[str, Any]] | None = None
    min_kappa: Annotated[float | None, Field(ge=-1, le=1)] = None


def _judge_defaults(value: Any) -> Any:
    """`judge: openai:gpt-6-luna` as a mapping."""
    return {"model": value, "min_kappa": 0.6} if isinstance(value, str) else value


class ProjectFile(BaseModel):
    """The shape of `workbench.yaml`; every key is optional.

    Attributes:
        tracking_uri: address of the MLflow store; `none` records nothing; default: the project's.
        currency: of the prices.
        prices: of a million tokens, by `provider:name`.
        drain_s: seconds for calls in flight to finish after the first Ctrl-C.
        registry_prefix: before every prompt's name in MLflow's registry, with a dot between.
        traces: most rows of a variant that get a trace in MLflow, beside the failed ones; of
            more rows a fixed sample does. An artifact holds all rows.
        mlflow_metrics: the figures of a variant that are metrics of its run in MLflow, beside its
            evaluators; None: the first that is known.
        judge: defaults of judges; `judge: NAME` is short for that model and `min_kappa: 0.6`.
    """

    model_config = ConfigDict(extra="forbid")
    tracking_uri: str = ""
    registry_prefix: Annotated[str, AfterValidator(_check_prefix)] = ""
    currency: Annotated[str, AfterValidator(_check_currency)] = "USD"
    prices: dict[str, Price] = Field(default_factory=dict)
    drain_s: Annotated[float, Field(ge=0, le=3600)] = 60.0
    traces: Annotated[int, Field(ge=0)] = 5_000
    mlflow_metrics: list[Literal["cost", "latency_s", "tokens"]] | None = None
    judge: Annotated[JudgeDefaults, BeforeValidator(_judge_defaults)] = Field(
        default_factory=JudgeDefaults
    )
