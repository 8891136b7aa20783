"""Settings of a local model, and the meaning of `auto` on this machine.

transformers:smollm2-135m-instruct: {dtype: float32, batch_size: 8}
"""

import datetime
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from workbench.canonical import JSON
from workbench.document import Document, InvalidValueError
from workbench.errors import WorkbenchError, join_errors, unknown_name

# Llama's chat templates write it where they can't tell the date.
DEFAULT_DATE = datetime.date(2024, 7, 26)
MOST = 2**31 - 1
Shape = TypeVar("Shape", bound=BaseModel)


class ModelSettings(BaseModel):
    """The settings of a local model in an experiment file.

    Attributes:
        dtype: `auto` is bfloat16 if the hardware supports it, else float32.
        device: `auto` is a GPU if torch has one, else the CPU.
        batch_tokens: the most tokens in memory: rows times the longest row with its answer.
        batch_size: the most rows answered at once.
        revision: branch, tag or commit of a model from the hub.
        chat_template: variables of the chat template; part of the key.
        date: the date that the chat template gets as today's; in the key if it writes one.
        system: `merge`: system turns are put before the next user turn.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    dtype: Literal["auto", "bfloat16", "float32", "float16"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    batch_tokens: int = Field(32_768, ge=1, le=MOST)
    batch_size: int = Field(64, ge=1, le=MOST)
    revision: str = Field("", description="a branch, tag or commit")
    chat_template: dict[str, bool | int | float | str] = Field(default_factory=dict)
    date: datetime.date = DEFAULT_DATE
    system: Literal["keep", "merge"] = "keep"

    @field_validator("date", mode="before")
    @classmethod
    def _read_date(cls, text: JSON) -> datetime.date:
        try:
            return datetime.date.fromisoformat(text)
        except (TypeError, ValueError):
            raise InvalidValueError("is no date", fix="write a date, as 2026-07-26") from None


def check_values(shape: type[Shape], values: Mapping[str, JSON], *, kind: str, model: str) -> Shape:
    """`values` of the user's file as a `shape`; `kind` and `model` are for error messages.

    Raises:
        WorkbenchError: an unknown name, or an invalid value.
    """
    errors = []
    for name in (name for name in values if name not in shape.model_fields):
        errors.append(unknown_name(kind, name, shape.model_fields))
        errors[-1].message = f"{model} takes no {kind} {name!r}"
    if errors:
        raise join_errors(errors)
    try:
        return Document("", dict(values)).check(shape)
    except WorkbenchError as invalid:
        invalid.message = f"{model}: {invalid.message}"
        raise


def device_of(settings: ModelSettings) -> str:
    """The device of the settings; torch is not imported."""
    if settings.device != "auto":
        return settings.device
    if Path("/dev/nvidia0").exists() and not _torch_version().endswith("+cpu"):
        return "cuda"
    return "cpu"


def check_device(settings: ModelSettings) -> None:
    """Return unless the device of the settings can't be here; torch is not imported.

    Raises:
        WorkbenchError: no `mps` but on macOS, and no `cuda` with a torch built for the CPU.
    """
    is_mac = sys.platform == "darwin"
    cpu_build = is_mac or _torch_version().endswith("+cpu")
    if (settings.device == "mps" and not is_mac) or (settings.device == "cuda" and cpu_build):
        raise WorkbenchError(f"torch finds no {settings.device} device", fix="set device: cpu")


def dtype_of(settings: ModelSettings) -> str:
    """The dtype of the settings; torch is not imported."""
    if settings.dtype != "auto":
        return settings.dtype
    device = device_of(settings)
    fast = device == "cuda" or (device == "cpu" and _cpu_has_bfloat16())
    return "bfloat16" if fast else "float32"


def _torch_version() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""


def _cpu_has_bfloat16() -> bool:
    if sys.platform != "linux":
        return False
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    flags = next((line for line in info.splitlines() if line.startswith("flags")), "")
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())
