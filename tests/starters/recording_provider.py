"""The provider `recording:`, a local model whose answers are written as recordings.

It is found as any plug-in is, by a package's metadata that `record_answers` puts on the path.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from workbench.canonical import JSON, digest
from workbench.model import Completion, PreparedCall, PromptCall, Request
from workbench.providers.recorded import completion_of, recorded_body
from workbench.providers.transformers import TransformersProvider
from workbench.starters.recordings import (
    RecordedAnswer,
    list_recordings,
    read_recordings,
    request_digest,
)

FOLDER = "WORKBENCH_RECORDED"  # the variable with the folder of new recordings


class RecordingProvider(TransformersProvider):
    """Answers as the local model, and appends each answer to `<folder>/<model>.jsonl`.

    A request that has been recorded before keeps its answer.
    """

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        super().__init__(name, settings)
        self._file = Path(os.environ[FOLDER]) / f"{name}.jsonl"
        self._known = read_recordings(name) if name in list_recordings() else {}
        self._requests: dict[str, str] = {}  # digests of recordings by those of local bodies

    def prepare(self, call: PromptCall) -> PreparedCall:
        prepared = super().prepare(call)
        self._requests[digest(dict(prepared.body))] = request_digest(recorded_body(call))
        return prepared

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        digests: dict[str, str] = {}  # of recordings, by the keys of requests
        known: deque[Request] = deque()

        def unknown() -> Iterator[Request | None]:
            for request in requests:
                if request is None:
                    yield None
                    continue
                digests[request.key] = self._requests[digest(request.body)]
                if digests[request.key] in self._known:
                    known.append(request)
                else:
                    yield request

        for completion in super().complete(unknown()):
            if completion.state in ("ok", "truncated"):
                self._write(recorded_answer(digests[completion.key], completion))
            yield completion
            yield from self._repeat(known, digests)
        yield from self._repeat(known, digests)

    def _repeat(self, known: "deque[Request]", digests: Mapping[str, str]) -> Iterator[Completion]:
        while known:
            request = known.popleft()
            answer = self._known[digests[request.key]]
            self._write(answer)
            yield completion_of(request.key, answer)

    def _write(self, answer: RecordedAnswer) -> None:
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(answer.as_line() + "\n")


def recorded_answer(request: str, completion: Completion) -> RecordedAnswer:
    return RecordedAnswer(
        request,
        completion.text,
        state=completion.state,
        finish_reason=completion.finish_reason,
        input_tokens=completion.usage.input_tokens,
        output_tokens=completion.usage.output_tokens,
        latency_s=round(completion.latency_s or 0.0, 3),
        choice_method="loglikelihood" if completion.choice_scores else "",
        choice_scores=completion.choice_scores,
        choice_tokens=completion.choice_tokens,
    )
