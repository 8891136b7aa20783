"""Models run on this machine by Hugging Face transformers.

    transformers:smollm2-135m-instruct
    transformers:./models/mine: {dtype: float32}

provider.py, settings.py, body.py       the provider, its settings, the body of a call
chat_template.py, template_check.py     chat templates, and the turns that they refuse or lose
checked_call.py                         a call with the warnings of that check
corrected.py                            architectures whose stored answers were wrong
weights.py, hub.py                      from a model's name to a folder of weights
model_process.py, worker.py             the process that holds the model
engine.py, batches.py                   questions answered in batches
loading.py, tokens.py                   model and tokenizer, and GGUF weights converted
forward.py, attention.py, kv_cache.py   forward passes with a shared prefix
cache_check.py, uncached.py             the fastest forward passes that are right for a model
generate.py, loglikelihood.py           free text, and the likelihood of given answers
"""

from workbench.providers.transformers.provider import TransformersProvider

__all__ = ["TransformersProvider"]
