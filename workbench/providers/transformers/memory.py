"""The most tokens that fit into memory.

SmolLM2-135M in bfloat16: 30 layers x 2 x 3 heads x 64 numbers x 2 bytes = 23 KB a token
"""

from pathlib import Path
from typing import Any

import torch

CACHE_SHARE = 0.5  # of the free memory, for keys and values; the rest is for activations
MEMORY = Path("/proc/meminfo")
LIMITS = Path("/sys/fs/cgroup")  # a container's own limit


def max_tokens(model: Any, free: int | None) -> int | None:
    """Tokens whose keys and values fit into their share of `free` bytes; None: unknown."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    numbers = config.num_hidden_layers * 2 * heads * size
    return None if free is None else int(free * CACHE_SHARE) // (numbers * model.dtype.itemsize)


def free_memory(device: str) -> int | None:
    """Bytes that are free on `device`; None: unknown."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    if device != "cpu" or not MEMORY.is_file():
        return None
    lines = dict(line.split(":", 1) for line in MEMORY.read_text(encoding="ascii").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    limit, used = (_number(LIMITS / name) for name in ("memory.max", "memory.current"))
    return free if limit is None or used is None else min(free, max(0, limit - used))


def _number(path: Path) -> int | None:
    """The number in a file; None for `max`, which means no limit, and if there is no file."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
