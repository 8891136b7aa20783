"""A loaded model that answers questions in batches, in the process of `worker.py`."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from workbench.errors import WorkbenchError
from workbench.model import Completion, State, Usage
from workbench.providers.transformers.batches import (
    Batch,
    BatchRow,
    Question,
    batches,
    common_length,
)
from workbench.providers.transformers.choices import score
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.generate import Answer, generate
from workbench.providers.transformers.loading import load_model, load_tokenizer
from workbench.providers.transformers.memory import free_memory, max_tokens
from workbench.providers.transformers.settings import ModelSettings, device_of, dtype_of
from workbench.providers.transformers.tokens import Tokens, eos_ids


class Engine:
    """The model in `folder`, in memory.

    Raises:
        WorkbenchError: it can't be loaded.
    """

    def __init__(self, folder: Path, settings: ModelSettings) -> None:
        self._tokens = Tokens(load_tokenizer(folder))
        self._model: Any = load_model(folder, dtype=dtype_of(settings), device=device_of(settings))
        self._reader = Reader(self._model)
        self._end_ids = self._tokens.end_ids | eos_ids(self._model.generation_config.eos_token_id)
        config = self._model.config.get_text_config()
        self._max_length: int = getattr(config, "max_position_embeddings", None) or 0  # 0: no limit
        fitting = max_tokens(self._model, free_memory(device_of(settings)))
        self._batch_tokens = min(settings.batch_tokens, fitting or settings.batch_tokens)

    def answer(
        self, questions: Sequence[Question], *, batch_size: int
    ) -> Iterator[list[Completion]]:
        """One completion per question, a batch at a time."""
        rows: list[BatchRow] = []
        refused: list[Completion] = []
        for question in questions:
            try:
                rows.append(self._row(question))
            except WorkbenchError as error:
                refused.append(_failed(question, str(error)))
        if refused:
            yield refused
        for batch in batches(rows, batch_size=batch_size, batch_tokens=self._batch_tokens):
            yield list(run_in_parts(batch, self._run))

    def _row(self, question: Question) -> BatchRow:
        body = question.body
        prompt = tuple(self._tokens.encode(body))
        if not prompt:
            raise WorkbenchError("the prompt has no tokens")
        answered = [tuple(self._tokens.encode(body, choice)) for choice in body.get("choices", ())]
        # A choice may change the prompt's last token: `: ` and `good` are read as `:` and
        # ` good`. So the prompt ends at the last token that no choice changes.
        common = common_length([prompt, *answered])
        choices = tuple(ids[common:] for ids in answered)
        max_new = max(map(len, choices)) if choices else body["max_tokens"]
        row = BatchRow(question, prompt[:common], len(prompt), max_new, choices)
        if self._max_length and row.length > self._max_length:
            raise WorkbenchError(
                f"{row.input_tokens} tokens of prompt and {max_new} of answer are more than the "
                f"{self._max_length} that the model can hold",
                fix="shorten the prompt or lower max_tokens",
            )
        return row

    def _run(self, batch: Batch) -> list[Completion]:
        started = time.perf_counter()
        with torch.inference_mode():
            if batch.rows[0].choices:
                scores = score(self._reader, batch)
                latency_s = (time.perf_counter() - started) / len(batch.rows)
                pairs = zip(batch.rows, scores, strict=True)
                return [_choice_completion(row, of_row, latency_s) for row, of_row in pairs]
            answers = generate(self._reader, batch, self._tokens, self._end_ids)
        latency_s = (time.perf_counter() - started) / len(batch.rows)
        return [_text_completion(answer, latency_s) for answer in answers]


def run_in_parts(batch: Batch, run: Callable[[Batch], list[Completion]]) -> Iterator[Completion]:
    """The completions of a batch.

    It runs in halves if it doesn't fit into memory, and row by row after any other error. A row
    that raises alone has failed; the others go on.
    """
    pending = [batch]
    while pending:
        part = pending.pop()
        error_message = ""
        smaller: tuple[Batch, ...] = ()
        try:
            completions = run(part)
        except Exception as error:
            first_line = next(iter(str(error).splitlines()), "")[:300]
            if _is_out_of_memory(error):
                error_message = f"out of memory: {first_line}"
                smaller = part.halves()
            else:
                error_message = f"the model can't answer it: {type(error).__name__}: {first_line}"
                smaller = tuple(part.singles())
        if not error_message:
            yield from completions
            continue
        gc.collect()  # after the except block, whose traceback holds the tensors
        if len(part.rows) > 1:
            pending += reversed(smaller)
        else:
            yield _failed(part.rows[0].question, error_message)


def _is_out_of_memory(error: Exception) -> bool:
    """True for Python's error and torch's, which has no class of its own on the CPU."""
    message = str(error).lower() if isinstance(error, RuntimeError) else ""
    full = "out of memory" in message or "can't allocate memory" in message
    return full or isinstance(error, MemoryError)


def _text_completion(answer: Answer, latency_s: float) -> Completion:
    state, error = _state(answer)
    return Completion(
        key=answer.row.question.key,
        state=state,
        text=answer.text,
        error=error,
        prefill=answer.row.question.prefill,
        finish_reason=answer.finish,
        usage=Usage(answer.row.input_tokens, len(answer.ids)),
        latency_s=latency_s,
    )


def _state(answer: Answer) -> tuple[State, str]:
    """An answer's state, and its error message."""
    if answer.finish == "nan":
        return "invalid_response", f"the model computed NaN after {len(answer.ids)} tokens"
    if not answer.text:
        return "empty_output", f"the answer is empty (finish_reason {answer.finish!r})"
    return ("ok" if answer.finish == "stop" else "truncated"), ""


def _choice_completion(row: BatchRow, scores: list[float], latency_s: float) -> Completion:
    choices = row.question.body["choices"]
    completion = Completion(
        key=row.question.key,
        state="invalid_response",
        prefill=row.question.prefill,
        usage=Usage(row.input_tokens, None),
        latency_s=latency_s,
    )
    for choice, likelihood in zip(choices, scores, strict=True):
        if not isfinite(likelihood):
            return replace(completion, error=f"the likelihood of {choice!r} is not a number")
    best = max(range(len(scores)), key=scores.__getitem__)
    return replace(
        completion,
        state="ok",
        text=choices[best],
        finish_reason="stop",
        usage=Usage(row.input_tokens, len(row.choices[best])),
        choice_scores=dict(zip(choices, scores, strict=True)),
    )


def _failed(question: Question, error: str) -> Completion:
    return Completion(key=question.key, state="failed", prefill=question.prefill, error=error)
