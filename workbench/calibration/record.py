"""The record of a calibration, to be kept under the judge's digest.

make_record(judge, calibration, labels)     JudgeRecord(kappa=0.71, …)
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from workbench.calibration.calibration import Calibration
from workbench.judges.judge import Judge
from workbench.judges.judge_record import JudgeRecord


def make_record(judge: Judge, calibration: Calibration, labels: Mapping[str, float]) -> JudgeRecord:
    """The record of a judge's calibration, as of now; `labels` by `label_key`."""
    kappa = calibration.total.kappa if calibration.total else None
    sensitivity, specificity = calibration.sensitivity, calibration.specificity
    return JudgeRecord(
        judge.name,
        judge.digest,
        datetime.now(UTC).isoformat(timespec="seconds"),
        calibration.answers,
        kappa=kappa.value if kappa else None,
        kappa_low=kappa.low if kappa else None,
        kappa_high=kappa.high if kappa else None,
        sensitivity=sensitivity.value if sensitivity else 0.0,
        specificity=specificity.value if specificity else 0.0,
        passed=sensitivity.n if sensitivity else 0,
        failed=specificity.n if specificity else 0,
        labels=dict(labels),
        figures={**asdict(calibration), "persons": len(calibration.persons)},
    )
