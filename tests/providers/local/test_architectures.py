"""Text and likelihood of many architectures, against an uncached pass over the whole text."""

from contextlib import suppress
from pathlib import Path

import pytest
import torch
from tiny_architectures import make
from tiny_model import save_tokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.model import Completion, PromptCall
from workbench.providers.transformers import TransformersProvider
from workbench.providers.transformers.batches import Question
from workbench.providers.transformers.cache_check import open_reader
from workbench.providers.transformers.engine import Engine
from workbench.providers.transformers.loading import load_model
from workbench.providers.transformers.settings import ModelSettings

# Attention; capped scores; attention of its own; a hybrid's states; states only; no usable cache.
METHODS = {
    "llama": "fast",
    "gemma2": "together",
    "falcon": "together",
    "lfm2": "fast",
    "mamba2": "fast",
    "rwkv": "uncached",
}
# Parts for images or sound make a tiny model of them large, or the rules make none.
LARGE = {
    "aria",
    "emu3",
    "fuyu",
    "gemma3",
    "gemma3n",
    "git",
    "got_ocr2",
    "mllama",
    "moss_transcribe_diarize",
}
LARGE |= {"musicgen", "musicgen_melody", "phi4_multimodal", "xlm", "blt"}
SHARED = "the film is good and the end is bad review a dull plot negative " * 3
TEXTS = [f"{SHARED}{end}" for end in ("the film", "a", "dull the film is", "good")]
LARGE |= {
    "gemma4",
    "gemma4_unified",
    "llama4",
    "qwen3_5",
    "qwen3_5_moe",
}  # their text models are tried by themselves
BORDER = 52  # tokens: two of the texts cross it with their answers, two stay below it
CHOICES = [" good", " dull plot and a bad end", " bad film"]


def ids(engine: Engine, text: str) -> list[int]:
    return engine._tokens.encode({"text": text})


def expected_score(model, prompt: list[int], whole: list[int]) -> float:
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([whole]), use_cache=False).logits[0].float()
    chances = logits.log_softmax(dim=-1)
    return sum(float(chances[n - 1, whole[n]]) for n in range(len(prompt), len(whole)))


def expected_text(model, engine: Engine, prompt: list[int], count: int) -> str:
    answer: list[int] = []
    for _ in range(count):
        whole = torch.tensor([prompt + answer])
        with torch.inference_mode():
            token = int(model(input_ids=whole, use_cache=False).logits[0, -1].argmax())
        if token == 2:
            break
        answer.append(token)
    return engine._tokens.decode(prompt, answer)


def answer(engine: Engine, bodies: list[dict], size: int) -> list[Completion]:
    questions = [Question(f"q{n}", body) for n, body in enumerate(bodies)]
    by_key = {c.key: c for batch in engine.answer(questions, batch_size=size) for c in batch}
    return [by_key[question.key] for question in questions]


def check(model_type: str, folder: Path, **config) -> Engine:
    """Compare answers alone and in company with uncached passes."""
    save_tokenizer(folder, "")
    model = make(model_type, vocab_size=400, **config)
    model.save_pretrained(folder)
    engine = Engine(folder, ModelSettings(dtype="float32", device="cpu"))
    prompts = [ids(engine, text) for text in TEXTS]
    texts = [expected_text(engine._model, engine, prompt, 6) for prompt in prompts]
    scores = [
        {c: expected_score(engine._model, ids(engine, t), ids(engine, t + c)) for c in CHOICES}
        for t in TEXTS
    ]
    for size in (1, 4):
        completions = answer(engine, [{"text": t, "max_tokens": 6} for t in TEXTS], size)
        assert [c.text for c in completions] == texts
        for choices in (CHOICES, CHOICES[::-1]):
            completions = answer(engine, [{"text": t, "choices": choices} for t in TEXTS], size)
            for completion, expected in zip(completions, scores, strict=True):
                assert completion.choice_scores == pytest.approx(expected, abs=5e-3)
    return engine


@pytest.mark.parametrize("model_type", METHODS)
def test_answers_are_those_of_uncached_passes(model_type, tmp_path):
    assert check(model_type, tmp_path).method == METHODS[model_type]


def test_model_without_a_causal_form_is_refused_in_a_line(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "distilbert"}')
    with pytest.raises(WorkbenchError, match="no model that continues texts") as refused:
        load_model(tmp_path, dtype="float32", device="cpu")
    assert (str(tmp_path), "causal") == (refused.value.where, refused.value.fix.split()[2])


@pytest.mark.parametrize("scale", [1.0, 0.08], ids=["attends", "hardly attends"])
def test_encoder_is_refused(scale):
    model = make("bert")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale if parameter.ndim > 1 else 1.0)
    with pytest.raises(WorkbenchError, match="the model is an encoder"):
        open_reader(model, "")


def test_answers_are_right_across_a_border_of_rotary_positions(tmp_path):
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * 4,
        "long_factor": [3.0] * 4,
        "original_max_position_embeddings": BORDER,
    }
    check("phi3", tmp_path, rope_parameters=rope)


ALL = sorted({*MODEL_FOR_CAUSAL_LM_MAPPING_NAMES} - LARGE)


@pytest.mark.nightly
def test_at_least_fifty_architectures_are_tried():
    made = 0
    for model_type in ALL:
        with suppress(Exception):
            make(model_type)
            made += 1
    assert made >= 50


@pytest.mark.nightly
@pytest.mark.parametrize("model_type", ALL)
def test_every_architecture_is_right_or_refused(model_type, tmp_path):
    try:
        make(model_type)
    except Exception as error:
        pytest.skip(f"no tiny model of it: {error}")
    try:
        check(model_type, tmp_path)
    except WorkbenchError as refused:
        if "encoder" not in str(refused):
            raise


@pytest.mark.parametrize(
    ("model_type", "identity", "body"),
    [("llama", False, False), ("falcon", True, False), ("lfm2", False, True)],
)
def test_only_keys_of_wrong_answers_change(model_type, identity, body, tmp_path):
    save_tokenizer(tmp_path, "")
    make(model_type, vocab_size=400).save_pretrained(tmp_path)
    provider = TransformersProvider(str(tmp_path), {})
    call = PromptCall(Conversation(text="the film"), {"max_tokens": 4})
    choices = PromptCall(Conversation(text="the film"), choices=tuple(CHOICES))
    changed = [
        "forward_passes" in part
        for part in (provider.identity, provider.prepare(choices).body, provider.prepare(call).body)
    ]
    assert changed == [identity, body, False]
