"""False differences: Workbench's verdicts beside `mlflow.genai.compare_evaluations` (MLflow 3.18).

python -m benchmarks.verdict_errors         2,000 samples of each simulation; a Markdown table

In both every true difference is 0. MLflow's tests are called as compare_evaluations calls them;
with an older MLflow, which has none, the same tests of scipy are used: McNemar's (exact below 25
rows that differ, else chi-squared with a continuity correction) and Wilcoxon's signed ranks.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats

from workbench.stats.pairs import paired_difference
from workbench.stats.sample import Scale
from workbench.stats.verdicts import verdicts

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "stats"))
from simulated_data import by_row  # noqa: E402  the suite's own helper

DRAWS = 2_000
ROWS = (50, 150)
SEED = 20_261_128
ALPHA = 0.05
DIFFERENT = {"better", "worse"}
Draw = Callable[[np.random.Generator, int], np.ndarray]


def equal_candidates(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Six candidates like the baseline: 0 or 1, right in 70% of rows, easy rows are shared."""
    difficulty = rng.normal(size=rows) * 0.6**0.5
    noise = rng.normal(size=(7, rows)) * 0.4**0.5
    return (difficulty + noise < stats.norm.ppf(0.7)).astype(float)


def skewed_change(rng: np.random.Generator, rows: int) -> np.ndarray:
    """A candidate that loses a little in most rows and gains much in few: 0 on average."""
    changes = 0.1 * (rng.exponential(size=rows) - 1)
    return np.array([np.full(rows, 0.4), np.clip(0.4 + changes, 0, 1)])


SIMULATIONS: dict[str, tuple[Draw, Scale]] = {
    "six candidates equal to the baseline, pass or fail: one is called different": (
        equal_candidates,
        Scale(pass_fail=True),
    ),
    "numbers from 0 to 1, skewed differences with a mean of 0: called different": (
        skewed_change,
        Scale(low=0, high=1),
    ),
}


def mlflow_p(before: np.ndarray, after: np.ndarray) -> float:
    """Return the p-value that compare_evaluations reports for one scorer."""
    deltas = after - before
    binary = bool(np.isin(np.concatenate([before, after]), (0, 1)).all())
    try:
        from mlflow.genai.evaluation.comparison import significance_tests as tests
    except ImportError:
        return _scipy_p(deltas, binary=binary)
    return float((tests._mcnemar if binary else tests._wilcoxon)(deltas)[1])


def _scipy_p(deltas: np.ndarray, *, binary: bool) -> float:
    up, down = int((deltas > 0).sum()), int((deltas < 0).sum())
    if not up + down:
        return 1.0
    if not binary:
        exact = "exact" if up + down <= 50 else "approx"
        return float(stats.wilcoxon(deltas[deltas != 0], method=exact).pvalue)
    if up + down < 25:
        return float(stats.binomtest(up, up + down, 0.5).pvalue)
    return float(stats.chi2.sf((abs(up - down) - 1) ** 2 / (up + down), df=1))


def error_rates(draw: Draw, scale: Scale, rows: int) -> tuple[float, float]:
    """Return the shares of samples with a false difference: MLflow's, and Workbench's."""
    rng = np.random.default_rng(SEED)
    mlflow_errors = workbench_errors = 0
    for _ in range(DRAWS):
        baseline, *candidates = draw(rng, rows)
        mlflow_errors += any(mlflow_p(baseline, each) <= ALPHA for each in candidates)
        pairs = [paired_difference(by_row(baseline), by_row(each), scale) for each in candidates]
        family = verdicts([pair for pair in pairs if pair])
        workbench_errors += any(verdict.outcome in DIFFERENT for verdict in family)
    return mlflow_errors / DRAWS, workbench_errors / DRAWS


def main() -> None:
    print("| all true differences are 0 | rows | compare_evaluations | Workbench |")
    print("|---|---|---|---|")
    for name, (draw, scale) in SIMULATIONS.items():
        for rows in ROWS:
            rates = " | ".join(f"{rate:.1%}" for rate in error_rates(draw, scale, rows))
            print(f"| {name} | {rows} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
