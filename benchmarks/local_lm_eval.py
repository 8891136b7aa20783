"""lm-evaluation-harness' hf backend on the same weights and texts, in an environment of its own.

    python benchmarks/local_lm_eval.py FOLDER < requests

A line of stdin asks, a line of stdout answers; the model is loaded once and warmed up by the first:

    {"texts": ["Review: …"], "choices": [], "new_tokens": 16}      generation
    {"texts": ["Review: …"], "choices": [" positive", " negative"]}
    -> {"seconds": 12.1, "peak_mb": 2212.0, "answers": ["positive", …]}
"""

import json
import os
import resource
import sys
import time

BATCH = 32
REPLIES = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # what the libraries print is no answer

from lm_eval.api.instance import Instance  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402


def instances(kind: str, arguments: list[tuple]) -> list[Instance]:
    return [
        Instance(request_type=kind, doc={}, arguments=pair, idx=number)
        for number, pair in enumerate(arguments)
    ]


def generate(model: HFLM, texts: list[str], new_tokens: int) -> list[str]:
    settings = {"until": ["<never>"], "max_gen_toks": new_tokens, "do_sample": False}
    request = instances("generate_until", [(text, dict(settings)) for text in texts])
    return model.generate_until(request, disable_tqdm=True)


def choose(model: HFLM, texts: list[str], choices: list[str]) -> list[str]:
    pairs = [(text, choice) for text in texts for choice in choices]
    results = model.loglikelihood(instances("loglikelihood", pairs), disable_tqdm=True)
    scores = [score for score, _ in results]
    count = len(choices)
    rows = [scores[begin : begin + count] for begin in range(0, len(scores), count)]
    return [choices[max(range(count), key=row.__getitem__)] for row in rows]


def main() -> None:
    model = HFLM(pretrained=sys.argv[1], dtype="bfloat16", batch_size=BATCH, device="cpu")
    REPLIES.write("\n")
    for line in sys.stdin:
        request = json.loads(line)
        begun = time.perf_counter()
        if request["choices"]:
            answers = choose(model, request["texts"], request["choices"])
        else:
            answers = generate(model, request["texts"], request["new_tokens"])
        seconds = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        REPLIES.write(json.dumps({"seconds": seconds, "peak_mb": peak, "answers": answers}) + "\n")


if __name__ == "__main__":
    main()
