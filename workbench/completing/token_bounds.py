"""The most tokens that a model bills for a call, learned from what it has billed.

    a request of 400 bytes, 90 tokens      its bytes hold: a token of text takes one or more
    a request of 400 bytes, 1,500 tokens   hidden text: 1,100 more than the bytes, or 3.75 a byte

>>> bounds = TokenBounds()
>>> bounds.learn(400, None, Usage(1_500, 20))
>>> bounds.input_tokens(100), bounds.input_tokens(1_000)
(1200, 3750.0)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.experiment import OpenModel
from workbench.model import Usage
from workbench.plan import Plan
from workbench.store import Store
from workbench.store.bills import large_bills

UNLIMITED_OUTPUT = 16_384  # tokens reserved for an answer that no parameter limits
REPLIES_PER_CALL = 4  # of a model that bills more than expected, for each further call in flight


@dataclass
class TokenBounds:
    """The bounds of one model at one endpoint, whatever its labels.

    Attributes:
        calls: in flight.
        replies: learned from in this invocation.
        beyond_bytes: most input tokens beyond the bytes of a request.
        beyond_limit: most output tokens beyond the limit of an answer: not every provider counts
            reasoning against it.
        per_byte: most input tokens per byte, by the length of the request's size in bits.
        longest: most output tokens of an answer beyond its limit.
    """

    calls: int = 0
    replies: int = 0
    beyond_bytes: float = 0
    beyond_limit: float = 0
    per_byte: dict[int, float] = field(default_factory=dict)
    longest: float = 0

    def learn(self, size: int, limit: int | None, usage: Usage) -> None:
        """Learn from the usage of a reply to a request of `size` bytes."""
        if usage.output_tokens is not None:
            if limit:
                self.beyond_limit = max(self.beyond_limit, usage.output_tokens - limit)
            if usage.output_tokens > (limit or UNLIMITED_OUTPUT):
                self.longest = max(self.longest, usage.output_tokens)
        if usage.input_tokens is not None:
            self.beyond_bytes = max(self.beyond_bytes, usage.input_tokens - size)
            bits = size.bit_length()
            self.per_byte[bits] = max(
                self.per_byte.get(bits, 0.0), usage.input_tokens / max(1, size)
            )

    def input_tokens(self, size: int) -> float:
        """Return the most input tokens of a request, beside the calls in flight.

        Hidden text and images add a number, another tokenizer a factor, so the greater counts. What
        was seen beyond the bytes is doubled if there are others: their bills may be greater, too.
        """
        nearest = min(self.per_byte, key=lambda bits: abs(bits - size.bit_length()), default=0)
        factor = self.per_byte.get(nearest, 1.0)
        beyond = max(self.beyond_bytes, (factor - 1.0) * size, 0.0)
        return size + (2 * beyond if self.calls else beyond)

    def output_tokens(self, limit: int | None) -> float:
        """Return the most output tokens of an answer with this limit."""
        most = limit or UNLIMITED_OUTPUT
        return max(2 * self.longest if self.longest > most else most, most + self.beyond_limit)

    @property
    def most_calls(self) -> float:
        """Calls that may be in flight: one before the first reply, and few if bills surprise."""
        if not self.replies:
            return 1
        is_exact = self.beyond_bytes <= 0 and self.beyond_limit <= 0
        return float("inf") if is_exact else 1 + self.replies // REPLIES_PER_CALL


def endpoint_of(model: OpenModel) -> str:
    """The address that a model is called at; empty for one without."""
    return str(model.provider.identity.get("endpoint", ""))


def learn_stored_bills(
    bounds: Mapping[tuple[str, str], TokenBounds], plan: Plan, store: Store
) -> None:
    """Learn from stored answers how much the models of a plan bill for a call.

    `bounds` has those of each model by `provider:name` and endpoint.
    """
    limits: dict[tuple[str, str], int] = {}
    for variant, requests in zip(plan.variants, plan.requests, strict=True):
        key = (variant.model.model.ref, endpoint_of(variant.model))
        for request in requests[:1]:  # all of a variant have the same limit
            limit = request.max_output_tokens or UNLIMITED_OUTPUT
            limits[key] = min(limit, limits.get(key, limit))
    for key, limit in limits.items():
        for size, max_output_tokens, usage in large_bills(store, key[0], limit):
            bounds[key].learn(size, max_output_tokens, usage)
