"""Tokenizer and weights of one local folder, loaded without remote code and without noise."""

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
    """No progress bars or warnings of transformers inside; as before afterwards."""
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
    """The tokenizer kept in `folder`.

    Raises:
        WorkbenchError: there is none, or it would need remote code.
    """
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise WorkbenchError(
            f"the tokenizer can't be loaded: {error}", where=str(folder)
        ) from error


def load_model(folder: Path, *, dtype: str, device: str) -> Any:
    """The weights kept in `folder`, ready to answer on `device`.

    Raises:
        WorkbenchError: no such device here, or a model that transformers can't load as it is.
    """
    _check_device(device)
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, dtype),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise WorkbenchError(f"the model can't be loaded: {error}", where=str(folder)) from error
    return model.to(device).eval()


def _check_device(device: str) -> None:
    backends = {"cuda": torch.cuda, "mps": torch.backends.mps}
    if device in backends and not backends[device].is_available():
        raise WorkbenchError(f"torch sees no {device} device here", fix="set device: cpu")
