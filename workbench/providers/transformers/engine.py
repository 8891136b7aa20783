"""A loaded model that answers questions in batches, in the process of `worker.py`."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import Completion, State, Usage
from workbench.providers.transformers.batches import (
    Batch,
    BatchRow,
    Question,
    batches,
    common_length,
)
from workbench.providers.transformers.cache_check import open_reader
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.generate import Answer, generate
from workbench.providers.transformers.loading import load_model, load_tokenizer
from workbench.providers.transformers.loglikelihood import score
from workbench.providers.transformers.settings import ModelSettings, device_of, dtype_of
from workbench.providers.transformers.tokens import Tokens, eos_ids
from workbench.providers.transformers.uncached import UncachedReader, rope_border

MAX_LOGITS = 2**26  # numbers of one tensor: logits of choices, at each of their tokens
CACHE_SHARE = 0.5  # of the free memory, for keys and values; the rest is for activations
MEMORY = Path("/proc/meminfo")
LIMITS = Path("/sys/fs/cgroup")  # a container's own limit


class Engine:
    """The model in `folder`, in memory.

    Args:
        fingerprint: of weights, dtype and device, for the stored result of the cache check.

    Attributes:
        method: of its forward passes; see cache_check.py.

    Raises:
        WorkbenchError: it can't be loaded, or can't continue a text.
    """

    def __init__(self, folder: Path, settings: ModelSettings, fingerprint: str = "") -> None:
        self._tokens = Tokens(load_tokenizer(folder), settings.chat_template, settings.date)
        self._model: Any = load_model(folder, dtype=dtype_of(settings), device=device_of(settings))
        self._reader, self.method = open_reader(self._model, fingerprint)
        self._uncached = UncachedReader(self._model)
        self._end_ids = self._tokens.end_ids | eos_ids(self._model.generation_config.eos_token_id)
        config = self._model.config.get_text_config()
        self._border = rope_border(config)
        self._vocabulary: int = config.vocab_size
        self._max_length: int = getattr(config, "max_position_embeddings", None) or 0  # 0: no limit
        fitting = max_tokens(self._model, free_memory(device_of(settings)))
        self._batch_tokens = min(settings.batch_tokens, fitting or settings.batch_tokens)

    def answer(
        self, questions: Sequence[Question], *, batch_size: int
    ) -> Iterator[list[Completion]]:
        """One completion per question, a batch at a time."""
        rows: list[BatchRow] = []
        rejected: list[Completion] = []
        for question in questions:
            try:
                rows.append(self._row(question))
            except WorkbenchError as error:
                rejected.append(replace(_failed(question, str(error)), state="rejected"))
        if rejected:
            yield rejected
        crossing = [row for row in rows if 0 < self._border < row.length]
        rows = [row for row in rows if row not in crossing] if crossing else rows
        if self.method not in ("fast", "together"):
            batch_size = 1
        for batch in batches(rows, batch_size=batch_size, batch_tokens=self._batch_tokens):
            yield list(run_in_parts(batch, partial(self._run, self._reader)))
        for row in crossing:
            yield list(run_in_parts(Batch((row,), 0), partial(self._run, self._uncached)))

    def _row(self, question: Question) -> BatchRow:
        body = question.body
        prompt = tuple(self._tokens.encode(body))
        if not prompt:
            raise WorkbenchError("the prompt has no tokens")
        context = prompt
        choices: tuple[tuple[int, ...], ...] = ()
        if texts := body.get("choices", ()):
            context, choices = self._split_choices(body, texts, prompt)
        max_new = max(map(len, choices)) if choices else body["max_tokens"]
        row = BatchRow(question, context, len(prompt), max_new, choices)
        if self._max_length and row.length > self._max_length:
            raise WorkbenchError(
                f"{row.input_tokens} tokens of prompt and {max_new} of answer are more than the "
                f"{self._max_length} that the model can hold",
                fix="shorten the prompt or lower max_tokens",
            )
        return row

    def _split_choices(
        self, body: Mapping[str, JSON], choices: Sequence[str], prompt: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
        """The ids of the context, and of each choice behind it.

        A choice may change the prompt's last token: `: ` and `good` are read as `:` and ` good`.
        So white space at the prompt's end belongs to the choice, as in lm-evaluation-harness, and
        the context ends at the last token that no choice changes.
        """
        answered = [tuple(self._tokens.encode(body, choice)) for choice in choices]
        context = tuple(self._tokens.encode_context(body))
        common = common_length([context, *answered])
        if not common:
            raise WorkbenchError("the prompt has no tokens before the choices")
        for choice, ids in zip(choices, answered, strict=True):
            if len(ids) == common or ids == prompt:
                raise WorkbenchError(f"the choice {choice!r} has no tokens")
        return context[:common], tuple(ids[common:] for ids in answered)

    def _run(self, reader: Reader | UncachedReader, batch: Batch) -> list[Completion]:
        started = time.perf_counter()
        with torch.inference_mode():
            if batch.rows[0].choices:
                size = max(1, MAX_LOGITS // (batch.max_new * self._vocabulary))
                starts = range(0, len(batch.rows), size)
                parts = [Batch(batch.rows[n : n + size], batch.shared) for n in starts]
                scores = [row for part in parts for row in score(reader, part)]
                completions = list(map(_choice_completion, batch.rows, scores))
            else:
                answers = generate(reader, batch, self._tokens, self._end_ids)
                completions = list(map(_text_completion, answers))
        latency_s = (time.perf_counter() - started) / len(batch.rows)
        return [replace(completion, latency_s=latency_s) for completion in completions]


def max_tokens(model: Any, free: int | None) -> int | None:
    """Tokens whose keys and values fit into their share of `free` bytes; None: unknown.

    SmolLM2-135M in bfloat16: 30 layers x 2 x 3 heads x 64 numbers x 2 bytes = 23 KB a token.
    """
    config = model.config.get_text_config()
    try:
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        numbers = config.num_hidden_layers * 2 * heads * size
    except (AttributeError, RuntimeError):  # states of one size, or layers that differ
        return None
    return None if free is None else int(free * CACHE_SHARE) // (numbers * model.dtype.itemsize)


def free_memory(device: str) -> int | None:
    """Bytes that are free on `device`; None: unknown."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    if device != "cpu" or not MEMORY.is_file():
        return None
    lines = dict(line.split(":", 1) for line in MEMORY.read_text(encoding="ascii").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    with suppress(OSError, ValueError):  # no such file, or `max`: no limit
        limit, used = (int((LIMITS / f"memory.{n}").read_text()) for n in ("max", "current"))
        free = min(free, max(0, limit - used))
    return free


def run_in_parts(batch: Batch, run: Callable[[Batch], list[Completion]]) -> Iterator[Completion]:
    """The completions of a batch.

    It runs in halves if it doesn't fit into memory, and row by row after any other error. A row
    that raises alone has failed; the others go on.
    """
    pending = [batch]
    while pending:
        part = pending.pop()
        rows, middle = part.rows, len(part.rows) // 2
        try:
            completions = run(part)
        except Exception as error:
            first_line = next(iter(str(error).splitlines()), "")[:300]
            if _is_out_of_memory(error):
                error_message = f"out of memory: {first_line}"
                smaller = [Batch(half, part.shared) for half in (rows[middle:], rows[:middle])]
            else:
                error_message = f"the model can't answer it: {type(error).__name__}: {first_line}"
                smaller = [Batch((row,), shared=0) for row in reversed(rows)]
        else:
            yield from completions
            continue
        gc.collect()  # after the except block, whose traceback holds the tensors
        if len(rows) > 1:
            pending += smaller
        else:
            yield _failed(rows[0].question, error_message)


def _is_out_of_memory(error: Exception) -> bool:
    """True for Python's error and torch's, which has no class of its own on the CPU."""
    message = str(error).lower() if isinstance(error, RuntimeError) else ""
    full = "out of memory" in message or "can't allocate memory" in message
    return full or isinstance(error, MemoryError)


def _text_completion(answer: Answer) -> Completion:
    error = ""
    state: State = "ok" if answer.finish == "stop" else "truncated"
    if answer.finish == "nan":
        state, error = "invalid_response", f"the model computed NaN after {len(answer.ids)} tokens"
    return Completion(
        key=answer.row.question.key,
        state=state,
        text=answer.text,
        error=error,
        prefill=answer.row.question.prefill,
        finish_reason=answer.finish,
        usage=Usage(answer.row.input_tokens, len(answer.ids)),
    )


def _choice_completion(row: BatchRow, scores: list[float]) -> Completion:
    choices = row.question.body["choices"]
    completion = Completion(
        key=row.question.key,
        state="invalid_response",
        prefill=row.question.prefill,
        usage=Usage(row.input_tokens, None),
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
        choice_tokens=dict(zip(choices, map(len, row.choices), strict=True)),
    )


def _failed(question: Question, error: str) -> Completion:
    return Completion(key=question.key, state="failed", prefill=question.prefill, error=error)
