"""The results of a benchmark: every run, with machine and versions.

results/api_window.json
{"question": "…", "date": "2026-01-31", "machine": {…}, "versions": {…},
 "columns": {"window_s": "request window, s"}, "beside": "aiohttp, bare",
 "cases": [{"case": "50 ms × 64", "contestant": "workbench run", "runs": [{"window_s": 1.72}, …],
            "median": {…}, "min": {…}, "max": {…}}, …]}
"""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(os.environ.get("BENCHMARK_RESULTS", Path(__file__).parent / "results"))
PACKAGES = ("prompt-workbench", "mlflow", "openai", "aiohttp", "torch", "transformers")

Numbers = Mapping[str, float | None]


@dataclass
class ResultSheet:
    """The answer to one question.

    Attributes:
        name: the file's, and the marker's in docs/performance.md.
        columns: the measured numbers that the table shows, and their headings.
        beside: the contestant that ratios are taken to; none where it is empty.
        note: one line under the table: what was measured how.
    """

    name: str
    question: str
    columns: Mapping[str, str]
    beside: str = ""
    note: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def add(self, case: str, contestant: str, runs: Sequence[Numbers]) -> None:
        """Add the runs of one contestant, and print their medians."""
        spread = {
            word: {name: of(present) for name, present in _present(runs).items()}
            for word, of in (("median", statistics.median), ("min", min), ("max", max))
        }
        self.cases.append(
            {"case": case, "contestant": contestant, "runs": [dict(run) for run in runs], **spread}
        )
        median = spread["median"]
        shown = {name: round(median[name], 3) for name in self.columns if name in median}
        print(f"{case} · {contestant} ({len(runs)} runs): {shown}", flush=True)

    def write(self, folder: Path = RESULTS) -> Path:
        """Write <name>.json; older cases stay if machine, versions and columns are unchanged."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        value = {
            "question": self.question,
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "versions": versions() | self.versions,
            "columns": dict(self.columns),
            "beside": self.beside,
            "note": self.note,
            "cases": self.cases,
        }
        if path.exists():
            value["cases"] = [*_older(json.loads(path.read_text()), value), *self.cases]
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def _older(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, Any]]:
    """The older cases that the new ones don't replace.

    With ratios, all contestants of a case are measured in one sitting.
    """
    same = all(before[word] == now[word] for word in ("machine", "versions", "columns"))

    def label(case: dict[str, Any]) -> tuple[str, str]:
        return case["case"], "" if now["beside"] else case["contestant"]

    replaced = {label(case) for case in now["cases"]}
    return [case for case in before["cases"] if same and label(case) not in replaced]


def _present(runs: Sequence[Numbers]) -> dict[str, list[float]]:
    """Each number's values, in the runs that have it."""
    names = dict.fromkeys(name for run in runs for name in run)
    values = {name: [run[name] for run in runs if run.get(name) is not None] for name in names}
    return {name: present for name, present in values.items() if present}


def machine() -> dict[str, str]:
    """The machine of the measurement."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the measured packages."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
