"""A model so small that a test can make it: random weights, a real tokenizer and chat template."""

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

from workbench.conversation import Conversation, Message
from workbench.model import Completion, PromptCall, Usage
from workbench.providers.transformers import TransformersProvider
from workbench.providers.transformers.batches import Question
from workbench.providers.transformers.engine import Engine
from workbench.providers.transformers.settings import ModelSettings
from workbench.providers.transformers.weights import weights_folder

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CORPUS = ["the film is good and the end is bad", "review: a dull plot\nsentiment: negative"] * 9


def save_tokenizer(folder: Path, chat_template: str) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    if chat_template:
        wrapped.chat_template = chat_template
    wrapped.save_pretrained(folder)


def make_model(folder: Path, *, chat_template: str = CHATML, sliding: bool = False) -> Path:
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM

    save_tokenizer(folder, chat_template)
    shape = {
        "vocab_size": 400,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "bos_token_id": None,
        "initializer_range": 0.3,
    }
    torch.manual_seed(11)
    if sliding:
        layers = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 24}
        model = Gemma3ForCausalLM(Gemma3TextConfig(**shape, **layers, head_dim=8))
    else:
        model = LlamaForCausalLM(LlamaConfig(**shape))
    model.save_pretrained(folder)
    return folder


def chat(*turns: str) -> Conversation:
    """`chat("system: be brief", "user: 2+2?")`."""
    pairs = [turn.split(": ", 1) for turn in turns]
    return Conversation(tuple(Message(role, content) for role, content in pairs))


def ask(provider: TransformersProvider, *calls: PromptCall) -> list[Completion]:
    """Answers in the order of `calls`, by the engine of the model's process, but in this one.

    The keys are r0, r1, …; a model that was loaded stays loaded.
    """
    settings = provider._settings
    questions = [
        Question(f"r{n}", json.loads(json.dumps(provider.prepare(call).body)), prefill)
        for n, (call, prefill) in enumerate((c, c.conversation.prefill) for c in calls)
    ]
    engine = _engine(weights_folder(provider.weights), settings.model_dump_json())
    batches = engine.answer(questions, batch_size=settings.batch_size)
    by_key = {completion.key: completion for batch in batches for completion in batch}
    return [_through_pipe(by_key[question.key]) for question in questions]


def _through_pipe(completion: Completion) -> Completion:
    fields = json.loads(json.dumps(asdict(completion)))
    return Completion(**{**fields, "usage": Usage(**fields["usage"])})


@cache
def _engine(folder: Path, settings: str) -> Engine:
    return Engine(folder, ModelSettings.model_validate_json(settings))


def plain_score(folder, prompt: str, choice: str) -> float:
    """The log-likelihood of `choice`, from the whole text read at once."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    before = len(tokenizer(prompt)["input_ids"])
    ids = tokenizer(prompt + choice, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        chances = model(ids).logits[0].log_softmax(dim=-1)
    places = range(before, ids.shape[1])
    return sum(float(chances[place - 1, ids[0, place]]) for place in places)
