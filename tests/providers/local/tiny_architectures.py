"""Tiny random models of every architecture that transformers can build, from its config's class.

llama, hidden_size 4096 -> 32, num_hidden_layers 32 -> 4, vocab_size 32000 -> 120, …
"""

from contextlib import suppress
from typing import Any

import torch
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

VOCABULARY = 120
LAYERS = 4
# Weights large enough that a wrong state changes the next token.
SPREAD = 0.25

SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "n_embd": 32,
    "d_model": 32,
    "n_embed": 32,
    "dim": 32,
    "embed_dim": 32,
    "embedding_size": 32,
    "word_embed_proj_dim": 32,
    "intermediate_size": 48,
    "n_inner": 48,
    "ffn_dim": 48,
    "ffn_hidden_size": 48,
    "feed_forward_hidden": 48,
    "dim_ff": 48,
    "dff": 48,
    "shared_intermediate_size": 48,
    "moe_intermediate_size": 24,
    "moe_shared_expert_intermediate_size": 24,
    "shared_expert_intermediate_size": 24,
    "num_hidden_layers": LAYERS,
    "n_layer": LAYERS,
    "n_layers": LAYERS,
    "num_layers": LAYERS,
    "num_attention_heads": 4,
    "n_head": 4,
    "n_heads": 4,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "attention_head_size": 8,
    "rotary_dim": 8,
    "d_kv": 8,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8,
    "qk_head_dim": 16,
    "v_head_dim": 8,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "n_positions": 256,
    "n_ctx": 256,
    "max_position_embeddings": 256,
    "max_seq_len": 256,
    "context_length": 256,
    "sliding_window": 16,
    "attention_chunk_size": 16,
    "window_size": 16,
    "attention_window_size": 16,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "state_size": 8,
    "mamba_d_state": 8,
    "ssm_state_size": 8,
    "mamba_n_heads": 8,
    "mamba_num_heads": 8,
    "n_mamba_heads": 2,
    "mamba_d_head": 8,
    "mamba_head_dim": 8,
    "mamba_headdim": 8,
    "mamba_n_groups": 1,
    "mamba_ngroups": 1,
    "n_groups": 1,
    "mamba_d_ssm": 64,
    "mamba_chunk_size": 8,
    "chunk_size": 8,
    "lru_width": 32,
    "mamba_dt_rank": 4,
    "time_step_rank": 4,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "attention_hidden_size": 32,
    "conv_dim": 32,
    "index_n_heads": 2,
    "index_head_dim": 8,
    "index_topk": 8,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": VOCABULARY,
    "num_kv_shared_layers": 0,
    "initializer_range": SPREAD,
    "init_std": SPREAD,
    "hidden_dropout": 0.0,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
# Where a model needs one that the rules above don't give.
OWN: dict[str, dict[str, Any]] = {
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "codestral_mamba": {"num_heads": 8, "head_dim": 8},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "bamba": {"attn_layer_indices": [1, 3]},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "zamba2": {
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "num_key_value_heads": 4,
        "n_mamba_heads": 8,
    },
    "kimi_linear": {"num_experts_per_token": 2},
    "bailing_hybrid": {"num_experts_per_token": 2, "num_expert_group": 1},
    "ernie4_5_moe": {"moe_k": 2},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "zamba": {"attention_hidden_size": 64, "attention_head_dim": 16, "num_key_value_heads": 4},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "ministral": {"head_dim": 8},
    "nemotron": {"head_dim": 8, "num_key_value_heads": 2},
    "zaya": {"num_experts_per_tok": 1},
    "dots1": {"n_shared_experts": 1, "n_routed_experts": 4, "num_experts_per_tok": 2},
    "whisper": {"encoder_attention_heads": 4, "decoder_attention_heads": 4},
    "plbart": {"encoder_attention_heads": 4, "decoder_attention_heads": 4},
}


def make(model_type: str, **more: Any) -> Any:
    """A random model in float32 with a vocabulary of 120.

    Raises:
        Exception: of any class, where the rules above don't fit the architecture.
    """
    config = make_config(model_type, **more)
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1 and 0 < parameter.std() < SPREAD:
                parameter.mul_(SPREAD / parameter.std())
        model(input_ids=torch.arange(1, 9)[None], use_cache=False)  # its sizes fit each other
    return model


def make_config(model_type: str, **more: Any) -> Any:
    """The config of `model_type` with every known size small."""
    made_class = CONFIG_MAPPING[model_type]
    defaults = made_class()
    small = _small(defaults) | OWN.get(model_type, {})
    if "vocab_size_per_layer_input" in small and "vocab_size" in more:
        more["vocab_size_per_layer_input"] = more["vocab_size"]
    return made_class(**(small | more))


def _small(defaults: Any) -> dict[str, Any]:
    values = defaults.to_dict()
    small: dict[str, Any] = {}
    for name, value in values.items():
        if name in SIZES and not isinstance(value, (dict, list)):
            if value is not None or name in ("pad_token_id", "bos_token_id"):
                small[name] = SIZES[name]
        elif isinstance(value, list) and name in ("layer_types", "layers_block_type"):
            small[name] = _mixed(value)
        elif name in ("text_config", "decoder") and isinstance(value, dict):
            with suppress(KeyError):
                small[name] = _small(getattr(defaults, name))
    if values.get("kv_lora_rank"):  # latent attention has keys for every head
        small["num_key_value_heads"] = SIZES["num_attention_heads"]
    return small


def _mixed(kinds: list[str]) -> list[str]:
    """Layers of each kind, in their order, `LAYERS` in all."""
    different = list(dict.fromkeys(kinds))
    return sorted((different * LAYERS)[:LAYERS], key=different.index)
