"""The wheel that lies in every package: renderer, providers and server, from the installed files.

prompt_workbench_serving-0.1.0-py3-none-any.whl
    workbench/serving/…, and every module that these import
    prompt_workbench_serving-0.1.0.dist-info/METADATA, entry_points.txt, …

Equal files give equal bytes, on any machine.
"""

import base64
import hashlib
import re
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import workbench
from workbench.model import ENTRY_POINT_GROUP
from workbench.releasing.wheel_modules import (
    FULL_DISTRIBUTION,
    module_file,
    served_providers,
    serving_modules,
)

DISTRIBUTION = "prompt-workbench-serving"
SERVER = "workbench.serving.__main__:main"
DEPENDENCIES = (
    *("jinja2", "openai", "pydantic", "ruamel.yaml", "starlette", "uvicorn"),
    *("mlflow", "prometheus-client"),
)
PYFUNC_DEPENDENCIES = ("numpy", "pandas")  # which MLflow imports to load a model
LOCAL_DEPENDENCIES = ("torch", "transformers", "accelerate", "safetensors", "platformdirs")
SKINNY = {"mlflow": "mlflow-skinny"}  # without what only its UI, its server and its stores need
WHEEL = (
    *("Wheel-Version: 1.0", "Generator: workbench"),
    *("Root-Is-Purelib: true", "Tag: py3-none-any"),
)
DATE = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644


def wheel_name() -> str:
    """Return the file name of the wheel."""
    return f"{DISTRIBUTION.replace('-', '_')}-{workbench.__version__}-py3-none-any.whl"


def build_wheel(folder: Path) -> Path:
    """Write the wheel into `folder`, and return its path."""
    info = f"{DISTRIBUTION.replace('-', '_')}-{workbench.__version__}.dist-info"
    root = Path(workbench.__file__).parents[1]
    paths = [module_file(module) for module in serving_modules()]
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    files |= {f"{info}/{name}": text.encode() for name, text in _metadata().items()}
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    wheel = folder / wheel_name()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():  # not compressed: the bytes would depend on the library
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = 3, MODE << 16
            archive.writestr(entry, content)
    return wheel


def _metadata() -> dict[str, str]:
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {DISTRIBUTION}",
        f"Version: {workbench.__version__}",
        "Summary: Renderer, API client and server of prompt variants packaged by Workbench",
        "License-Expression: Apache-2.0",
        f"Requires-Python: {distribution(FULL_DISTRIBUTION).metadata['Requires-Python']}",
        *(f"Requires-Dist: {_range(name)}" for name in DEPENDENCIES),
        "Provides-Extra: pyfunc",
        *(f'Requires-Dist: {_range(name)} ; extra == "pyfunc"' for name in PYFUNC_DEPENDENCIES),
        "Provides-Extra: local",
        *(f'Requires-Dist: {_range(name)} ; extra == "local"' for name in LOCAL_DEPENDENCIES),
    ]
    lines_of_entries = [
        "[console_scripts]",
        f"workbench-serve = {SERVER}",
        "",
        f"[{ENTRY_POINT_GROUP}]",
        *sorted(f"{entry.name} = {entry.value}" for entry in served_providers()),
    ]
    texts = {
        "METADATA": lines,
        "WHEEL": WHEEL,
        "entry_points.txt": lines_of_entries,
    }
    license_text = distribution(FULL_DISTRIBUTION).read_text("licenses/LICENSE")
    if license_text:
        lines.insert(5, "License-File: LICENSE")
    files = {name: "\n".join(content) + "\n" for name, content in texts.items()}
    return files | ({"licenses/LICENSE": license_text} if license_text else {})


def _range(name: str) -> str:
    """The versions of a dependency that Workbench itself takes: `openai[aiohttp]>=3.54`."""
    for requirement in distribution(FULL_DISTRIBUTION).requires or ():
        if match := re.match(rf"{re.escape(name)}(?![\w-])(\[[\w,]+\])?([^;]*)", requirement):
            return f"{SKINNY.get(name, name)}{match[1] or ''}{match[2].strip()}"
    return SKINNY.get(name, name)


def _record(files: dict[str, bytes], path: str) -> bytes:
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    return "\n".join([*lines, f"{path},,", ""]).encode()
