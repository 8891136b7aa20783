"""Tokenizer and weights of a local folder, loaded without remote code and without output.

As a process of its own it converts GGUF weights into a folder that loads in seconds:

    python -m workbench.providers.transformers.loading model.gguf folder
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from workbench.errors import WorkbenchError


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, transformers shows no progress bars and no warnings."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`.

    Raises:
        WorkbenchError: there is none, or it needs remote code.
    """
    return _load("tokenizer", AutoTokenizer, folder)


def load_model(folder: Path, *, dtype: str, device: str) -> Any:
    """The model in `folder`, ready to answer on `device`.

    Raises:
        WorkbenchError: no such device, or a model that transformers can't load.
    """
    backends = {"cuda": torch.cuda, "mps": torch.backends.mps}
    if device in backends and not backends[device].is_available():
        raise WorkbenchError(f"torch finds no {device} device", fix="set device: cpu")
    options = {"dtype": getattr(torch, dtype), "use_safetensors": True}
    return _load("model", AutoModelForCausalLM, folder, **options).to(device).eval()


def _load(kind: str, loader: Any, folder: Path, **options: Any) -> Any:
    options |= {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet():
            return loader.from_pretrained(folder, **options)
    except (OSError, ValueError, KeyError, ImportError) as error:
        if str(error).startswith("Unrecognized configuration class"):  # then it lists hundreds
            raise WorkbenchError(
                "transformers has no model that continues texts for this config.json, as for an "
                "encoder (DistilBERT, ModernBERT) or T5",
                where=str(folder),
                fix="use a causal language model",
            ) from error
        raise WorkbenchError(f"the {kind} can't be loaded: {error}", where=str(folder)) from error


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
