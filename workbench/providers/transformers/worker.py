"""The child process that holds a model, so that its death ends nothing else.

It writes an empty line when it is ready, reads one JSON object per line and answers in JSON lines:

    {"load": {"folder": "/models/smollm2", "settings": {…}, "fingerprint": "4f0c…"}}
        -> {"loaded": "fast"}
        -> {"refused": {"message": "…", "where": "", "fix": "…"}}
    {"answer": [["4f0c…", {"text": "2+2=", "max_tokens": 8}, ""], …], "batch_size": 32}
        -> {"answers": [{"key": "4f0c…", "state": "ok", "text": "4", …}, …], "peak_mb": 912}
           one line per batch, until every question is answered

Run as `python -m workbench.providers.transformers.worker PARENT`: the parent's process number.
"""

import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.providers.transformers.batches import Question
from workbench.providers.transformers.settings import ModelSettings
from workbench.workers.garbage import paused_gc
from workbench.workers.parent_pipe import ParentPipe, die_with

# When memory runs out, Linux kills the process with the highest score. Losing this one costs a
# restart; losing the main process costs answers that are paid for.
OOM_SCORE = "800"
MAXRSS_PER_MB = 1024 if sys.platform == "linux" else 1024 * 1024


def main() -> None:
    """Answer until the parent ends."""
    die_with(int(sys.argv[1]))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")
    parent = ParentPipe()
    with paused_gc():
        from workbench.providers.transformers.engine import Engine
    parent.send_ready()
    requests = parent.requests()
    model = next(requests)["load"]
    try:
        settings = ModelSettings(**model["settings"])
        engine = Engine(Path(model["folder"]), settings, model["fingerprint"])
    except WorkbenchError as error:
        parent.send({"refused": error.as_json()})
        return
    parent.send({"loaded": engine.method})
    for request in requests:
        questions = [Question(*fields) for fields in request["answer"]]
        for completions in engine.answer(questions, batch_size=request["batch_size"]):
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MAXRSS_PER_MB
            parent.send({"answers": list(map(asdict, completions)), "peak_mb": peak_mb})


if __name__ == "__main__":
    main()
