"""The record of a judge's calibration: its agreement with people, and the labels they gave.

.workbench/calibrations/3f9c….json      kept under the judge's digest
read_record(project.root, judge.digest)     JudgeRecord(answers=150, kappa=0.71, …), or None
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

FOLDER = "calibrations"  # in the project's folder of stores


@dataclass(frozen=True)
class JudgeRecord:
    """A judge's agreement with people.

    Attributes:
        at: when it was calibrated, as ISO 8601 in UTC.
        answers: labelled, with a verdict.
        kappa, kappa_low, kappa_high: Cohen's, with its 95% interval; None: chance explains all.
        sensitivity, specificity: shares of the `passed` and of the `failed` answers by people's
            labels on which the judge agrees.
        labels: what people's labels are worth, by the key of `label_key`.
        figures: all that `judge calibrate` shows.
    """

    judge: str
    digest: str
    at: str
    answers: int
    kappa: float | None = None
    kappa_low: float | None = None
    kappa_high: float | None = None
    sensitivity: float = 0.0
    specificity: float = 0.0
    passed: int = 0
    failed: int = 0
    labels: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def kappa_text(self) -> str:
        """`kappa 0.71 [0.58, 0.82] with people, n=150`."""
        if self.kappa is None:
            return f"no kappa with people, n={self.answers}: chance explains all agreement"
        interval = f"[{self.kappa_low:.2f}, {self.kappa_high:.2f}]"
        return f"kappa {self.kappa:.2f} {interval} with people, n={self.answers}"


def label_key(key: str, baseline_key: str = "") -> str:
    """The key of a label: of the answer's request, for a pair with that of the baseline's."""
    return f"{key} {baseline_key}" if baseline_key else key


def read_record(root: Path, digest: str) -> JudgeRecord | None:
    """The record of the judge with this digest; None: it is uncalibrated.

    Raises:
        WorkbenchError: its file is damaged.
    """
    path = _path(root, digest)
    try:
        return JudgeRecord(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise WorkbenchError(
            f"the record of a calibration can't be read: {error}",
            where=str(path),
            fix="delete the file, and calibrate the judge again",
        ) from error


def write_record(root: Path, record: JudgeRecord) -> Path:
    """Keep a record in place of an earlier one of the same judge; return its file."""
    path = _path(root, record.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    partial.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False), "utf-8")
    partial.replace(path)
    return path


def _path(root: Path, digest: str) -> Path:
    return root / ".workbench" / FOLDER / f"{digest}.json"
