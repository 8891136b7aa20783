"""The provider `recording:`, a local model whose answers are written as recordings.

It is found as any plug-in is, by a package's metadata that `record_answers` puts on the path.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from workbench.canonical import JSON, digest
from workbench.model import Completion, PreparedCall, PromptCall, Request
from workbench.providers.recorded import recorded_body
from workbench.providers.transformers import TransformersProvider
from workbench.starters.recordings import RecordedAnswer, request_digest

FOLDER = "WORKBENCH_RECORDED"  # the variable with the folder of new recordings


class RecordingProvider(TransformersProvider):
    """Answers as the local model, and appends each answer to `<folder>/<model>.jsonl`."""

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        super().__init__(name, settings)
        self._file = Path(os.environ[FOLDER]) / f"{name}.jsonl"
        self._requests: dict[str, str] = {}  # digests of recordings by those of local bodies

    def prepare(self, call: PromptCall) -> PreparedCall:
        prepared = super().prepare(call)
        self._requests[digest(dict(prepared.body))] = request_digest(recorded_body(call))
        return prepared

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        bodies: dict[str, str] = {}

        def observed() -> Iterator[Request | None]:
            for request in requests:
                if request is not None:
                    bodies[request.key] = digest(request.body)
                yield request

        for completion in super().complete(observed()):
            if completion.state in ("ok", "truncated"):
                self._write(self._requests[bodies[completion.key]], completion)
            yield completion

    def _write(self, request: str, completion: Completion) -> None:
        answer = RecordedAnswer(
            request,
            completion.text,
            state=completion.state,
            finish_reason=completion.finish_reason,
            input_tokens=completion.usage.input_tokens,
            output_tokens=completion.usage.output_tokens,
            latency_s=round(completion.latency_s or 0.0, 3),
            choice_scores=completion.choice_scores,
            choice_tokens=completion.choice_tokens,
        )
        if completion.choice_scores:
            answer = replace(answer, choice_method="loglikelihood")
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(answer.as_line() + "\n")
