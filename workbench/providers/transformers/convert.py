"""GGUF weights made into a folder that loads in seconds; runs as a process of its own.

python -m workbench.providers.transformers.convert model.gguf folder
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from workbench.providers.transformers.loading import quiet


def convert(gguf: Path, folder: Path) -> None:
    """Write `gguf` into `folder`: safetensors in float32, tokenizer, chat template."""
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32
        )
        # Loaded from GGUF it is still marked as quantised, and could not be saved.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
