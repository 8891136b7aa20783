"""Attention on a CPU in which a prefix shared by all rows is stored once and never copied.

    attention scores of a row:  [ over the shared prefix | over its own tokens ]

When few tokens attend to many, as in each step of an answer, torch's own attention on a CPU takes
five times as long as two matrix products (bfloat16, 9 heads, 320 tokens): it copies keys and
values for every head that shares them, and works head by head.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

NAME = "workbench"
MAX_SCORES = 1 << 21  # at once: more of them don't stay in the CPU's cache

_prefix: ContextVar[Sequence[Any]] = ContextVar("shared prefix", default=())


@contextmanager
def shared_prefix(layers: Sequence[Any]) -> Iterator[None]:
    """Within it, every row begins with the keys and values of these layers of one row."""
    token = _prefix.set(layers)
    try:
        yield
    finally:
        _prefix.reset(token)


def use(model: Any) -> bool:
    """Make the model use this attention; its results must be checked.

    They differ for models with capped scores, attention sinks or shared layers.

    Raises:
        NotImplementedError: it is for CPUs, and for models whose layers have keys of their own.
    """
    if model.device.type != "cpu" or getattr(model.config, "num_kv_shared_layers", 0):
        raise NotImplementedError
    model.set_attn_implementation(NAME)
    return True


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention for transformers: (rows, heads, tokens, size) -> (rows, tokens, heads, size).

    Raises:
        NotImplementedError: the model needs an option that is missing here.
    """
    for name in ("softcap", "position_bias", "s_aux"):
        if options.get(name) is not None:
            raise NotImplementedError(f"attention with {name}")
    layers = _prefix.get()
    shared = (layers[module.layer_idx].keys, layers[module.layer_idx].values) if layers else None
    scaling = options.get("scaling") or query.shape[-1] ** -0.5
    rows, heads, count, _ = query.shape
    scores_per_row = heads * count * (key.shape[2] + (shared[0].shape[2] if shared else 0))
    outputs = query.new_empty(rows, count, heads, value.shape[-1])
    rows_at_once = max(1, MAX_SCORES // scores_per_row)
    for start in range(0, rows, rows_at_once):
        part = slice(start, start + rows_at_once)
        mask = attention_mask[part, :, :, -key.shape[2] :]
        output = _attend(query[part] * scaling, (key[part], value[part]), mask, shared)
        outputs[part] = output.transpose(1, 2)
    return outputs, None


def _attend(
    query: torch.Tensor,
    row_states: tuple[torch.Tensor, torch.Tensor],
    mask: torch.Tensor,
    shared: tuple[torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """(rows, heads, tokens, size); heads that share keys are multiplied as one matrix."""
    rows, heads, count, size = query.shape
    keys, values = row_states
    groups = keys.shape[1]
    grouped = query.reshape(rows, groups, -1, size)
    scores = grouped @ keys.transpose(-1, -2)
    least = torch.finfo(scores.dtype).min  # not -inf: a row of padding attends to nothing
    scores.view(rows, heads, count, -1).masked_fill_(~mask, least)
    if shared is None:
        return (scores.softmax(dim=-1) @ values).view(rows, heads, count, -1)
    prefix_scores = _by_group(grouped) @ shared[0][0].transpose(-1, -2)
    length = prefix_scores.shape[-1]
    prefix_scores = prefix_scores.view(groups, rows, -1, length).transpose(0, 1)
    weights = torch.cat([prefix_scores, scores], dim=-1).softmax(dim=-1)
    from_prefix = _by_group(weights[..., :length]) @ shared[1][0]
    output = weights[..., length:] @ values
    output += from_prefix.view(groups, rows, -1, output.shape[-1]).transpose(0, 1)
    return output.view(rows, heads, count, -1)


def _by_group(states: torch.Tensor) -> torch.Tensor:
    """(rows, groups, tokens, size) -> (groups, rows and tokens, size): one product for all rows."""
    return states.transpose(0, 1).reshape(states.shape[1], -1, states.shape[-1])


def _full_mask(*args: Any, **kwargs: Any) -> torch.Tensor | None:
    """The mask; transformers omits it when torch's own attention doesn't need it."""
    return sdpa_mask(*args, **{**kwargs, "allow_is_causal_skip": False})


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, _full_mask)
