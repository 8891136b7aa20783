"""A loaded model that answers requests in batches until it is closed."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import torch

from workbench.errors import WorkbenchError
from workbench.model import Completion, Request, State, Usage
from workbench.providers.transformers.batches import Batch, Row, batches, common_length
from workbench.providers.transformers.decode import Answer, answer
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.loading import load_model, load_tokenizer
from workbench.providers.transformers.scoring import score
from workbench.providers.transformers.settings import Settings, device_of, dtype_of
from workbench.providers.transformers.tokens import Tokens

# Requests looked at together, so that there is something to sort by length and to share. They are
# all answered once they are pulled, so this is also what a person who interrupts waits for.
WINDOW = 256

Result = TypeVar("Result")


class Engine:
    """The model in `folder`, in memory until `close`.

    Raises:
        WorkbenchError: it can't be loaded.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(load_tokenizer(folder))
        self._model: Any = load_model(folder, dtype=dtype_of(settings), device=device_of(settings))
        self._reader: Reader | None = Reader(self._model)
        self._end_ids = self._tokens.end_ids | _end_ids(self._model)
        self._longest = _longest(self._model)

    def close(self) -> None:
        """Give the memory back."""
        self._model = self._reader = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion per request, a batch at a time."""
        waiting = iter(requests)
        while window := list(islice(waiting, WINDOW)):
            rows = []
            for request in window:
                try:
                    rows.append(self._row(request))
                except WorkbenchError as error:
                    yield _failed(request, str(error))
            for batch in batches(
                rows,
                batch_size=self._settings.batch_size,
                batch_tokens=self._settings.batch_tokens,
            ):
                yield from in_pieces(batch, self._run)

    def _row(self, request: Request) -> Row:
        body = request.body
        prompt = tuple(self._tokens.encode(body))
        if not prompt:
            raise WorkbenchError("the prompt has no tokens")
        wholes = [tuple(self._tokens.encode(body, choice)) for choice in body.get("choices", ())]
        # What a choice begins with may change the prompt's last token: `: ` and `good` are read
        # as `:` and ` good`. Compared are the tokens after what all the choices leave alone.
        common = common_length([prompt, *wholes])
        choices = tuple(whole[common:] for whole in wholes)
        room = max(map(len, choices)) if choices else body["max_tokens"]
        row = Row(request, prompt[:common], len(prompt), room, choices)
        if self._longest and row.length > self._longest:
            raise WorkbenchError(
                f"{row.input_tokens} tokens of prompt and {room} of answer are more than the "
                f"{self._longest} that the model can hold",
                fix="shorten the prompt or lower max_tokens",
            )
        return row

    def _run(self, batch: Batch) -> list[Completion]:
        assert self._reader is not None
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
            yield _failed(piece.rows[0].request, reason)


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
        key=one.row.request.key,
        state=state,
        text=one.text,
        error=error,
        prefill=one.row.request.prefill,
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


def _chosen(row: Row, scores: list[float], latency_s: float) -> Completion:
    choices = row.request.body["choices"]
    found = Completion(
        key=row.request.key,
        state="invalid_response",
        prefill=row.request.prefill,
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


def _failed(request: Request, error: str) -> Completion:
    return Completion(key=request.key, state="failed", prefill=request.prefill, error=error)


def _end_ids(model: Any) -> frozenset[int]:
    found = model.generation_config.eos_token_id
    return frozenset([found] if isinstance(found, int) else found or ())


def _longest(model: Any) -> int:
    """Tokens the model can hold; 0 where its config doesn't say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or 0
