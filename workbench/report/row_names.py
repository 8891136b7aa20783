"""Names of the columns of `Results.to_pandas`.

>>> metric_column("exact_match"), metric_column("output")
('exact_match', 'metrics.output')
"""

TOKENS = ("input_tokens", "output_tokens")
NAMES = (
    *("row", "id", "repeat", "variant", "prompt", "model", "output", "state", "error"),
    *("latency_s", "cost", "expected", "run_id", *TOKENS),
)


def metric_column(metric: str) -> str:
    """The column of a metric; one with the name of another column is prefixed."""
    return f"metrics.{metric}" if metric in NAMES else metric
