"""The cache folder: fetched models, and results that are found again where they are lost.

models/smollm2-135m-instruct-b179c9523d0e-…/     weights
digests.json          {"/models/m/model.safetensors:1048:17…": "9f86…"}
model_checks.json     {"sha256:2c26… 5.3.0 2.13.0 1": "fast"}
template_checks.json  {"5f1c…": "…"}
trace_writers.json    {"3.18.0 1f0c…": ""}
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def cache_dir() -> Path:
    """Cache folder: `WORKBENCH_CACHE`, or the user's."""
    if folder := os.environ.get("WORKBENCH_CACHE"):
        return Path(folder)
    from platformdirs import user_cache_dir  # a server of an API model needs no cache

    return Path(user_cache_dir("workbench"))


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file; empty if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def add_to_json(file: Path, key: str, value: str) -> None:
    """Save a result; where the folder can't be written, each process finds it again.

    Of two processes at once, one may lose its entry, never the file.
    """
    new_file = file.with_name(f"{file.stem}.{os.getpid()}.part")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        new_file.write_text(json.dumps(read_json(file) | {key: value}), encoding="utf-8")
        new_file.replace(file)
