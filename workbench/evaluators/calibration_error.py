"""Evaluator of a run: how far confidence is from the share of right answers.

>>> from workbench.evaluators._confidence import Confidence
>>> calibration_error([Confidence(0.9, True), Confidence(0.9, False)]).value
0.4
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator, per_row
from workbench.evaluators._confidence import Confidence, check_paths, read_confidence

FloatArray = NDArray[np.float64]
DRAWS, SEED = 400, 20_261_130  # of outcomes, if every confidence were right
LEVEL = 0.05


def may_be_calibrated(rows: Sequence[Confidence], *, bins: int = 10) -> bool:
    """True if as great an error is no surprise for confidences that are all right.

    Outcomes are drawn with the stated probabilities (J. Bröcker, L. A. Smith, Weather and
    Forecasting 22 (2007) 651).
    """
    stated = np.array([row.stated for row in rows])
    right = np.array([row.right for row in rows], dtype=float)
    generator = np.random.default_rng(SEED)
    drawn = (generator.random((DRAWS, len(rows))) < stated).astype(float)
    errors = np.array([_error(stated, outcomes, bins) for outcomes in drawn])
    return bool((errors >= _error(stated, right, bins)).mean() > LEVEL)


@evaluator(over="run", range=(0, 1), higher_is_better=False)
@per_row(read_confidence, may_be_best=may_be_calibrated)
def calibration_error(rows: Sequence[Confidence], *, bins: int = 10) -> Score:
    """The mean distance of stated confidence from the share of right answers, over `bins` (ECE).

    The bins are of equal width from 0 to 1; each counts by its rows. The confidence is the
    probability of the chosen choice, else the one at `$.confidence` of an answer in JSON, whose
    answer is at `$.answer`. Expected calibration error: M. P. Naeini, G. F. Cooper, M. Hauskrecht,
    AAAI 2015. It is never below 0, so chance alone makes it positive. `answer` and `confidence` are
    the two paths.
    """
    stated = np.array([row.stated for row in rows])
    right = np.array([row.right for row in rows], dtype=float)
    gap = float(stated.mean() - right.mean())
    word = "over" if gap > 0 else "under"
    reason = f"says {stated.mean():.2f}, is right in {right.mean():.2f}: {word}confident"
    return Score(_error(stated, right, bins), reason if abs(gap) >= 0.005 else "right on average")


def check_settings(**settings: JSON) -> None:
    """Check the bins and the paths.

    Raises:
        WorkbenchError: `bins` is no number of bins, or a path is none.
    """
    bins = settings.get("bins", 10)
    if not 1 <= bins <= 1_000:
        message = f"calibration_error: bins is {bins}"
        raise WorkbenchError(message, fix="from 1 to 1,000; 10 is usual")
    check_paths("calibration_error", settings)


def _error(stated: FloatArray, right: FloatArray, bins: int) -> float:
    places = np.minimum((stated * bins).astype(int), bins - 1)
    gaps = np.bincount(places, stated - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(stated))
