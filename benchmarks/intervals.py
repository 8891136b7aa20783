"""How often 95% intervals of a mean cover it: Workbench, scipy, statsmodels, Inspect AI, lm-eval.

python -m benchmarks.intervals              2,000 samples of each kind of data; a Markdown table

scipy's is Student's t over the rows' means, statsmodels' a cluster-robust OLS of a constant.
Inspect AI and lm-evaluation-harness report a standard error, here as ±1.96 of them; Inspect AI is
given the clusters. A peer that isn't installed (benchmarks.peers.install) is left out.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import statsmodels.api as sm
from scipy import stats

from benchmarks.peers.install import installed, python_of
from workbench.stats.means import estimate_mean

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "stats"))
from simulated_data import (  # noqa: E402  the suite's own data
    MEAN_DISTRIBUTIONS,
    MeanDistribution,
    by_row,
)

DRAWS = 2_000
ROWS = (20, 50, 200)
SEED = 20_261_128
Interval = tuple[float, float]
Sample = tuple[np.ndarray, list[int]]  # row means, and each row's cluster
PEERS = {"inspect": "Inspect AI", "lm-eval-api": "lm-eval"}


def samples(distribution: MeanDistribution, rows: int) -> Iterator[tuple[np.ndarray, list[int]]]:
    """Draw samples: values with a line per row, and the rows' clusters."""
    rng = np.random.default_rng(SEED)
    for _ in range(DRAWS):
        clusters = distribution.clusters(rows) if distribution.clusters else list(range(rows))
        yield distribution.draw(rng, rows), clusters


def row_means(values: np.ndarray) -> np.ndarray:
    """Average the repeats of each row."""
    return values if values.ndim == 1 else values.mean(axis=1)


def workbench_interval(
    distribution: MeanDistribution,
) -> Callable[[np.ndarray, list[int]], Interval]:
    """Return Workbench's function for a distribution's scale."""

    def interval(values: np.ndarray, clusters: list[int]) -> Interval:
        estimate = estimate_mean(by_row(values), distribution.scale, clusters)
        assert estimate
        assert estimate.low is not None
        assert estimate.high is not None
        return estimate.low, estimate.high

    return interval


def scipy_interval(values: np.ndarray, clusters: list[int]) -> Interval:  # noqa: ARG001
    """Student's t over the rows' means."""
    means = row_means(values)
    error = stats.sem(means)
    if not error:
        return float(means.mean()), float(means.mean())
    low, high = stats.t.interval(0.95, len(means) - 1, means.mean(), error)
    return float(low), float(high)


def statsmodels_interval(values: np.ndarray, clusters: list[int]) -> Interval:
    """Cluster-robust OLS of a constant, with Student's t."""
    means = row_means(values)
    fit = sm.OLS(means, np.ones(len(means))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}, use_t=True
    )
    low, high = fit.conf_int()[0]
    return float(low), float(high)


def peer_intervals(peer: str, drawn: Sequence[Sample]) -> list[Interval]:
    """Run a peer's function over all samples, in its own environment."""
    documents = [{"values": means.tolist(), "clusters": clusters} for means, clusters in drawn]
    done = subprocess.run(
        [python_of(peer), "-m", "benchmarks.peers.standard_errors", peer],
        cwd=ROOT,
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=True,
    )
    errors = json.loads(done.stdout.splitlines()[-1])
    return [
        (means.mean() - 1.96 * error, means.mean() + 1.96 * error)
        for (means, _), error in zip(drawn, errors, strict=True)
    ]


def coverage(distribution: MeanDistribution, rows: int) -> dict[str, float]:
    """Return the share of samples whose interval contains the mean, by method."""
    drawn = list(samples(distribution, rows))
    methods = {
        "Workbench": workbench_interval(distribution),
        "scipy": scipy_interval,
        "statsmodels": statsmodels_interval,
    }
    intervals = {name: [method(*sample) for sample in drawn] for name, method in methods.items()}
    means = [(row_means(values), clusters) for values, clusters in drawn]
    for peer, name in PEERS.items():
        if installed(peer):
            intervals[name] = peer_intervals(peer, means)
    return {
        name: float(np.mean([low <= distribution.mean <= high for low, high in found]))
        for name, found in intervals.items()
    }


def main() -> None:
    """Print the table."""
    header: list[str] = []
    for name, distribution in MEAN_DISTRIBUTIONS.items():
        by_rows = [coverage(distribution, rows) for rows in ROWS]
        if not header:
            header = list(by_rows[0])
            print(f"| data | {' | '.join(header)} |")
            print("|---" * (1 + len(header)) + "|")
        cells = [" / ".join(f"{100 * rates[key]:.0f}" for rates in by_rows) for key in header]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
