"""Tokenizer and weights of a local folder, loaded without remote code and without output."""

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
        raise WorkbenchError(f"the {kind} can't be loaded: {error}", where=str(folder)) from error
