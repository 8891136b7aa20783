"""Architectures whose stored answers were wrong, and are asked for again.

    gemma2    every answer's key has `forward_passes: 2`
    lfm2      the key of each answer with choices

Keys of all other architectures stay as they were.
"""

CORRECTED = 2
# Attention of their own, which lost a shared prefix, and states that were not continued.
WRONG_ANSWERS = frozenset(
    [
        "axk1",
        "axk2",
        "bart",
        "bigbird_pegasus",
        "blenderbot",
        "blenderbot-small",
        "bloom",
        "codegen",
        "deepseek_v3",
        "deepseek_v32",
        "deepseek_v4",
        "diffllama",
        "doge",
        "dots3_note_text",
        "falcon",
        "falcon_mamba",
        "flint",
        "gemma2",
        "glm4_moe_lite",
        "glm_moe_dsa",
        "gpt_neo",
        "gpt_neox_japanese",
        "gpt_oss",
        "gptj",
        "granite_swa",
        "granitemoe_swa",
        "hrm_text",
        "hy_v4",
        "inkling2_text",
        "inkling_text",
        "jamba",
        "jetmoe",
        "longcat_flash",
        "mamba",
        "mamba2",
        "mbart",
        "mimo_v2_flash",
        "minicpm3",
        "minimax",
        "moshi",
        "mpt",
        "mvp",
        "openai-gpt",
        "pegasus",
        "prophetnet",
        "recurrent_gemma",
        "rwkv",
        "trocr",
        "vaultgemma",
        "xglm",
        "xlstm",
        "youtu",
        "zamba",
    ]
)
# Recurrent states that one choice changed for the next.
WRONG_CHOICES = frozenset(
    [
        "bailing_hybrid",
        "bamba",
        "falcon_h1",
        "granitemoehybrid",
        "kimi_linear",
        "lfm2",
        "lfm2_moe",
        "lfm3",
        "nemotron_h",
        "olmo_hybrid",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_5_moe_text",
        "qwen3_5_text",
        "qwen3_next",
        "zamba2",
        "zaya",
    ]
)
