"""The child process that holds a model, so that its end ends nothing else.

It writes an empty line when it is there, reads one JSON object a line and answers in JSON lines:

    {"load": {"folder": "/models/smollm2", "settings": {"dtype": "bfloat16", …}}}
        -> {"loaded": true}
        -> {"refused": {"message": "…", "where": "", "fix": "…"}}
    {"answer": [["4f0c…", {"text": "2+2=", "max_tokens": 8}, ""], …], "batch_size": 32}
        -> {"answers": [{"key": "4f0c…", "state": "ok", "text": "4", …}, …], "peak_mb": 912}
           a line a batch, until every question is answered

Run as `python -m workbench.providers.transformers.worker PARENT`: our process's number.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.providers.transformers.engine import Engine
from workbench.providers.transformers.protocol import Question, answer_as_json
from workbench.providers.transformers.settings import ModelSettings
from workbench.workers.child import die_with

# Where memory runs out the system ends the process with the most points: this one, which costs a
# restart, and not the one that pays for answers.
EXPENDABLE = "800"
MB = 1024 if sys.platform == "linux" else 1024 * 1024  # of what the system counts memory in


class ModelWorker:
    """A model, once it is loaded."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def replies(self, asked: Mapping[str, JSON]) -> Iterator[JSON]:
        """What is said to one question, line by line."""
        if "load" in asked:
            yield self._load(
                Path(asked["load"]["folder"]), ModelSettings(**asked["load"]["settings"])
            )
            return
        assert self._engine
        questions = [Question(*one) for one in asked["answer"]]
        for answers in self._engine.answer(questions, batch_size=asked["batch_size"]):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MB
            yield {"answers": [answer_as_json(one) for one in answers], "peak_mb": peak}

    def _load(self, folder: Path, settings: ModelSettings) -> JSON:
        try:
            self._engine = Engine(folder, settings)
        except WorkbenchError as error:
            return {"refused": {"message": error.message, "where": error.where, "fix": error.fix}}
        return {"loaded": True}


def main() -> None:
    """Answers until nobody asks."""
    die_with(int(sys.argv[1]))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(EXPENDABLE, encoding="ascii")
    questions, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for pipe in (0, 1, 2):  # what a library prints is no answer
        os.dup2(null, pipe)
    replies.write(b"\n")
    replies.flush()
    desk = ModelWorker()
    for question in questions:
        for reply in desk.replies(json.loads(question)):
            replies.write(json.dumps(reply).encode() + b"\n")
            replies.flush()


if __name__ == "__main__":
    main()
