"""Standard errors of samples by a peer's own function; runs in the peer's environment.

python -m benchmarks.peers.standard_errors inspect

It reads [{"values": [1, 0], "clusters": [0, 1]}] and prints [0.5].
"""

import json
import sys


def inspect_stderr(sample: dict) -> float:
    """By Inspect AI's `stderr(cluster=…)`."""
    from inspect_ai.scorer import SampleScore, Score, stderr

    scores = [
        SampleScore(score=Score(value=value), sample_id=n, sample_metadata={"cluster": cluster})
        for n, (value, cluster) in enumerate(zip(sample["values"], sample["clusters"], strict=True))
    ]
    return stderr(cluster="cluster")(scores)


def lm_eval_stderr(sample: dict) -> float:
    """By lm-evaluation-harness' `mean_stderr`."""
    from lm_eval.api.metrics import mean_stderr

    return mean_stderr(sample["values"])


FUNCTIONS = {"inspect": inspect_stderr, "lm-eval-api": lm_eval_stderr}


if __name__ == "__main__":
    function = FUNCTIONS[sys.argv[1]]
    print(json.dumps([function(sample) for sample in json.load(sys.stdin)]))
