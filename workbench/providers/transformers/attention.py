"""Attention for a processor: a shared beginning is kept once for all rows, and never copied.

scores of a row:  [ over the shared beginning | over what is its own ]

Where a few tokens look back over many, which is each step of an answer, torch's own attention on a
processor takes five times as long as two matrix products (bfloat16, 9 heads, 320 tokens), because
it copies keys and values for every head that shares them and works head by head.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

NAME = "workbench"
SCORES = 1 << 21  # scores at once: more of them don't stay in the processor's cache
TRIED = 40  # tokens with which it is tried
CLOSE = 0.05  # of a logit, on average: how far ours may be from the model's own attention

_beginning: ContextVar[Sequence[Any]] = ContextVar("beginning", default=())


@contextmanager
def beginning(layers: Sequence[Any]) -> Iterator[None]:
    """Inside, every row begins with what these layers hold for one row; none: each is its own."""
    token = _beginning.set(layers)
    try:
        yield
    finally:
        _beginning.reset(token)


def adopt(model: Any) -> bool:
    """Has the model use this attention, if it then computes what it did before.

    Models whose attention has something of its own (capped scores, sinks, shared layers) keep
    theirs.
    """
    if model.device.type != "cpu" or getattr(model.config, "num_kv_shared_layers", 0):
        return False
    before = model.config._attn_implementation
    words = model.get_input_embeddings().num_embeddings
    ids = torch.linspace(0, words - 1, TRIED).long()[None]
    with torch.inference_mode():
        try:
            expected = model(input_ids=ids).logits
            model.set_attn_implementation(NAME)
            found = model(input_ids=ids).logits
            if (found - expected).abs().mean() <= CLOSE * expected.abs().mean():
                return True
        except (NotImplementedError, ValueError, TypeError, RuntimeError):
            pass
    model.set_attn_implementation(before)
    return False


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers asks for it: (rows, heads, tokens, size) -> (rows, tokens, heads, size).

    Raises:
        NotImplementedError: the model wants what is not done here.
    """
    if odd := [
        name for name in ("softcap", "position_bias", "s_aux") if more.get(name) is not None
    ]:
        raise NotImplementedError(f"attention with {odd[0]}")
    layers = _beginning.get()
    shared = (layers[module.layer_idx].keys, layers[module.layer_idx].values) if layers else None
    scaling = more.get("scaling") or query.shape[-1] ** -0.5
    rows, heads, count, _ = query.shape
    each = heads * count * (key.shape[2] + (shared[0].shape[2] if shared else 0))
    found = query.new_empty(rows, count, heads, value.shape[-1])
    for some in torch.arange(rows).split(max(1, SCORES // each)):
        part = slice(int(some[0]), int(some[-1]) + 1)
        mask = attention_mask[part, :, :, -key.shape[2] :]
        answer = _attend(query[part] * scaling, (key[part], value[part]), mask, shared)
        found[part] = answer.transpose(1, 2)
    return found, None


def _attend(
    query: torch.Tensor,
    own: tuple[torch.Tensor, torch.Tensor],
    mask: torch.Tensor,
    shared: tuple[torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """(rows, heads, tokens, size); heads that share keys are one matrix with them."""
    rows, heads, count, size = query.shape
    keys, values = own
    groups = keys.shape[1]
    together = query.reshape(rows, groups, -1, size)
    scores = together @ keys.transpose(-1, -2)
    least = torch.finfo(scores.dtype).min  # not -inf: a row of padding sees nothing at all
    scores.view(rows, heads, count, -1).masked_fill_(~mask, least)
    if shared is None:
        return (scores.softmax(dim=-1) @ values).view(rows, heads, count, -1)
    first = _by_group(together) @ shared[0][0].transpose(-1, -2)
    length = first.shape[-1]
    first = first.view(groups, rows, -1, length).transpose(0, 1)
    shares = torch.cat([first, scores], dim=-1).softmax(dim=-1)
    begun = _by_group(shares[..., :length]) @ shared[1][0]
    found = shares[..., length:] @ values
    found += begun.view(groups, rows, -1, found.shape[-1]).transpose(0, 1)
    return found.view(rows, heads, count, -1)


def _by_group(states: torch.Tensor) -> torch.Tensor:
    """(rows, groups, tokens, size) -> (groups, rows and tokens, size): one product for all rows."""
    return states.transpose(0, 1).reshape(states.shape[1], -1, states.shape[-1])


def _whole_mask(*given: Any, **more: Any) -> torch.Tensor | None:
    """Transformers leaves the mask out where torch's attention can do without."""
    return sdpa_mask(*given, **{**more, "allow_is_causal_skip": False})


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _whole_mask)
