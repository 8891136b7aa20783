"""A loaded model that answers questions in batches; it lives in the process of `worker.py`."""

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
from workbench.providers.transformers.batches import Batch, BatchRow, batches, common_length
from workbench.providers.transformers.choices import score
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.generate import Answer, answer
from workbench.providers.transformers.loading import load_model, load_tokenizer
from workbench.providers.transformers.memory import free_memory, most_tokens
from workbench.providers.transformers.protocol import Question
from workbench.providers.transformers.settings import ModelSettings, device_of, dtype_of
from workbench.providers.transformers.tokens import Tokens


class Engine:
    """The model in `folder`, in memory.

    Raises:
        WorkbenchError: it can't be loaded.
    """

    def __init__(self, folder: Path, settings: ModelSettings) -> None:
        self._tokens = Tokens(load_tokenizer(folder))
        self._model: Any = load_model(folder, dtype=dtype_of(settings), device=device_of(settings))
        self._reader = Reader(self._model)
        self._end_ids = self._tokens.end_ids | _end_ids(self._model)
        self._longest = _longest(self._model)
        room = most_tokens(self._model, free_memory(device_of(settings)))
        self._most_tokens = min(settings.batch_tokens, room or settings.batch_tokens)

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
        for batch in batches(rows, batch_size=batch_size, batch_tokens=self._most_tokens):
            yield list(in_pieces(batch, self._run))

    def _row(self, question: Question) -> BatchRow:
        body = question.body
        prompt = tuple(self._tokens.encode(body))
        if not prompt:
            raise WorkbenchError("the prompt has no tokens")
        wholes = [tuple(self._tokens.encode(body, choice)) for choice in body.get("choices", ())]
        # What a choice begins with may change the prompt's last token: `: ` and `good` are read
        # as `:` and ` good`. Compared are the tokens after what all the choices leave alone.
        common = common_length([prompt, *wholes])
        choices = tuple(whole[common:] for whole in wholes)
        room = max(map(len, choices)) if choices else body["max_tokens"]
        row = BatchRow(question, prompt[:common], len(prompt), room, choices)
        if self._longest and row.length > self._longest:
            raise WorkbenchError(
                f"{row.input_tokens} tokens of prompt and {room} of answer are more than the "
                f"{self._longest} that the model can hold",
                fix="shorten the prompt or lower max_tokens",
            )
        return row

    def _run(self, batch: Batch) -> list[Completion]:
        begun = time.perf_counter()
        with torch.inference_mode():
            if batch.rows[0].choices:
                scores = score(self._reader, batch)
                each = (time.perf_counter() - begun) / len(batch.rows)
                pairs = zip(batch.rows, scores, strict=True)
                return [_chosen(row, found, each) for row, found in pairs]
            answers = answer(self._reader, batch, self._tokens, self._end_ids)
        each = (time.perf_counter() - begun) / len(batch.rows)
        return [_written(one, each) for one in answers]


def in_pieces(batch: Batch, run: Callable[[Batch], list[Completion]]) -> Iterator[Completion]:
    """What `run` makes of the batch.

    It runs in halves where it doesn't fit into memory, and row by row where anything else goes
    wrong; a row that goes wrong alone has failed, and the others go on.
    """
    waiting = [batch]
    while waiting:
        piece = waiting.pop()
        reason = ""
        smaller: tuple[Batch, ...] = ()
        try:
            found = run(piece)
        except Exception as raised:
            full = _out_of_memory(raised)
            reason = f"out of memory: {_first_line(raised)}" if full else _named(raised)
            smaller = piece.halves() if full else tuple(piece.singles())
        if not reason:
            yield from found
            continue
        gc.collect()
        if len(piece.rows) > 1:
            waiting += reversed(smaller)
        else:
            yield _failed(piece.rows[0].question, reason)


def _named(error: Exception) -> str:
    return f"the model can't answer it: {type(error).__name__}: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:300]


def _out_of_memory(error: Exception) -> bool:
    """Whether torch, which has no class for it on the CPU, or Python found no room."""
    said = str(error).lower() if isinstance(error, RuntimeError) else ""
    full = "out of memory" in said or "can't allocate memory" in said
    return full or isinstance(error, MemoryError)


def _written(one: Answer, latency_s: float) -> Completion:
    state, error = _state(one)
    return Completion(
        key=one.row.question.key,
        state=state,
        text=one.text,
        error=error,
        prefill=one.row.question.prefill,
        finish_reason=one.finish,
        usage=Usage(one.row.input_tokens, len(one.ids)),
        latency_s=latency_s,
    )


def _state(one: Answer) -> tuple[State, str]:
    """An answer's state, and what is wrong with it."""
    if one.finish == "nan":
        return "invalid_response", f"the model computed NaN after {len(one.ids)} tokens"
    if not one.text:
        return "empty_output", f"the answer is empty (finish_reason {one.finish!r})"
    return ("ok" if one.finish == "stop" else "truncated"), ""


def _chosen(row: BatchRow, scores: list[float], latency_s: float) -> Completion:
    choices = row.question.body["choices"]
    found = Completion(
        key=row.question.key,
        state="invalid_response",
        prefill=row.question.prefill,
        usage=Usage(row.input_tokens, None),
        latency_s=latency_s,
    )
    odd = [choice for choice, score in zip(choices, scores, strict=True) if not isfinite(score)]
    if odd:
        return replace(found, error=f"the likelihood of {odd[0]!r} is no number")
    best = max(range(len(scores)), key=scores.__getitem__)
    return replace(
        found,
        state="ok",
        text=choices[best],
        finish_reason="stop",
        usage=Usage(row.input_tokens, len(row.choices[best])),
        choice_scores=dict(zip(choices, scores, strict=True)),
    )


def _failed(question: Question, error: str) -> Completion:
    return Completion(key=question.key, state="failed", prefill=question.prefill, error=error)


def _end_ids(model: Any) -> frozenset[int]:
    found = model.generation_config.eos_token_id
    return frozenset([found] if isinstance(found, int) else found or ())


def _longest(model: Any) -> int:
    """Tokens the model can hold; 0 where its config doesn't say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or 0
