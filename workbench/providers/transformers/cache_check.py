"""A check of a loaded model: its logits with a cache and in company are those without.

    fast        rows in batches, their shared prefix stored once, with our own attention
    together    rows in batches, with the model's attention
    alone       one row at a time, with a cache
    uncached    one row at a time, its whole text read again for each token

A few dozen tokens are read as batches read them: a shared prefix, rows of different lengths,
continuations tried one after the other, single tokens, rows removed. The logits are compared with
those of a row that is read at once, without a cache. The fastest method that is right is used.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import inf, isfinite
from statistics import median
from typing import Any

import torch

from workbench.catalog.cache import add_to_json, cache_dir, read_json
from workbench.errors import WorkbenchError
from workbench.providers.transformers import attention
from workbench.providers.transformers.batches import Batch, BatchRow, Question
from workbench.providers.transformers.forward import Reader
from workbench.providers.transformers.loading import quiet
from workbench.providers.transformers.uncached import UncachedReader

CHECK = 2  # raised when the check changes
# Of the logits' spread. Wrong states of random models: 0.005 to 1.7. Rounding: 0.00002 in float32,
# 0.5 in bfloat16.
TOLERANCE = 0.002
HALF_TOLERANCE = 0.7
MAX_COPIED = 500_000_000  # parameters that are checked in float32 whatever their dtype
# Two texts of one length differ only behind the tokens compared. Encoders whose random weights
# hardly attend: 0.000009 and more; rounding in experts of causal models: 0.0000002.
CAUSAL = 0.000003
HALF_CAUSAL = 0.002
SHARED, PROMPTS, CONTINUED = 5, (42, 9), 3


@dataclass(frozen=True)
class Probe:
    """A text whose first `prompt` tokens are read at once.

    `logits`: after the last token of the prompt and after each of the others.
    """

    ids: list[int]
    prompt: int
    logits: torch.Tensor


def open_reader(model: Any, fingerprint: str) -> tuple[Reader | UncachedReader, str]:
    """A reader of the fastest method that gives the logits of an uncached forward pass.

    Args:
        model: loaded.
        fingerprint: of weights, dtype and device, under which the method is stored in the cache
            folder; empty: the model is checked at every load.

    Raises:
        WorkbenchError: no method gives them, as for an encoder.
    """
    key = f"{fingerprint} {version('transformers')} {version('torch')} {CHECK}"
    file = cache_dir() / "model_checks.json"
    method = read_json(file).get(key, "") if fingerprint else ""
    if method not in METHODS:
        with torch.inference_mode(), quiet():
            method = _first_right(_exact_copy(model))
        if fingerprint:
            add_to_json(file, key, method)
    return METHODS[method](model), method


def _exact_copy(model: Any) -> Any:
    """The model in float32, where rounding hides no error; the model itself if it is large."""
    numbers = sum(parameter.numel() for parameter in model.parameters())
    if model.dtype == torch.float32 or numbers > MAX_COPIED:
        return model
    # A copy gets these in place of its own, so the weights are copied once.
    exact = {id(p): torch.nn.Parameter(p.float(), p.requires_grad) for p in model.parameters()}
    return copy.deepcopy(model, exact).float()


def _first_right(model: Any) -> str:
    expected = _expected(model)
    for method, build in METHODS.items():
        rows = [list(range(len(expected)))] if method in ("fast", "together") else [[0], [1]]
        attention_before = model.config._attn_implementation
        try:
            reader = build(model)
            if isinstance(reader, UncachedReader):
                break
            errors = [_largest_error(reader, [expected[n] for n in part]) for part in rows]
        except Exception:  # a model's own code may raise any; another method may do without it
            errors = [inf]
        if max(errors) <= tolerance(model):
            return method
        if model.config._attn_implementation != attention_before:
            model.set_attn_implementation(attention_before)
    return "uncached"


def _expected(model: Any) -> list[Probe]:
    """Texts, and their logits without a cache.

    Raises:
        WorkbenchError: the model can't read them, or it is an encoder.
    """
    vocabulary = model.get_input_embeddings().weight.shape[0]
    spread = torch.linspace(1, vocabulary - 1, SHARED + 2 * (max(PROMPTS) + CONTINUED))
    ids = spread.long().tolist()
    reader, probes = UncachedReader(model), []
    try:
        for number, prompt in enumerate(PROMPTS):
            text = ids[:SHARED] + ids[SHARED + number :: 2][: prompt - SHARED + CONTINUED]
            short = prompt == min(PROMPTS)
            logits = reader.logits(text, keep=len(text) if short else CONTINUED + 1)
            probes.append(Probe(text, prompt, logits[-CONTINUED - 1 :]))
        changed = reader.logits(text[:prompt] + text[prompt:][::-1], keep=len(text))
    except Exception as error:
        message = f"the model can't read a text: {type(error).__name__}: {error}"
        raise WorkbenchError(message[:400], fix="use a causal language model") from error
    causal = CAUSAL if model.dtype == torch.float32 else HALF_CAUSAL
    if median(map(_error, changed[:prompt], logits)) > causal:
        raise WorkbenchError(
            "the model is an encoder: its logits of a token depend on the tokens after it, "
            "so it can't continue a text",
            fix="use a causal language model",
        )
    return probes


def _largest_error(reader: Reader, probes: Sequence[Probe]) -> float:
    """The largest error of logits that `reader` computes with a cache."""
    rows = tuple(
        BatchRow(Question("", {}), tuple(probe.ids[: probe.prompt]), probe.prompt, 2 * CONTINUED)
        for probe in probes
    )
    reading = reader.read(Batch(rows, SHARED if len(rows) > 1 else 0))

    def next_error(offset: int, numbers: Sequence[int]) -> float:
        return max(
            _error(reading.logits[place], probes[n].logits[offset])
            for place, n in enumerate(numbers)
        )

    numbers = list(range(len(rows)))
    errors = [next_error(0, numbers)]
    following = torch.tensor([probe.ids[probe.prompt :] for probe in probes])
    following = following.to(reading.logits.device)
    mask = torch.ones_like(following)
    mask[-1, -1] = 0  # padding, as behind a shorter choice
    reader.peek(reading, following.flip(1), mask)
    logits = reader.peek(reading, following, mask)
    errors += [
        _error(logits[n, place], probe.logits[place + 1])
        for n, probe in enumerate(probes)
        for place in range(CONTINUED - 1)
    ]
    for offset in range(CONTINUED):
        if offset == CONTINUED // 2 and len(numbers) > 1:
            numbers = numbers[1:]
            reading.keep(numbers)
        reader.step(reading, following[numbers, offset])
        errors.append(next_error(offset + 1, numbers))
    return max(errors)


def tolerance(model: Any) -> float:
    """The largest error that rounding explains in the model's dtype."""
    return TOLERANCE if model.dtype == torch.float32 else HALF_TOLERANCE


def _error(logits: torch.Tensor, expected: torch.Tensor) -> float:
    """Distance of logits, as a share of their spread; 0 where the expected are NaN."""
    if not expected.isfinite().all():
        return 0.0
    distance = float((logits - expected).norm())
    spread = float((expected - expected.mean()).norm())
    return distance / max(spread, 1e-9) if isfinite(distance) else inf


METHODS: Mapping[str, Callable[[Any], Reader | UncachedReader]] = {
    "fast": lambda model: Reader(model, shares_prefix=attention.use(model)),
    "together": Reader,
    "alone": Reader,
    "uncached": UncachedReader,
}
