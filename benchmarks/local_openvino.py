"""openvino-genai on the packed weights and the same texts, in an environment of its own."""

import json
import os
import resource
import sys
import time

REPLIES = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import openvino_genai  # noqa: E402


def main() -> None:
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.cache_size = 2
    scheduler.max_num_seqs = 64
    pipe = openvino_genai.ContinuousBatchingPipeline(sys.argv[1], scheduler, "CPU")
    REPLIES.write("\n")
    for line in sys.stdin:
        request = json.loads(line)
        begun = time.perf_counter()
        config = openvino_genai.GenerationConfig(
            max_new_tokens=request["new_tokens"], apply_chat_template=False, do_sample=False
        )
        results = pipe.generate(request["texts"], [config] * len(request["texts"]))
        answers = [result.m_generation_ids[0] for result in results]
        seconds = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        REPLIES.write(json.dumps({"seconds": seconds, "peak_mb": peak, "answers": answers}) + "\n")


if __name__ == "__main__":
    main()
